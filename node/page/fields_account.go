package page

import (
	"net/url"

	"motcua/directory"
	"motcua/node/text"
)

// ContactFields ask how somebody is reached.
func ContactFields(l text.Lang, phone, email, address string) []Field {
	all := RegisterFields(l, map[string]string{"phone": phone, "email": email, "address": address})
	return []Field{all[2], all[3], all[4]}
}

// LoginField asks for a login.
func LoginField(l text.Lang, login string) Field {
	return RegisterFields(l, map[string]string{"login": login})[5]
}

// PasswordFields ask for the present password and a new one, twice.
func PasswordFields(l text.Lang) []Field {
	return append([]Field{{Name: "old", Label: l.T("password.old"), Kind: PassField, Max: 200, Auto: "current-password", Width: "m"}}, newPassword(l)...)
}

func newPassword(l text.Lang) []Field {
	return []Field{
		{Name: "new", Label: l.T("password.new"), Hint: l.T("register.password_hint"), Kind: PassField, Max: 200, Auto: "new-password", Width: "m"},
		{Name: "again", Label: l.T("password.again"), Kind: PassField, Max: 200, Auto: "new-password", Width: "m"},
	}
}

// ResetFields ask for a login, a code and a new password, twice.
func ResetFields(l text.Lang, login string) []Field {
	code := CodeField(l, "reset.code", "")
	code.Mode = ""
	return append([]Field{SignInFields(l, login)[0], code}, newPassword(l)...)
}

// DecisionField asks for the number of a decision or a reason; the label is a key of package text.
func DecisionField(l text.Lang, label, value string) Field {
	return Field{Name: "reason", Label: l.T(label), Kind: TextField, Value: value, Max: 160, Auto: "off"}
}

func periodFields(l text.Lang, v url.Values, optional bool) []Field {
	return []Field{
		{Name: "from", Label: l.T("delegation.from"), Hint: l.T("delegation.day"), Kind: DateField, Value: v.Get("from"), Max: 10, Auto: "off", Width: "s", Optional: optional},
		{Name: "until", Label: l.T("delegation.to"), Hint: l.T("delegation.day"), Kind: DateField, Value: v.Get("until"), Max: 10, Auto: "off", Width: "s", Optional: optional},
	}
}

// DelegationFields ask whom, which role, in which field, from when to when, and by which decision.
func DelegationFields(l text.Lang, v url.Values, who, what, fields []Option) []Field {
	out := []Field{
		{Name: "to", Label: l.T("delegation.who"), Kind: SelectField, Options: who},
		{Name: "grant", Label: l.T("delegation.what"), Kind: RadioField, Options: what},
		{Name: "field", Label: l.T("delegation.field"), Hint: l.T("delegation.whole"), Kind: SelectField, Options: fields, Optional: true},
	}
	return append(append(out, periodFields(l, v, false)...), DecisionField(l, "delegation.reason", v.Get("reason")))
}

// GrantFields ask for a role with its field, step and days.
func GrantFields(l text.Lang, v url.Values, fields []Option) []Field {
	role := Field{Name: "role", Label: l.T("delegation.what"), Kind: RadioField}
	for _, r := range []directory.Role{directory.DeskOfficer, directory.Specialist} {
		role.Options = append(role.Options, Option{Value: string(r), Label: l.Role(r), Chosen: string(r) == v.Get("role")})
	}
	step := Field{Name: "step", Label: l.T("staff.steps"), Hint: l.T("staff.all_steps"), Kind: SelectField, Optional: true}
	for _, s := range []directory.StepKind{directory.StepAccept, directory.StepCheck, directory.StepReturn} {
		step.Options = append(step.Options, Option{Value: string(s), Label: text.Upper(l.T("grant." + string(s))), Chosen: string(s) == v.Get("step")})
	}
	field := Field{Name: "field", Label: l.T("search.field"), Hint: l.T("delegation.all"), Kind: SelectField, Options: fields, Optional: true}
	return append([]Field{role, field, step}, periodFields(l, v, true)...)
}
