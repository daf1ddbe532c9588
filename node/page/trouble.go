package page

import (
	"time"

	"motcua/node/text"
)

// Trouble is a page that says what went wrong and what to do.
type Trouble struct {
	Heading, What, Do string
	Link              Link
	Ref               string // to name on the telephone, found in the log
}

func (Trouble) file() string               { return "problem" }
func (p Trouble) title(l text.Lang) string { return p.Heading }

// NewTrouble words the page for an HTTP status; Link goes home unless the caller sets another.
func NewTrouble(l text.Lang, status int) Trouble {
	key := map[int]string{400: "400", 403: "403", 404: "404", 409: "409", 413: "413", 429: "429", 503: "503", 507: "507"}[status]
	if key == "" {
		key = "500"
	}
	return worded(l, key)
}

func worded(l text.Lang, key string, what ...any) Trouble {
	return Trouble{
		Heading: l.T("problem." + key), What: l.T("problem."+key+".what", what...), Do: l.T("problem." + key + ".do"),
		Link: Link{"/" + string(l) + "/", l.T("problem.home")},
	}
}

// TooMany is the page for status 429 where it is known how long to wait.
func TooMany(l text.Lang, wait time.Duration) Trouble {
	t := NewTrouble(l, 429)
	if wait > 0 {
		t.Do = l.T("problem.429.wait", l.Wait(wait))
	}
	return t
}

// BrokenRule is the page for an act that a rule forbids, in the words of the rule (status 409).
func BrokenRule(l text.Lang, rule string) Trouble {
	t := NewTrouble(l, 409)
	t.Heading, t.What, t.Do = l.T("problem.rule"), rule, l.T("problem.rule.do")
	return t
}

// Absent is the page for a dossier that would go to an office without a node (status 409).
func Absent(l text.Lang, office string) Trouble { return worded(l, "absent", text.Upper(office)) }

// Submitted is the page for a draft that was sent already (status 409); it links to the confirmation.
func Submitted(l text.Lang, code string) Trouble {
	t := worded(l, "submitted", code)
	t.Link = Link{"/" + string(l) + "/submissions/" + code, l.T("problem.submitted.link")}
	return t
}

// Unreached is the page for a dossier that cannot be looked at while its office or the directory is out of reach (status
// 503).
func Unreached(l text.Lang) Trouble { return worded(l, "unreached") }

// OtherField is the page for a dossier in a field of work that somebody has no role in (status 403).
func OtherField(l text.Lang, field string) Trouble { return worded(l, "field", field) }

// NoRole is the page for a member of staff who has no role at the office (status 403).
func NoRole(l text.Lang, office string) Trouble { return worded(l, "no_role", office) }
