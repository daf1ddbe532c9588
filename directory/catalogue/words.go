package catalogue

import (
	"fmt"
	"strings"
	"time"

	"motcua/directory"
)

// differenceWords tell a difference: %[1]s is the item, %[2]s the old, %[3]s the new.
var differenceWords = map[DifferenceKind][2]string{
	DiffName:        {"đổi tên từ “%[2]s” thành “%[3]s”", "renamed from “%[2]s” to “%[3]s”"},
	DiffField:       {"chuyển lĩnh vực từ %[2]s sang %[3]s", "moved from the field %[2]s to %[3]s"},
	DiffInCharge:    {"cơ quan giải quyết: từ %[2]s thành %[3]s", "in charge: from %[2]s to %[3]s"},
	DiffLimit:       {"thời hạn giải quyết từ %[2]s thành %[3]s", "time limit from %[2]s to %[3]s"},
	FeeAdded:        {"thêm khoản thu %[3]s", "new fee %[3]s"},
	FeeRemoved:      {"bỏ khoản thu %[2]s", "no longer the fee %[2]s"},
	FeeChanged:      {"khoản thu từ %[2]s thành %[3]s", "fee from %[2]s to %[3]s"},
	BecomesFree:     {"miễn phí (trước đây %[2]s)", "becomes free (before: %[2]s)"},
	PaperAdded:      {"thêm thành phần hồ sơ “%[1]s” (%[3]s)", "new requirement “%[1]s” (%[3]s)"},
	PaperRemoved:    {"bỏ thành phần hồ sơ “%[1]s”", "requirement “%[1]s” removed"},
	PaperRenamed:    {"thành phần hồ sơ “%[2]s” đổi tên thành “%[3]s”", "requirement “%[2]s” renamed to “%[3]s”"},
	PaperChanged:    {"thành phần hồ sơ “%[1]s”: từ %[2]s thành %[3]s", "requirement “%[1]s”: from %[2]s to %[3]s"},
	StepAdded:       {"thêm bước “%[1]s”", "new step “%[1]s”"},
	StepRemoved:     {"bỏ bước “%[1]s”", "step “%[1]s” removed"},
	StepRenamed:     {"bước “%[2]s” đổi tên thành “%[3]s”", "step “%[2]s” renamed to “%[3]s”"},
	StepMoved:       {"bước “%[1]s” chuyển từ %[2]s sang %[3]s", "step “%[1]s” moved from %[2]s to %[3]s"},
	StepBudget:      {"thời gian bước “%[1]s” từ %[2]s thành %[3]s", "time of step “%[1]s” from %[2]s to %[3]s"},
	StepAcknowledge: {"thời hạn xác nhận đã nhận ở bước “%[1]s” từ %[2]s thành %[3]s", "time to acknowledge at step “%[1]s” from %[2]s to %[3]s"},
	StepOrder:       {"thứ tự các bước thay đổi", "the order of the steps changes"},
	StepKindChanged: {"loại bước “%[1]s” từ %[2]s thành %[3]s", "kind of step “%[1]s” from %[2]s to %[3]s"},
	DiffResult:      {"kết quả từ “%[2]s” thành “%[3]s”", "result from “%[2]s” to “%[3]s”"},
	DiffConditions:  {"yêu cầu, điều kiện thay đổi: “%[3]s”", "conditions change: “%[3]s”"},
	DiffSubjects:    {"đối tượng từ %[2]s thành %[3]s", "subjects from %[2]s to %[3]s"},
	DiffLegalBasis:  {"căn cứ pháp lý từ “%[2]s” thành “%[3]s”", "legal basis from “%[2]s” to “%[3]s”"},
	DiffDecision:    {"quyết định công bố từ “%[2]s” thành “%[3]s”", "publishing decision from “%[2]s” to “%[3]s”"},
	DiffValid:       {"hiệu lực từ %[2]s thành %[3]s", "validity from %[2]s to %[3]s"},
	DiffForm:        {"biểu mẫu điện tử thay đổi", "the form changes"},
	DiffSynonyms:    {"từ khóa tìm kiếm từ “%[2]s” thành “%[3]s”", "search words from “%[2]s” to “%[3]s”"},
	DiffTranslation: {"bản dịch tiếng Anh của “%[1]s” thay đổi", "the English of “%[1]s” changes"},
}

var subjectNames = map[string][2]string{
	"citizen": {"công dân", "citizens"}, "business": {"doanh nghiệp", "businesses"}, "organisation": {"tổ chức", "organisations"},
}

// SubjectWords names a kind of applicant in a language.
func SubjectWords(id, lang string) string {
	w, ok := subjectNames[id]
	switch {
	case !ok:
		return id
	case lang == "en":
		return w[1]
	}
	return w[0]
}

// Words tells the difference in a language, "vi" or "en".
func (d Difference) Words(lang string) string {
	w := differenceWords[d.What]
	form := w[0]
	if lang == "en" {
		form = w[1]
	}
	return strings.NewReplacer("%[1]s", excerpt(d.Item.In(lang)), "%[2]s", d.part(d.Old, lang), "%[3]s", d.part(d.New, lang)).Replace(form)
}

func (d Difference) part(t directory.Text, lang string) string {
	s := t.In(lang)
	if d.What == DiffSubjects {
		var names []string
		for _, id := range strings.Split(s, "; ") {
			names = append(names, SubjectWords(id, lang))
		}
		return strings.Join(names, ", ")
	}
	if s == "" {
		return "–"
	}
	if r := []rune(s); len(r) > 200 {
		return string(r[:199]) + "…"
	}
	return s
}

// Words tells what happens to the procedure in a language, a line for it and one for each difference.
func (c Change) Words(lang string) []string {
	var head string
	switch en := lang == "en"; {
	case c.Kind == Added && en:
		head = fmt.Sprintf("+ %s %s: new, from %s", c.Code, c.Name.In(lang), DateWords(c.From))
	case c.Kind == Added:
		head = fmt.Sprintf("+ %s %s: thêm mới, áp dụng từ %s", c.Code, c.Name.In(lang), DateWords(c.From))
	case c.Kind == Revived && en:
		head = fmt.Sprintf("+ %s %s: revived, version %d from %s", c.Code, c.Name.In(lang), c.Version, DateWords(c.From))
	case c.Kind == Revived:
		head = fmt.Sprintf("+ %s %s: khôi phục, phiên bản %d áp dụng từ %s", c.Code, c.Name.In(lang), c.Version, DateWords(c.From))
	case c.Kind == Ended && en:
		head = fmt.Sprintf("- %s %s: withdrawn from %s", c.Code, c.Name.In(lang), DateWords(c.From))
	case c.Kind == Ended:
		head = fmt.Sprintf("- %s %s: bãi bỏ từ %s", c.Code, c.Name.In(lang), DateWords(c.From))
	case c.Kind == Missing && en:
		head = fmt.Sprintf("  %s %s: published and not in this file; nothing happens to it", c.Code, c.Name.In(lang))
	case c.Kind == Missing:
		head = fmt.Sprintf("  %s %s: đang công bố, không có trong tệp; giữ nguyên", c.Code, c.Name.In(lang))
	case en:
		head = fmt.Sprintf("* %s %s: version %d from %s", c.Code, c.Name.In(lang), c.Version, DateWords(c.From))
	default:
		head = fmt.Sprintf("* %s %s: phiên bản %d áp dụng từ %s", c.Code, c.Name.In(lang), c.Version, DateWords(c.From))
	}
	out := []string{head}
	for _, d := range c.Differs {
		out = append(out, "    "+d.Words(lang))
	}
	if c.Old > 0 && c.Kind != Missing {
		out = append(out, "    "+c.Touches.Words(lang))
	}
	return out
}

// Words tells how many dossiers in progress a change touches, and what that is known from.
func (t Touched) Words(lang string) string {
	asOf := "–"
	if t.AsOf > 0 {
		asOf = time.UnixMilli(t.AsOf).In(directory.Zone).Format("15:04 02/01/2006")
	}
	if lang == "en" {
		s := fmt.Sprintf("dossiers in progress on earlier versions: %d at %d offices, as of %s; they stay on them", t.Dossiers, t.Offices, asOf)
		if t.Unknown > 0 {
			s += fmt.Sprintf(" (%d offices have not reported)", t.Unknown)
		}
		return s
	}
	s := fmt.Sprintf("hồ sơ đang giải quyết theo phiên bản trước: %d tại %d cơ quan, số liệu đến %s; các hồ sơ này giữ phiên bản cũ", t.Dossiers, t.Offices, asOf)
	if t.Unknown > 0 {
		s += fmt.Sprintf(" (%d cơ quan chưa báo số liệu)", t.Unknown)
	}
	return s
}

// DateWords writes a date as people do: 01/07/2026.
func DateWords(d directory.Date) string {
	if d.Time().IsZero() {
		return string(d)
	}
	return d.Time().Format("02/01/2006")
}
