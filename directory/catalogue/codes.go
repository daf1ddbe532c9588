package catalogue

import (
	"fmt"

	"motcua/directory/fold"
)

// Severity is how much a finding weighs. Append only.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // cannot be published
	Warning Severity = "warning" // can, and ought to be looked into
	Check   Severity = "check"   // a mark: a person must look, and remove it

)

// Fault is the code of a kind of fault. Append only.
type Fault string

// The faults.
const (
	Unreadable       Fault = "unreadable"
	BadCode          Fault = "bad-code"
	CodeMended       Fault = "code-mended"
	DuplicateCode    Fault = "duplicate-code"
	NoName           Fault = "no-name"
	SameName         Fault = "same-name"
	NoField          Fault = "no-field"
	UnknownField     Fault = "unknown-field"
	NewField         Fault = "new-field"
	NoLevel          Fault = "no-level"
	UnknownLevel     Fault = "unknown-level"
	SeveralLevels    Fault = "several-levels"
	UnknownOffice    Fault = "unknown-office"
	ClosedOffice     Fault = "closed-office"
	UnknownAgency    Fault = "unknown-agency"
	SeveralAgencies  Fault = "several-agencies"
	NobodyInCharge   Fault = "nobody-in-charge"
	NoLimit          Fault = "no-limit"
	LimitNoUnit      Fault = "limit-no-unit"
	LimitUnreadable  Fault = "limit-unreadable"
	LimitRange       Fault = "limit-range"
	LimitByChannel   Fault = "limit-by-channel"
	LimitConverted   Fault = "limit-converted"
	LimitOdd         Fault = "limit-odd"
	TimeFeeGlued     Fault = "time-fee-glued"
	FeeNoCurrency    Fault = "fee-no-currency"
	FeeForeign       Fault = "fee-foreign-currency"
	FeeUnreadable    Fault = "fee-unreadable"
	FeeByRule        Fault = "fee-by-rule"
	FeeUnstated      Fault = "fee-unstated"
	FeeEmpty         Fault = "fee-empty"
	NoRequirement    Fault = "no-requirement"
	BadRequirement   Fault = "bad-requirement"
	CountUnreadable  Fault = "count-unreadable"
	CountGlued       Fault = "count-glued"
	NoPaperAsked     Fault = "no-paper-asked"
	NoResult         Fault = "no-result"
	NoLegalBasis     Fault = "no-legal-basis"
	NoDecision       Fault = "no-decision"
	NoSubject        Fault = "no-subject"
	UnknownSubject   Fault = "unknown-subject"
	NoRoute          Fault = "no-route"
	BadStep          Fault = "bad-step"
	StepUnreachable  Fault = "step-unreachable"
	NobodyDecides    Fault = "nobody-decides"
	BudgetOverLimit  Fault = "budget-over-limit"
	NoForm           Fault = "no-form"
	BadForm          Fault = "bad-form"
	BadDate          Fault = "bad-date"
	DatesReversed    Fault = "dates-reversed"
	TextTooLong      Fault = "text-too-long"
	NotNFC           Fault = "not-nfc"
	UnseenCharacters Fault = "unseen-characters"
	BadEncoding      Fault = "mojibake"
	EncodingMended   Fault = "mojibake-mended"
	Markup           Fault = "markup-removed"
	TooLarge         Fault = "too-large"
	Invalid          Fault = "invalid"
	UnknownColumn    Fault = "unknown-column"
	OrphanRow        Fault = "orphan-row"
	WasWithdrawn     Fault = "was-withdrawn"
	ToCheck          Fault = "to-check"
	UnknownMark      Fault = "unknown-mark"
	LongDivided      Fault = "long-text-divided"
	SkippedSheet     Fault = "skipped-sheet"
	SkippedRow       Fault = "skipped-row"
)

type faultWords struct {
	severity Severity
	vi, en   string // with a %s for each argument
}

// faults is what is known of each: its weight, and what to tell.
var faults = map[Fault]faultWords{
	Unreadable:       {Error, "không đọc được bản ghi: %s", "the record cannot be read: %s"},
	BadCode:          {Error, "mã thủ tục %q không đúng dạng d.dddddd, ví dụ 1.001193", "the code %q is malformed, want d.dddddd as in 1.001193"},
	CodeMended:       {Warning, "mã thủ tục viết %q đã được sửa", "the code was written %q and has been mended"},
	DuplicateCode:    {Error, "mã này đã có ở %s; mỗi thủ tục chỉ một bản ghi", "this code stands at %s already; a procedure has one record"},
	NoName:           {Error, "thiếu tên thủ tục bằng tiếng Việt", "the procedure has no Vietnamese name"},
	SameName:         {Warning, "trùng tên với thủ tục %s", "it bears the same name as procedure %s"},
	NoField:          {Error, "thiếu lĩnh vực", "no field of work"},
	UnknownField:     {Error, "không có lĩnh vực %q trong danh mục", "no field %q in the tables"},
	NewField:         {Warning, "lĩnh vực mới %q sẽ được thêm vào danh mục", "the new field %q will be added to the tables"},
	NoLevel:          {Error, "thiếu cấp giải quyết và cơ quan giải quyết", "neither level nor office in charge"},
	UnknownLevel:     {Error, "không có cấp %q trong danh mục", "no level %q in the tables"},
	SeveralLevels:    {Warning, "ghi nhiều cấp (%s); lấy cấp gần dân nhất", "several levels (%s); the one nearest to the citizen is taken"},
	UnknownOffice:    {Error, "không có cơ quan %q trong danh mục", "no office %q in the tables"},
	ClosedOffice:     {Error, "cơ quan %q không hoạt động vào ngày %s", "the office %q is not open on %s"},
	UnknownAgency:    {Error, "không nhận ra cơ quan thực hiện %q; ghi mã cơ quan hoặc thêm vào bảng tra", "the agency %q is not recognised; give the office's code, or add it to the map"},
	SeveralAgencies:  {Warning, "nhiều cơ quan thực hiện (%s); lấy cơ quan đầu tiên nhận ra", "several agencies (%s); the first one recognised is taken"},
	NobodyInCharge:   {Error, "không có cơ quan nào ở cấp %q", "no office of the level %q"},
	NoLimit:          {Error, "thiếu thời hạn giải quyết", "no time limit"},
	LimitNoUnit:      {Error, "thời hạn %q không có đơn vị (ngày làm việc, ngày, giờ)", "the time limit %q has no unit (working days, days, hours)"},
	LimitUnreadable:  {Error, "không đọc được thời hạn %q", "the time limit %q cannot be read"},
	LimitRange:       {Warning, "thời hạn %q có nhiều mức; lấy mức dài nhất", "the time limit %q gives several; the longest is taken"},
	LimitByChannel:   {Warning, "thời hạn khác nhau theo cách nộp (%s); lấy thời hạn nộp trực tiếp", "the time limit differs by channel (%s); that of the counter is taken"},
	LimitConverted:   {Warning, "thời hạn %q được đổi thành %s", "the time limit %q was converted to %s"},
	LimitOdd:         {Warning, "thời hạn %s dài bất thường", "a time limit of %s is unusually long"},
	TimeFeeGlued:     {Error, "thời hạn và phí bị dính liền: %q; tách thành hai ô", "time limit and fee ran into one another: %q; give them apart"},
	FeeNoCurrency:    {Error, "mức thu %q không có đơn vị tiền", "the fee %q has no currency"},
	FeeForeign:       {Warning, "mức thu %q không phải đồng Việt Nam; ghi là thu theo quy định, mức nêu ở ghi chú", "the fee %q is not in đồng; noted as set by rule, with the amount in the note"},
	FeeUnreadable:    {Error, "không đọc được mức thu %q", "the fee %q cannot be read"},
	FeeByRule:        {Warning, "phí, lệ phí theo quy định, không ghi mức: không phải miễn phí", "the fee is set by a rule and no amount is given: it is not free"},
	FeeUnstated:      {Warning, "không ghi có thu phí hay không; tạm ghi thu theo quy định", "it is not said whether there is a fee; noted as set by rule"},
	FeeEmpty:         {Error, "phí %q không có mức thu, cũng không theo quy định nào", "the fee %q has no amount and names no rule"},
	NoRequirement:    {Warning, "không có thành phần hồ sơ nào", "no requirement at all"},
	BadRequirement:   {Error, "thành phần hồ sơ thiếu tên, hoặc mã %q sai hay trùng", "a requirement has no name, or its id %q is malformed or repeated"},
	CountUnreadable:  {Error, "không đọc được số lượng %q", "the number %q cannot be read"},
	CountGlued:       {Warning, "số bản bị dính vào tên: %q", "the number of copies ran into the name: %q"},
	NoPaperAsked:     {Warning, "thành phần %q không ghi số bản chính hay bản sao", "the requirement %q asks for neither originals nor copies"},
	NoResult:         {Error, "thiếu kết quả giải quyết", "no result"},
	NoLegalBasis:     {Error, "thiếu căn cứ pháp lý", "no legal basis"},
	NoDecision:       {Warning, "thiếu quyết định công bố; khi công bố sẽ ghi quyết định của lần công bố", "no publishing decision; the one of the publication will be noted"},
	NoSubject:        {Warning, "thiếu đối tượng thực hiện; tạm ghi mọi đối tượng", "no subjects; all are noted"},
	UnknownSubject:   {Warning, "không nhận ra đối tượng %q", "the subject %q is not recognised"},
	NoRoute:          {Error, "quy trình không có bước nào hoặc quá 64 bước", "the route has no step, or more than 64"},
	BadStep:          {Error, "bước %q: %s", "step %q: %s"},
	StepUnreachable:  {Error, "từ %s không có đường tới nơi làm bước %q (%s)", "from %s nothing leads to where step %q is done (%s)"},
	NobodyDecides:    {Warning, "không có bước quyết định", "no step decides"},
	BudgetOverLimit:  {Warning, "thời gian các bước là %s, vượt thời hạn %s", "the steps take %s, over the limit of %s"},
	NoForm:           {Error, "thiếu biểu mẫu", "no form"},
	BadForm:          {Error, "biểu mẫu sai: %s", "the form is wrong: %s"},
	BadDate:          {Error, "ngày %q không đúng", "the date %q is wrong"},
	DatesReversed:    {Error, "ngày hết hiệu lực %s trước ngày có hiệu lực %s", "the end %s is before the start %s"},
	TextTooLong:      {Error, "dài %s ký tự, tối đa %s", "%s characters, at most %s"},
	NotNFC:           {Warning, "chữ không ở dạng Unicode dựng sẵn (NFC)", "the text is not in Unicode NFC"},
	UnseenCharacters: {Warning, "có ký tự không nhìn thấy", "it holds characters that cannot be seen"},
	BadEncoding:      {Error, "chữ bị lỗi bảng mã: %q", "letters from a wrong encoding: %q"},
	EncodingMended:   {Warning, "chữ bị lỗi bảng mã đã được sửa: %q", "letters from a wrong encoding were mended: %q"},
	Markup:           {Warning, "đã bỏ thẻ của trang web trong văn bản", "tags of a web page were taken out of the text"},
	TooLarge:         {Error, "quá lớn: %s byte, tối đa %s", "too large: %s bytes, at most %s"},
	Invalid:          {Error, "không hợp lệ: %s", "not valid: %s"},
	UnknownColumn:    {Warning, "cột %q không dùng đến", "the column %q is not used"},
	OrphanRow:        {Error, "dòng thuộc thủ tục %q không có ở trang thủ tục", "the row belongs to procedure %q, which is not on the sheet of procedures"},
	WasWithdrawn:     {Warning, "thủ tục đã bãi bỏ từ %s; công bố sẽ khôi phục", "the procedure is withdrawn from %s; publishing revives it"},
	ToCheck:          {Check, "cần người kiểm tra: %s", "a person must check: %s"},
	UnknownMark:      {Warning, "không nhận ra dấu kiểm tra %q; được giữ là \"nội dung\"", "the mark %q is not recognised; it is kept as \"text\""},
	SkippedSheet:     {Warning, "trang %q không có tiêu đề cột nào nhận ra, không đọc", "the sheet %q has no heading that is known, and is not read"},
	SkippedRow:       {Warning, "dòng không có mã và tên thủ tục, không đọc: %q", "the row has neither code nor name, and is not read: %q"},
	LongDivided:      {Warning, "tên dài được chia: phần sau nằm ở ghi chú", "a long name was divided: the rest stands in the note"},
}

// Faults are all codes, for whoever documents or tests them.
func Faults() []Fault {
	var out []Fault
	for f := range faults {
		out = append(out, f)
	}
	return out
}

// Severity is how much the fault weighs.
func (f Fault) Severity() Severity { return faults[f].severity }

// Finding is one fault at one place.
type Finding struct {
	Code      Fault
	Procedure string // code, as far as it is known
	Place     Place
	Path      string // of the field: "requirements[2].name"; empty: the whole record
	Args      []string
}

// Words tells the finding in a language, "vi" or "en".
func (f Finding) Words(lang string) string {
	w, ok := faults[f.Code]
	if !ok {
		return string(f.Code)
	}
	text := w.vi
	if lang == "en" {
		text = w.en
	}
	args := make([]any, len(f.Args))
	for i, a := range f.Args {
		args[i] = a
		if f.Code == ToCheck {
			args[i] = MarkWords(Mark(a), lang)
		}
	}
	return fmt.Sprintf(text, args...)
}

var markWords = map[Mark][2]string{
	MarkLimit:        {"thời hạn", "time limit"},
	MarkFee:          {"phí, lệ phí", "fees"},
	MarkOffice:       {"cấp và cơ quan giải quyết", "level and office in charge"},
	MarkRequirements: {"thành phần hồ sơ", "requirements"},
	MarkRoute:        {"quy trình mặc định", "the default route"},
	MarkForm:         {"biểu mẫu mặc định", "the default form"},
	MarkSubjects:     {"đối tượng", "subjects"},
	MarkText:         {"nội dung", "text"},
}

// MarkWords names a mark in a language.
func MarkWords(m Mark, lang string) string {
	w, ok := markWords[m]
	switch {
	case !ok:
		return string(m)
	case lang == "en":
		return w[1]
	}
	return w[0]
}

// ParseMark reads a mark from its id or its name in either language, without regard to accents.
func ParseMark(s string) (Mark, bool) {
	want := fold.Fold(s)
	for m, w := range markWords {
		if want == fold.Fold(string(m)) || want == fold.Fold(w[0]) || want == fold.Fold(w[1]) {
			return m, true
		}
	}
	return MarkText, false
}
