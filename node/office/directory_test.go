package office

import (
	"context"
	"errors"
	"slices"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/khanhhoa"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// The directory of the province, as far as an office asks it.

// tables are the public tables.
type tables struct {
	*replicationtest.Book
	p *province
}

func (d tables) Fields(directory.Date) []directory.Field { return khanhhoa.Fields() }

func (d tables) Number() uint64 { return 7 }

func (d tables) Office(c directory.OfficeCode) (directory.Office, bool) {
	name := func(s string) []directory.Named { return []directory.Named{{Text: directory.Text{VI: s}}} }
	for _, o := range []directory.Office{
		{Code: "H32", Level: "province", Names: name("UBND tỉnh Khánh Hòa")},
		{Code: huyen, Level: "district", Parent: "H32", Names: name("UBND thành phố Nha Trang")},
		{Code: xa, Level: "commune", Parent: huyen, Names: name("UBND phường Vĩnh Hòa")},
		{Code: moi, Level: "commune", Parent: "H32", Names: name("UBND phường Bắc Nha Trang")},
		{Code: bien, Level: "commune", Parent: "H32.576", Names: name("UBND xã Song Tử Tây")},
	} {
		if heirs := d.p.closed[o.Code]; len(heirs) > 0 {
			o.Valid.To, o.Successors = lastOpen, heirs
			o.Acts = []directory.OfficeAct{{Kind: directory.ActClose, On: lastOpen.AddDays(1), Decision: "NQ 1667/NQ-UBTVQH15", Others: heirs}}
		}
		for of, heirs := range d.p.closed {
			if slices.Contains(heirs, o.Code) {
				o.Acts = append(o.Acts, directory.OfficeAct{Kind: directory.ActAbsorb, On: lastOpen.AddDays(1), Decision: "NQ 1667/NQ-UBTVQH15", Others: []directory.OfficeCode{of}})
			}
		}
		if o.Code == c {
			return o, true
		}
	}
	return directory.Office{}, false
}

const formJSON = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,
"properties":{"reason":{"type":"string","maxLength":200,"x-order":1,"x-label":{"vi":"Lý do","en":"Reason"}}},"required":["reason"]}`

func (d tables) Procedure(code string, version uint32) (directory.Procedure, bool) {
	p := directory.Procedure{
		Code: "1.001776", Version: version, Name: directory.Text{VI: "Trợ cấp xã hội hằng tháng", EN: "Monthly social allowance"}, Field: "social",
		Level: "commune", Limit: directory.Limit{Amount: 10, Unit: directory.WorkingDay}, Form: []byte(formJSON),
		Requirements: []directory.Requirement{{ID: "form", Name: directory.Text{VI: "Tờ khai"}, Originals: 1}},
		Route: []directory.Step{
			{ID: "check", Name: directory.Text{VI: "Kiểm tra"}, Kind: directory.StepCheck, Budget: 2},
			{ID: "approve", Name: directory.Text{VI: "Duyệt"}, Kind: directory.StepDecide, Level: "district", Budget: 8, Acknowledge: d.p.acknowledge},
			{ID: "hand", Name: directory.Text{VI: "Trả kết quả"}, Kind: directory.StepReturn},
		},
	}
	return p, code == p.Code && version > 0 && version <= d.p.version
}

func (d tables) Current(code string, _ directory.Date) (directory.Procedure, bool) {
	return d.Procedure(code, d.p.version)
}

func (d tables) Signer(key digest.Digest) (replication.Peer, bool) {
	for c := range d.p.offices {
		if p, err := d.Resolve(replication.Name(c)); err == nil && p.Keys.Sign.ID() == key {
			return p, true
		}
	}
	return d.p.book.Signer(key) // one that was replaced
}

func (d tables) Predecessors(office directory.OfficeCode, _ directory.Date) int {
	return d.p.lost[office]
}

func (d tables) Calendar() (directory.Calendar, bool) {
	return directory.Calendar{Version: 3, Sessions: []directory.Session{{From: 420, To: 690}, {From: 810, To: 1020}},
		Years: []directory.CalendarYear{{Year: 2026, Decision: "9441/TB-BNV", Final: true}}}, true
}

// calls are the directory servers.
type calls struct {
	p    *province
	from directory.OfficeCode
}

var errLine = errors.New("line is cut")

func (c calls) line() error {
	if c.p.cut[c.from] {
		return errLine
	}
	return nil
}

func (c calls) Register(_ context.Context, a directory.Account) (directory.Account, error) {
	if err := c.line(); err != nil {
		return a, err
	}
	if old, ok := c.p.accounts[a.Login]; ok && old.ID != a.ID {
		return a, directory.Errorf("register", directory.Conflict, "taken")
	}
	c.p.accounts[a.Login] = a
	return a, nil
}

func (c calls) SignIn(ctx context.Context, login string, derive func(context.Context, string) (string, error)) (directory.Account, error) {
	if err := c.line(); err != nil {
		return directory.Account{}, err
	}
	v, err := derive(ctx, "plain")
	if err != nil {
		return directory.Account{}, err
	}
	a, ok := c.p.accounts[login]
	if !ok || a.Verifier != v {
		return directory.Account{}, directory.Errorf("sign in", directory.Denied, "wrong")
	}
	return a, nil
}

func (c calls) AccountByID(_ context.Context, id directory.AccountID) (directory.Account, error) {
	for _, a := range c.p.accounts {
		if a.ID == id {
			a.Verifier = ""
			return a, c.line()
		}
	}
	return directory.Account{}, errors.Join(c.line(), directory.Errorf("account", directory.NotFound, "none"))
}

func (c calls) Prove(_ context.Context, code, lastFour string) (bool, error) {
	for _, tr := range c.p.tracks {
		if (tr.Code == code || tr.Alias == code) && slices.Contains(tr.Checks, directory.TrackCheck(code, lastFour)) {
			return true, c.line()
		}
	}
	return false, c.line()
}

func (c calls) ReportOpen(_ context.Context, counts []directory.OpenCount) error {
	if err := c.line(); err != nil {
		return err
	}
	c.p.open = append(c.p.open, counts)
	return nil
}

// Staff returns all who ever had a role, as the directory does.
func (c calls) Staff(_ context.Context, code directory.OfficeCode) (out []directory.Account, err error) {
	for _, a := range c.p.accounts {
		for _, g := range a.Grants {
			if g.Office == code {
				c.p.once[a.Login+" "+string(code)] = true
			}
		}
		if c.p.once[a.Login+" "+string(code)] {
			out = append(out, a)
		}
	}
	return out, c.line()
}

func (c calls) ReportAll(ctx context.Context, pending func(string, int) ([]directory.Track, error), sent func([]directory.Track) error) error {
	ts, err := pending("", directory.MaxTrackBatch)
	if err == nil {
		err = c.Report(ctx, ts)
	}
	if err == nil {
		err = sent(ts)
	}
	return err
}

func (c calls) Report(_ context.Context, ts []directory.Track) error {
	if err := c.line(); err != nil {
		return err
	}
	for _, tr := range ts {
		if tr.Root != "" && tr.Root != c.from {
			return directory.Errorf("report", directory.Denied, "root is %s", tr.Root)
		}
		key := tr.Code
		if old, ok := c.p.tracks[key]; !ok || old.AsOf <= tr.AsOf && (tr.Root != "" || old.Root == "") {
			c.p.tracks[key] = tr
		}
		if tr.Alias != "" {
			delete(c.p.tracks, tr.Alias)
		}
	}
	return nil
}

func (c calls) Lookup(_ context.Context, code string) (directory.Track, error) {
	for _, tr := range c.p.tracks {
		if tr.Code == code || tr.Alias == code {
			return tr, c.line()
		}
	}
	return directory.Track{}, errors.Join(c.line(), directory.Errorf("lookup", directory.NotFound, "none"))
}

func (c calls) Mine(_ context.Context, id directory.AccountID) (out []directory.Track, err error) {
	for _, tr := range c.p.tracks {
		if tr.Applicant == id {
			out = append(out, tr)
		}
	}
	return out, c.line()
}
