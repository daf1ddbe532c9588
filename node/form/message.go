package form

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"motcua/directory"
)

var (
	tooLarge = directory.Text{
		VI: "Nội dung tờ khai quá dài. Hãy rút gọn, phần còn lại gửi kèm dưới dạng tệp.",
		EN: "The form is too long. Shorten it, and attach the rest as a file.",
	}
	wholeHint     = directory.Text{VI: "Số nguyên", EN: "A whole number"}
	decimalHint   = directory.Text{VI: "Có thể có phần thập phân, ví dụ 250,5", EN: "Decimals are allowed, for example 250.5"}
	unknownAnswer = directory.Text{
		VI: "Tờ khai có mục không thuộc thủ tục này. Tải lại trang và điền lại.",
		EN: "The form holds an answer that this procedure does not ask for. Reload the page and fill it in again.",
	}
)

func missingAnswer(f Field) directory.Text {
	if f.Kind == Choice {
		return about(f.Label, "Chọn %s", "Select %s")
	}
	return about(f.Label, "Nhập %s", "Enter %s")
}

func mustTick(label directory.Text) directory.Text {
	return directory.Text{
		VI: fmt.Sprintf("Đánh dấu vào ô “%s”", label.VI),
		EN: fmt.Sprintf("Tick the box “%s”", label.In("en")),
	}
}

// malformed words a fault by the rule that was broken; the form's own x-error comes first.
func malformed(f Field, fault jsonschema.ErrorKind) directory.Text {
	if f.Error.VI != "" {
		return f.Error
	}
	switch k := fault.(type) {
	case *kind.MaxLength:
		return counted(f.Label, k.Want, "%s không được quá %d ký tự", "%s must be %d characters or fewer")
	case *kind.MinLength:
		return counted(f.Label, k.Want, "%s phải có ít nhất %d ký tự", "%s must be %d characters or more")
	}
	switch f.Kind {
	case Date:
		return about(f.Label, "Nhập %s theo dạng ngày/tháng/năm, ví dụ 24/11/2026", "Enter %s as day/month/year, for example 24/11/2026")
	case Integer:
		return f.ranged("%s phải là số nguyên từ %s đến %s", "%s must be a whole number from %s to %s")
	case Number:
		vi := fmt.Sprintf("%%s phải là số từ %%s đến %%s, tối đa %d chữ số thập phân", f.Decimals)
		en := "%s must be a number from %s to %s, with at most two decimals"
		if f.Decimals == 1 {
			en = "%s must be a number from %s to %s, with at most one decimal"
		}
		return f.ranged(vi, en)
	case Choice:
		return about(f.Label, "Chọn %s trong danh sách", "Select %s from the list")
	}
	return about(f.Label, "Nhập %s đúng dạng", "Enter %s in the right form")
}

// ranged puts label and bounds into a sentence, the bounds in the digits of its language.
func (f Field) ranged(vi, en string) directory.Text {
	low, high := f.digits(strconv.FormatInt(f.Minimum, 10)), f.digits(strconv.FormatInt(f.Maximum, 10))
	return directory.Text{
		VI: fmt.Sprintf(vi, f.Label.VI, low.VI, high.VI),
		EN: fmt.Sprintf(en, f.Label.In("en"), low.EN, high.EN),
	}
}

func about(label directory.Text, vi, en string) directory.Text {
	return directory.Text{VI: fmt.Sprintf(vi, lower(label.VI)), EN: fmt.Sprintf(en, lower(label.In("en")))}
}

func counted(label directory.Text, n int, vi, en string) directory.Text {
	return directory.Text{VI: fmt.Sprintf(vi, label.VI, n), EN: fmt.Sprintf(en, label.In("en"), n)}
}

// lower puts a label inside a sentence: its first letter small, unless the second is a capital too ("CCCD").
func lower(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	second, _ := utf8.DecodeRuneInString(s[n:])
	if unicode.IsUpper(second) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}
