package page

import (
	"motcua/node/dossier"
	"motcua/node/text"
)

// RegisterFields are the questions for a new account, with the values typed before. A password is never shown again.
func RegisterFields(l text.Lang, v map[string]string) []Field {
	return []Field{
		{Name: "name", Label: l.T("register.name"), Hint: l.T("register.name_hint"), Kind: TextField, Value: v["name"], Max: 100, Auto: "name"},
		{Name: "identity", Label: l.T("register.identity"), Hint: l.T("register.identity_hint"), Kind: TextField, Mode: "numeric", Value: v["identity"], Max: 14, Width: "m"},
		{Name: "phone", Label: l.T("register.phone"), Hint: l.T("register.phone_hint"), Kind: TelField, Value: v["phone"], Max: 20, Auto: "tel", Width: "m"},
		{Name: "email", Label: l.T("register.email"), Kind: EmailField, Value: v["email"], Max: 120, Auto: "email", Optional: true},
		{Name: "address", Label: l.T("register.address"), Kind: TextField, Value: v["address"], Max: 200, Auto: "street-address", Optional: true},
		{Name: "login", Label: l.T("register.login"), Hint: l.T("register.login_hint"), Kind: TextField, Value: v["login"], Max: 64, Auto: "username", Width: "m"},
		{Name: "password", Label: l.T("register.password"), Hint: l.T("register.password_hint"), Kind: PassField, Max: 200, Auto: "new-password", Width: "m"},
	}
}

// SignInFields ask for user name and password.
func SignInFields(l text.Lang, login string) []Field {
	return []Field{
		{Name: "login", Label: l.T("sign_in.login"), Kind: TextField, Value: login, Max: 64, Auto: "username", Width: "m"},
		{Name: "password", Label: l.T("sign_in.password"), Kind: PassField, Max: 200, Auto: "current-password", Width: "m"},
	}
}

// CodeField asks for a code; label and hint are keys of package text, and the hint may be "".
func CodeField(l text.Lang, label, hint string) Field {
	f := Field{Name: "code", Label: l.T(label), Kind: TextField, Max: 40, Auto: "one-time-code", Width: "m"}
	if hint != "" {
		f.Hint = l.T(hint)
	} else {
		f.Mode = "numeric"
	}
	return f
}

// LabelField asks for a name to know a device by.
func LabelField(l text.Lang, value string) Field {
	return Field{Name: "label", Label: l.T("add_totp.label"), Kind: TextField, Value: value, Max: 60, Auto: "off", Width: "m"}
}

// TrackFields ask for a code and the four digits.
func TrackFields(l text.Lang, code, last string) []Field {
	return []Field{
		{Name: "code", Label: l.T("track.code"), Hint: l.T("track.code_hint"), Kind: TextField, Value: code, Max: 60, Auto: "off"},
		{Name: "last", Label: l.T("track.last"), Kind: TextField, Mode: "numeric", Value: last, Max: 4, Auto: "off", Width: "s"},
	}
}

// ReasonField asks why a submission is refused.
func ReasonField(l text.Lang, value string) Field {
	return Field{Name: "reason", Label: l.T("act.refuse_reason"), Hint: l.T("act.refuse_hint"), Kind: AreaField, Value: value, Max: 4000}
}

// NoteField asks for an optional note.
func NoteField(l text.Lang, value string) Field {
	return Field{Name: "note", Label: l.T("act.note"), Hint: l.T("act.note_hint"), Kind: AreaField, Value: value, Max: 4000, Optional: true}
}

// DecideFields ask for a decision with its reason and result.
func DecideFields(l text.Lang, outcome, reason string) []Field {
	return []Field{
		{Name: "outcome", Label: l.T("act.outcome"), Kind: RadioField, Options: []Option{
			{Value: "approved", Label: l.T("outcome.approved"), Chosen: outcome == "approved"},
			{Value: "rejected", Label: l.T("outcome.rejected"), Chosen: outcome == "rejected"},
		}},
		{Name: "reason", Label: l.T("act.reason"), Hint: l.T("act.reason_hint"), Kind: AreaField, Value: reason, Max: 4000},
		{Name: "file", Label: l.T("act.file"), Hint: l.T("act.file_hint"), Kind: FileField},
	}
}

// MethodField asks how a result is handed over.
func MethodField(l text.Lang, method string) Field {
	f := Field{Name: "method", Label: l.T("act.method"), Kind: RadioField}
	for _, m := range []string{"desk", "post", "electronic"} {
		f.Options = append(f.Options, Option{Value: m, Label: l.T("method." + m), Chosen: m == method})
	}
	return f
}

// StateTag is the tag of a dossier's state.
func StateTag(l text.Lang, s dossier.Status) Tag {
	w := l.State(s)
	return Tag{w.Label, w.Tone}
}
