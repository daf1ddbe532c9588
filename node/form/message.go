package form

import (
	"fmt"
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
		return directory.Text{
			VI: fmt.Sprintf("%s phải là số nguyên từ %d đến %d", f.Label.VI, f.Minimum, f.Maximum),
			EN: fmt.Sprintf("%s must be a whole number from %d to %d", f.Label.In("en"), f.Minimum, f.Maximum),
		}
	case Choice:
		return about(f.Label, "Chọn %s trong danh sách", "Select %s from the list")
	}
	return about(f.Label, "Nhập %s đúng dạng", "Enter %s in the right form")
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
