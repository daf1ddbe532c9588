package catalogue

import (
	"strings"

	"motcua/directory/fold"
)

// SheetKind is what the rows of a sheet are. Append only.
type SheetKind string

// The kinds of sheets.
const (
	Procedures   SheetKind = "procedures"
	Requirements SheetKind = "requirements"
	Steps        SheetKind = "steps"
	Fees         SheetKind = "fees"
	LongTexts    SheetKind = "long_texts"
)

// Column is one column of a sheet: what it is called, what else offices call it, and how to fill it in.
type Column struct {
	ID      string
	Heading string
	Note    string
	Width   int
	List    string // the choices: "levels", "offices", "fields", "units", "yesno", "kinds", "currencies"; "" for free text
	others  string // other headings, folded, divided by |
}

// kinds are the sheets in order, with their names and columns. The first two columns of a part say what it belongs to.
var sheets = []struct {
	Kind    SheetKind
	Name    string
	others  string // words of other names, folded, divided by |
	Columns []Column
}{
	{Procedures, "Thủ tục", "thu tuc|danh muc|procedure|tthc", []Column{
		{"code", "Mã thủ tục", "Mã quốc gia dạng d.dddddd, ví dụ 1.001193. Ghi dạng chữ.", 14, "", "ma tthc|ma thu tuc hanh chinh|ma so thu tuc|ma so tthc|ma so|ma|code|procedure code"},
		{"name", "Tên thủ tục", "Tên đầy đủ theo quyết định công bố.", 60, "", "ten tthc|ten thu tuc hanh chinh|thu tuc hanh chinh|ten thu tuc|thu tuc|ten|name"},
		{"name_en", "Tên tiếng Anh", "Không bắt buộc.", 30, "", "ten thu tuc tieng anh|english name"},
		{"field", "Lĩnh vực", "Chọn trong danh mục; lĩnh vực mới sẽ được thêm vào.", 24, "fields", "ten linh vuc|linh vuc thu tuc|field"},
		{"level", "Cấp giải quyết", "Chọn trong danh mục.", 16, "levels", "cap thuc hien|cap|cap hanh chinh|level"},
		{"office", "Cơ quan giải quyết", "Chỉ ghi khi một cơ quan nhất định giải quyết; để trống: mọi cơ quan của cấp.", 34, "offices", "co quan thuc hien|co quan|ma co quan|don vi thuc hien|co quan co tham quyen|co quan chu tri|office|agency"},
		{"limit", "Thời hạn giải quyết", "Số; 0 là trong ngày. Có thể ghi cả chữ: 10 ngày làm việc.", 12, "", "thoi han|thoi gian giai quyet|thoi gian|tong thoi gian|time limit|limit"},
		{"unit", "Đơn vị thời hạn", "Ngày làm việc, ngày, hoặc giờ làm việc.", 16, "units", "don vi|don vi tinh|don vi thoi gian|unit"},
		{"fees", "Phí, lệ phí", "Chỉ dùng khi không ghi ở trang Phí, lệ phí. Ví dụ: Lệ phí: 50.000 đồng; hoặc Không.", 24, "", "phi le phi neu co|le phi|phi|muc thu|muc phi|fee|fees"},
		{"papers", "Thành phần hồ sơ", "Chỉ dùng khi không ghi ở trang Thành phần hồ sơ: mỗi giấy tờ một dòng.", 24, "", "thanh phan|giay to|giay to phai nop|ho so gom|requirements|documents"},
		{"subjects", "Đối tượng thực hiện", "Công dân, doanh nghiệp, tổ chức; mỗi đối tượng một dòng.", 18, "", "doi tuong|subjects"},
		{"result", "Kết quả", "Giấy tờ người nộp nhận được.", 34, "", "ket qua thuc hien|ket qua giai quyet|ket qua thuc hien thu tuc|result"},
		{"result_en", "Kết quả tiếng Anh", "Không bắt buộc.", 24, "", "english result"},
		{"conditions", "Yêu cầu, điều kiện", "Để trống nếu không có.", 34, "", "dieu kien|yeu cau|yeu cau dieu kien thuc hien|conditions"},
		{"conditions_en", "Điều kiện tiếng Anh", "Không bắt buộc.", 20, "", "english conditions"},
		{"legal", "Căn cứ pháp lý", "Mỗi văn bản một dòng.", 40, "", "can cu|co so phap ly|van ban phap ly|legal basis"},
		{"decision", "Quyết định công bố", "Để trống: ghi quyết định của lần công bố.", 24, "", "quyet dinh|so quyet dinh|so quyet dinh cong bo|decision"},
		{"from", "Có hiệu lực từ", "Ngày/tháng/năm.", 13, "", "hieu luc tu|ngay hieu luc|ngay co hieu luc|tu ngay|valid from"},
		{"to", "Hết hiệu lực", "Để trống nếu chưa định.", 13, "", "hieu luc den|ngay het hieu luc|den ngay|valid to"},
		{"synonyms", "Từ khóa tìm kiếm", "Từ người dân hay gọi, mỗi từ một dòng.", 24, "", "tu khoa|synonyms|search words"},
		{"version", "Phiên bản", "Do phần mềm ghi.", 9, "", "version"},
		{"check", "Cần kiểm tra", "Những mục phần mềm tự điền hoặc đoán. Kiểm tra xong thì xóa.", 24, "", "to check|check"},
		{"faults", "Lỗi cần sửa", "Do phần mềm ghi; khi nhập lại không đọc cột này.", 60, "", "loi|faults"},
		{"key", "Số bản ghi", "Do phần mềm ghi khi mã thiếu hoặc trùng: các trang khác dùng số này thay cho mã.", 9, "", "record"},
		{"raw", "Nguyên văn", "Phần không đọc được của tệp nguồn.", 30, "", "raw"},
	}},
	{Requirements, "Thành phần hồ sơ", "thanh phan|giay to|requirement|document", []Column{
		{"code", "Mã thủ tục", "Thủ tục mà giấy tờ này thuộc về.", 14, "", "ma tthc|ma thu tuc hanh chinh|ma so tthc|procedure code|code"},
		{"order", "STT", "Không bắt buộc.", 6, "", "tt|so tt|so thu tu|no"},
		{"id", "Mã thành phần", "Do phần mềm ghi; giữ nguyên khi đổi tên giấy tờ.", 20, "", "ma giay to|id"},
		{"name", "Tên giấy tờ", "", 60, "", "ten thanh phan|ten thanh phan ho so|thanh phan ho so|thanh phan|giay to|ten|name"},
		{"name_en", "Tên tiếng Anh", "Không bắt buộc.", 30, "", "english name"},
		{"originals", "Số bản chính", "", 10, "", "ban chinh|so luong ban chinh|originals"},
		{"copies", "Số bản sao", "", 10, "", "ban sao|so luong ban sao|copies"},
		{"required", "Bắt buộc", "Có hoặc Không; để trống là Có.", 10, "yesno", "required"},
		{"note", "Ghi chú", "Trường hợp nào, mẫu nào.", 40, "", "note|truong hop"},
		{"note_en", "Ghi chú tiếng Anh", "Không bắt buộc.", 20, "", "english note"},
	}},
	{Steps, "Quy trình", "quy trinh|cac buoc|buoc|step|route", []Column{
		{"code", "Mã thủ tục", "Thủ tục mà bước này thuộc về.", 14, "", "ma tthc|ma thu tuc hanh chinh|ma so tthc|procedure code|code"},
		{"order", "STT", "Các bước theo thứ tự dòng.", 6, "", "tt|so tt|so thu tu|no|buoc so"},
		{"id", "Mã bước", "Do phần mềm ghi.", 16, "", "id"},
		{"name", "Tên bước", "", 50, "", "buoc|noi dung cong viec|noi dung|cong viec|ten|step|name"},
		{"name_en", "Tên tiếng Anh", "Không bắt buộc.", 30, "", "english name"},
		{"kind", "Loại bước", "Xử lý, Quyết định, hoặc Trả kết quả (bước cuối).", 16, "kinds", "loai|kind"},
		{"level", "Cấp thực hiện", "Để trống: cơ quan tiếp nhận.", 16, "levels", "cap|level"},
		{"office", "Cơ quan thực hiện", "Để trống: cơ quan tiếp nhận.", 34, "offices", "co quan|don vi thuc hien|ma co quan|office"},
		{"days", "Thời gian (ngày)", "Ngày làm việc, lẻ đến 0,25 (2 giờ). Để trống: không định.", 12, "", "thoi gian|so ngay|thoi gian ngay lam viec|days"},
		{"acknowledge", "Hạn xác nhận (giờ)", "Số giờ để cơ quan làm bước này xác nhận đã nhận hồ sơ chuyển đến. Để trống: một phần tư thời gian của bước.", 12, "", "han xac nhan|thoi han xac nhan|gio xac nhan|acknowledge"},
	}},
	{Fees, "Phí, lệ phí", "phi|le phi|fee", []Column{
		{"code", "Mã thủ tục", "Thủ tục mà khoản thu này thuộc về.", 14, "", "ma tthc|ma thu tuc hanh chinh|ma so tthc|procedure code|code"},
		{"order", "STT", "Không bắt buộc.", 6, "", "tt|so tt|so thu tu|no"},
		{"name", "Tên khoản thu", "Phí hoặc lệ phí, và tên của nó.", 30, "", "ten phi|ten phi le phi|ten le phi|loai phi|khoan thu|ten|name"},
		{"name_en", "Tên tiếng Anh", "Không bắt buộc.", 24, "", "english name"},
		{"amount", "Mức thu", "Số tiền; để trống nếu theo quy định.", 14, "", "so tien|muc phi|muc le phi|gia|amount"},
		{"currency", "Đơn vị tiền", "VND.", 12, "currencies", "don vi|don vi tinh|currency"},
		{"by_rule", "Theo quy định", "Có: mức thu do văn bản nêu ở ghi chú định.", 12, "yesno", "by rule"},
		{"note", "Ghi chú", "Với khoản theo quy định: ghi văn bản.", 50, "", "note|can cu"},
		{"note_en", "Ghi chú tiếng Anh", "Không bắt buộc.", 20, "", "english note"},
	}},
	{LongTexts, "Văn bản dài", "van ban dai|long text", []Column{
		{"code", "Mã thủ tục", "", 14, "", "code"},
		{"column", "Nội dung của", "Ô mà phần chữ này thuộc về.", 20, "", "column"},
		{"part", "Phần", "Các phần được nối lại theo thứ tự.", 6, "", "part"},
		{"text", "Chữ", "", 100, "", "text"},
	}},
}

// Columns are the columns of a kind of sheet, in the order in which they are written.
func Columns(k SheetKind) []Column {
	for _, s := range sheets {
		if s.Kind == k {
			return s.Columns
		}
	}
	return nil
}

// columnOf finds the column that a heading names, without regard to accents, case and what stands in brackets.
func columnOf(k SheetKind, heading string) (string, bool) {
	w := fold.Fold(brackets.ReplaceAllString(heading, " "))
	whole := fold.Fold(heading)
	if w == "" {
		return "", false
	}
	for _, c := range Columns(k) {
		for _, name := range append([]string{fold.Fold(c.Heading)}, strings.Split(c.others, "|")...) {
			if name != "" && (w == name || whole == name) {
				return c.ID, true
			}
		}
	}
	return "", false
}
