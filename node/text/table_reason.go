package text

// reasons are why a parcel has not arrived, by replication.Reason.
var reasons = map[string]phrase{
	"parcel.why.unreachable":       {"Nơi nhận không trả lời: mất đường truyền, hoặc máy chủ bên đó đang tắt", "The recipient does not answer: a line is down, or its machine is off"},
	"parcel.why.impostor":          {"Ở địa chỉ của nơi nhận có máy khác trả lời; kiểm tra địa chỉ, hoặc nơi nhận vừa đổi khóa", "Another machine answers at the recipient’s address; check the address, or the recipient has a new key"},
	"parcel.why.recipient_revoked": {"Khóa của nơi nhận đã bị thu hồi; nơi nhận phải đăng ký lại máy chủ", "The recipient’s key is revoked; it must be enrolled again"},
	"parcel.why.recipient_unknown": {"Danh bạ tại đây chưa có nơi nhận", "The edition at hand does not know the recipient"},
	"parcel.why.not_allowed":       {"Máy chủ nơi nhận không cho phép kết nối này", "The recipient’s machine does not allow this"},
	"parcel.why.reply_too_new":     {"Nơi nhận dùng phiên bản mới hơn; nâng cấp máy chủ tại đây", "The recipient runs a newer version; upgrade this machine"},
	"parcel.why.bad_receipt":       {"Biên nhận của nơi nhận không hợp lệ; có thể nơi nhận vừa đổi khóa", "The recipient’s receipt does not hold; it may have a new key"},
	"parcel.why.fault":             {"Lỗi của máy chủ tại đây; xem nhật ký hệ thống", "A fault of this machine; see its log"},
	"parcel.why.kept_by_relay":     {"Chưa liên lạc được với nơi nhận; trạm trung chuyển đang giữ và sẽ chuyển khi nơi nhận có mạng", "The recipient is out of reach; a relay keeps it and hands it over when the recipient is back"},
	"parcel.why.relay_dropped":     {"Bộ phận công nghệ thông tin của tỉnh đã gỡ gói này khỏi trạm trung chuyển; cơ quan vẫn giữ bản gốc và tiếp tục gửi trực tiếp", "The province’s IT has taken it off the relay; this office still has it and goes on trying directly"},
	"parcel.why.no_room":           {"Nơi nhận hết chỗ chứa", "The recipient has no room for it"},
	"parcel.why.too_busy":          {"Nơi nhận đang bận", "The recipient is busy"},
	"parcel.why.sender_unknown":    {"Nơi nhận chưa biết khóa của cơ quan này; sẽ gửi lại khi danh bạ được cập nhật", "The recipient does not know this office’s key yet; it is sent again when its edition is newer"},
	"parcel.why.wrong_recipient":   {"Gói chuyển ghi nơi nhận khác", "It is addressed to somebody else"},
	"parcel.why.not_genuine":       {"Nội dung nhận được không khớp chữ ký; sẽ gửi lại", "What arrived is not what was signed; it is sent again"},
	"parcel.why.inbox_failed":      {"Nơi nhận chưa ghi được; sẽ gửi lại", "The recipient could not store it; it is sent again"},
	"parcel.why.too_new":           {"Nơi nhận cần nâng cấp phiên bản mới đọc được", "The recipient must upgrade to read it"},
	"parcel.why.sender_revoked":    {"Gói chuyển được ký bằng khóa đã thu hồi; báo quản trị hệ thống", "It was signed with a key that is revoked; tell the administrator"},
	"parcel.why.other_key":         {"Gói chuyển được mã hóa cho khóa cũ của nơi nhận; báo quản trị hệ thống", "It was sealed to a former key of the recipient; tell the administrator"},
}
