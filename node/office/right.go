package office

import (
	"errors"
	"slices"
	"strings"

	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
)

// Roles are given by field and step. What follows answers who may do which piece of work here today, by a grant of one's own or
// for somebody else; the law of the dossier (package dossier) then says whether it may be done at all.

// workRoles are the roles that work on dossiers.
func workRoles() []directory.Role {
	return []directory.Role{directory.DeskOfficer, directory.Specialist, directory.Signatory}
}

// actOn is who does something now, with the roles that he has for a piece of work: for one of several where it can be seen as
// either.
func (o *Office) actOn(a directory.Account, ws ...directory.Work) dossier.Act {
	act := o.act(a)
	act.Roles = nil
	for _, r := range append(workRoles(), directory.Admin) {
		for _, w := range ws {
			by, ok := a.May(o.Code, r, w, o.today())
			switch {
			case ok && by.Delegation == nil:
				act.Roles = append(act.Roles, r)
			case ok && o.trusted(by.Delegation):
				act.Acting = append(act.Acting, dossier.Acting{Role: r, For: o.principal(*by.Delegation)})
			}
		}
	}
	return act
}

// trusted tells whether who delegated is still trusted, as far as this node knows: the directory ends a delegation with its
// maker's account, and both come to know here together, but for a copy that is looked up alone.
func (o *Office) trusted(d *directory.Delegation) bool {
	a, err := o.accountHere(d.From)
	return err != nil || !a.Disabled
}

func (o *Office) principal(d directory.Delegation) dossier.Principal {
	p := dossier.Principal{Account: d.From, Name: string(d.From), Delegation: d.ID, Decision: d.Decision}
	if a, err := o.accountHere(d.From); err == nil && a.Name != "" {
		p.Name = a.Name
	}
	return p
}

// accountHere is this node's copy of an account.
func (o *Office) accountHere(id directory.AccountID) (a directory.Account, err error) {
	err = o.Store.View(func(t *store.Tx) (err error) { a, _, err = t.AccountByID(id); return err })
	return a, err
}

// accepting is the work before a route begins.
func accepting(p directory.Procedure) directory.Work {
	return directory.Work{Field: p.Field, Procedure: p.Code, Kind: directory.StepAccept}
}

func workOn(p directory.Procedure, st directory.Step) directory.Work {
	return directory.Work{Field: p.Field, Procedure: p.Code, Step: st.ID, Kind: st.Kind}
}

// asking is the work of having another office do a step: to check what it is asked, whatever it will do.
func asking(p directory.Procedure, st directory.Step) directory.Work {
	w := workOn(p, st)
	w.Kind = directory.StepCheck
	return w
}

// workAt is the work that a chain of this office has come to.
func workAt(pl dossier.Plan, s dossier.State) directory.Work {
	p := pl.Procedure
	i, left := pl.Next(s)
	switch {
	case s.Length == 0:
		return accepting(p)
	case !left: // only to be reported
		return directory.Work{Field: p.Field, Procedure: p.Code, Step: s.Last, Kind: directory.StepCheck}
	case pl.Places[i] != s.Office:
		return asking(p, p.Route[i])
	}
	return workOn(p, p.Route[i])
}

// receiving is the work of taking a request in hand: like accepting, or the first step that is asked for.
func receiving(p directory.Procedure, first string) []directory.Work {
	out := []directory.Work{accepting(p)}
	if i := slices.IndexFunc(p.Route, func(s directory.Step) bool { return s.ID == first }); i >= 0 {
		out = append(out, workOn(p, p.Route[i]))
	}
	return out
}

// may tells whether an account has one of some roles for a piece of work.
func (o *Office) may(a directory.Account, roles []directory.Role, w directory.Work) bool {
	return slices.ContainsFunc(roles, func(r directory.Role) bool {
		by, ok := a.May(o.Code, r, w, o.today())
		return ok && (by.Delegation == nil || o.trusted(by.Delegation))
	})
}

// Sees tells whether an account may look at the dossiers of a procedure: whoever has work in its field, whichever step.
func (o *Office) Sees(a directory.Account, p directory.Procedure) bool {
	if a.Disabled {
		return false
	}
	in := func(g directory.Grant) bool {
		return g.Office == o.Code && g.Role != directory.Admin && g.Valid.Contains(o.today()) && (len(g.Fields) == 0 || slices.Contains(g.Fields, p.Field))
	}
	return slices.ContainsFunc(a.Grants, in) || slices.ContainsFunc(a.Acting, func(d directory.Delegation) bool { return in(d.Grant) })
}

// sees refuses whoever has no work in the field of a procedure. It names the field: who works here may know what there is.
func (o *Office) sees(op string, a directory.Account, procedure string, version uint32) error {
	if err := o.staff(op, a); err != nil {
		return err
	}
	p, _ := o.Directory.Procedure(procedure, version)
	if o.Sees(a, p) {
		return nil
	}
	return &NotMine{Field: p.Field, Op: op}
}

// NotMine is why somebody does not see a dossier of this office: it is in a field of work that is not his. Its code is Denied.
type NotMine struct{ Field, Op string }

func (e *NotMine) Error() string { return e.Op + ": no role in the field of work " + e.Field }

// Unwrap makes it a denial.
func (e *NotMine) Unwrap() error {
	return directory.Errorf(e.Op, directory.Denied, "no role in this field of work")
}

// rowWork is what a row of the desk's lists asks for now, and of whom; none where nothing is asked.
func (o *Office) rowWork(r store.Row, p directory.Procedure) (k dossier.Kind, ws []directory.Work) {
	i := slices.IndexFunc(p.Route, func(s directory.Step) bool { return s.ID == r.Step })
	switch Bucket(r.Bucket) {
	case BucketNew:
		return dossier.KindAccepted, []directory.Work{accepting(p)}
	case BucketArrived:
		return dossier.KindReceived, receiving(p, r.Step)
	case BucketWait, BucketNone:
		return 0, nil
	}
	switch {
	case i < 0:
		return dossier.KindReported, []directory.Work{{Field: p.Field, Procedure: p.Code, Kind: directory.StepCheck}}
	case p.Route[i].Kind == directory.StepReturn:
		return dossier.KindReturned, []directory.Work{workOn(p, p.Route[i])}
	case r.Kind == store.RowRoot && p.Route[i].Elsewhere():
		return dossier.KindRequested, []directory.Work{asking(p, p.Route[i]), workOn(p, p.Route[i])}
	case p.Route[i].Kind == directory.StepDecide:
		return dossier.KindDecided, []directory.Work{workOn(p, p.Route[i])}
	}
	return dossier.KindStepDone, []directory.Work{workOn(p, p.Route[i])}
}

// worksOn tells whether a row asks for something that the account may do; one that asks for nothing is shown to whoever sees it.
func (o *Office) worksOn(a directory.Account, r store.Row) bool {
	p, ok := o.Directory.Procedure(r.Procedure, r.ProcVersion)
	if !ok || !o.Sees(a, p) {
		return !ok && o.Sees(a, p) // a procedure that is not known here is for whoever may do all
	}
	k, ws := o.rowWork(r, p)
	return k == 0 || slices.ContainsFunc(ws, func(w directory.Work) bool { return o.may(a, dossier.Bearers(k), w) })
}

// seesRow is worksOn for all that the account may look at.
func (o *Office) seesRow(a directory.Account, r store.Row) bool {
	p, _ := o.Directory.Procedure(r.Procedure, r.ProcVersion)
	return o.Sees(a, p)
}

// unlimited tells whether an account has every role that works on dossiers for all work here: its lists are the office's own.
func (o *Office) unlimited(a directory.Account) bool {
	for _, r := range workRoles() {
		if !slices.ContainsFunc(a.Grants, func(g directory.Grant) bool {
			return g.Office == o.Code && g.Role == r && len(g.Fields)+len(g.Steps) == 0 && g.Valid.Contains(o.today())
		}) {
			return false
		}
	}
	return !a.Disabled
}

// SeesOnlyOwn tells whether what an account may look at is what it works on, so that there is no wider list to choose.
func (o *Office) SeesOnlyOwn(a directory.Account) bool { return o.unlimited(a) }

// maxNamed bounds the colleagues that a refusal names.
const maxNamed = 5

// named words a refusal for want of a role: which role in which field is asked for, and who has it here. Other errors stay.
func (o *Office) named(err error, k dossier.Kind, ws ...directory.Work) error {
	r, ok := errors.AsType[*dossier.Rule](err)
	if !ok || r.Code != dossier.RuleRole || len(ws) == 0 {
		return err
	}
	return o.missingRole(r, k, ws)
}

// nameRules is named for every action of a view.
func (o *Office) nameRules(as []dossier.Action, ws ...directory.Work) []dossier.Action {
	for i, a := range as {
		if a.Why != nil && a.Why.Code == dossier.RuleRole {
			as[i].Why = o.missingRole(a.Why, a.Kind, ws)
		}
	}
	return as
}

func (o *Office) missingRole(r *dossier.Rule, k dossier.Kind, ws []directory.Work) *dossier.Rule {
	roles := dossier.Bearers(k)
	if len(roles) == 0 {
		return r
	}
	who := o.whoMay(roles, ws)
	vi, en := &strings.Builder{}, &strings.Builder{}
	vi.WriteString("Việc này cần vai trò " + roleNames(roles, "vi") + o.inField(ws[0].Field, "vi") + ".")
	en.WriteString("This needs the role of " + roleNames(roles, "en") + o.inField(ws[0].Field, "en") + ".")
	if len(who) > 0 {
		vi.WriteString(" Người có vai trò này: " + strings.Join(who, ", ") + ".")
		en.WriteString(" Who has it: " + strings.Join(who, ", ") + ".")
	} else {
		vi.WriteString(" Tại cơ quan này hôm nay chưa có ai giữ vai trò đó; đề nghị người quản trị giao vai trò hoặc ủy quyền.")
		en.WriteString(" Nobody has it at this office today; ask the administrator for a role or a delegation.")
	}
	return &dossier.Rule{Code: r.Code, Message: directory.Text{VI: vi.String(), EN: en.String()}}
}

// whoMay are the names of this office's staff who may do a piece of work today.
func (o *Office) whoMay(roles []directory.Role, ws []directory.Work) (out []string) {
	staff, err := o.staffHere()
	if err != nil {
		return nil
	}
	for _, a := range staff {
		if slices.ContainsFunc(ws, func(w directory.Work) bool { return o.may(a, roles, w) }) && len(out) < maxNamed {
			out = append(out, a.Name)
		}
	}
	slices.Sort(out)
	return out
}

func (o *Office) inField(field, lang string) string {
	for _, f := range o.Directory.Fields(o.today()) {
		if f.ID == field && lang == "vi" {
			return " lĩnh vực " + f.Name.VI
		} else if f.ID == field {
			return " in the field " + f.Name.In(lang)
		}
	}
	return ""
}

func roleNames(roles []directory.Role, lang string) string {
	names := map[directory.Role]directory.Text{
		directory.DeskOfficer: {VI: "Cán bộ Một cửa", EN: "desk officer"}, directory.Specialist: {VI: "Chuyên viên", EN: "specialist"},
		directory.Signatory: {VI: "Người ký duyệt", EN: "signatory"}, directory.Admin: {VI: "Quản trị hệ thống", EN: "administrator"},
	}
	var out []string
	for _, r := range roles {
		out = append(out, names[r].In(lang))
	}
	return strings.Join(out, map[string]string{"vi": " hoặc ", "en": " or "}[lang])
}
