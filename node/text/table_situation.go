package text

// situations are what stands in somebody's way, beside the pages of table_desk.go that say so.
var situations = map[string]phrase{
	"problem.dossier":       {"Mở lại hồ sơ", "Open the dossier again"},
	"problem.absent.filing": {"Bản nháp vẫn được giữ. Nộp hồ sơ giấy tại Bộ phận Một cửa của cơ quan đó, hoặc hỏi cơ quan tại đây.", "Your draft is kept. File on paper at the one-stop desk of that office, or ask the office here."},
	"act.absent":            {"%s chưa có máy chủ trong hệ thống nên chưa chuyển được. Hồ sơ vẫn ở đây; chuyển bằng giấy hoặc hỏi tỉnh.", "%s has no server in this system yet, so it cannot be forwarded. The dossier stays here; forward it on paper or ask the province."},
	"fault.other_door":      {"Tài khoản này là tài khoản cán bộ, công chức. Đăng nhập tại trang xử lý hồ sơ của cơ quan", "This is an officer’s account. Sign in at the officers’ desk"},
	"fault.citizen_door":    {"Tài khoản này là tài khoản của người dân, doanh nghiệp. Đăng nhập tại cổng dành cho người dân", "This is a citizen’s or business account. Sign in at the citizens’ portal"},
	"slip.no_papers":        {"Không nhận giấy tờ nào", "No papers were received"},
	"outbox.no_directory":   {"Không liên lạc được danh bạ tỉnh", "The directory of the province is out of reach"},
	"fresh.no_directory":    {"không liên lạc được danh bạ tỉnh", "the directory of the province is out of reach"},
}
