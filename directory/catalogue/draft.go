package catalogue

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"motcua/directory"
)

// defaultRoute is how an office deals with a dossier where nothing else is said: receive, process, decide, return, all in the
// office in charge.
func defaultRoute() []directory.Step {
	return []directory.Step{
		{ID: "receive", Name: directory.Text{VI: "Tiếp nhận, kiểm tra hồ sơ", EN: "Receive and check the dossier"}, Kind: directory.StepCheck},
		{ID: "process", Name: directory.Text{VI: "Thẩm định, giải quyết hồ sơ", EN: "Appraise and process the dossier"}, Kind: directory.StepCheck},
		{ID: "decide", Name: directory.Text{VI: "Phê duyệt, ký kết quả", EN: "Approve and sign the result"}, Kind: directory.StepDecide},
		{ID: "return", Name: directory.Text{VI: "Trả kết quả", EN: "Hand over the result"}, Kind: directory.StepReturn},
	}
}

// defaultForm asks for what the applicant wants, in words. It is a schema of package node/form.
var defaultForm = json.RawMessage(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",` +
	`"title":"Đơn đề nghị giải quyết thủ tục hành chính","additionalProperties":false,"required":["request"],"properties":{` +
	`"request":{"type":"string","x-label":{"vi":"Nội dung đề nghị giải quyết","en":"What you ask for"},"maxLength":2000,"minLength":5,"x-widget":"textarea","x-order":1},` +
	`"note":{"type":"string","x-label":{"vi":"Thông tin thêm (nếu có)","en":"Anything else"},"maxLength":2000,"x-widget":"textarea","x-order":2},` +
	`"declaration":{"type":"boolean","x-label":{"vi":"Tôi cam đoan nội dung khai trên là đúng sự thật và chịu trách nhiệm trước pháp luật về lời khai của mình",` +
	`"en":"I declare that what I have stated is true and answer for it before the law"},"const":true,"x-order":3}}}`)

// complete fills in the route and the form that a record does not have, and marks both.
func (e *Entry) complete() {
	if len(e.Route) == 0 {
		e.Route = defaultRoute()
		e.mark(MarkRoute)
	}
	if len(e.Form) == 0 {
		e.Form = defaultForm
		e.mark(MarkForm)
	}
	if e.Version == 0 {
		e.Version = 1
	}
}

// identify gives an id to each requirement and step that has none.
func (e *Entry) identify() {
	identify(e.Requirements, func(r *directory.Requirement) (*string, string) { return &r.ID, r.Name.VI })
	identify(e.Route, func(s *directory.Step) (*string, string) { return &s.ID, s.Name.VI })
}

func identify[T any](all []T, of func(*T) (id *string, name string)) {
	taken := map[string]bool{}
	for i := range all {
		id, _ := of(&all[i])
		taken[*id] = true
	}
	for i := range all {
		if id, name := of(&all[i]); *id == "" {
			*id = unique(slug(name), taken)
		}
	}
}

// The bounds of texts, in characters.
const (
	maxName      = 2000
	maxRequired  = 1000
	maxShort     = 500 // names of steps and fees, subjects
	maxLong      = 20_000
	dividedShort = 300
)

// divide cuts a long name at the end of a sentence, a clause or a word, and puts the rest before the note.
func divide(name, note string) (string, string, bool) {
	if utf8.RuneCountInString(name) <= maxRequired {
		return name, note, false
	}
	head := string([]rune(name)[:dividedShort])
	cut := strings.LastIndexAny(head, ".;\n")
	if cut < len(head)/3 {
		cut = strings.LastIndex(head, " ")
	}
	if cut < len(head)/3 {
		cut = len(head) - 1
		for !utf8.RuneStart(head[cut]) {
			cut--
		}
		cut--
	}
	rest := strings.TrimSpace(name[cut+1:])
	if note != "" {
		rest += "\n" + note
	}
	return strings.TrimSpace(name[:cut+1]), rest, true
}

// tidy cleans every text of an entry. What was broken and could be mended is told.
func (e *Entry) tidy(markup bool) {
	for _, t := range e.texts() {
		s, marked := *t.text, false
		if markup {
			s, marked = unmarkup(s)
		}
		if marked {
			e.find(Markup, t.path)
			e.mark(MarkText)
		}
		if better, ok := mend(s); ok {
			e.find(EncodingMended, t.path, excerpt(better))
			e.mark(MarkText)
			s = better
		}
		*t.text = Clean(s)
	}
}

// excerpt is the beginning of a text, for a message.
func excerpt(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}

// path names an item of a list.
func path(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
