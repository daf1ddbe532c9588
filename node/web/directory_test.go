package web

import (
	"context"
	"errors"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/khanhhoa"
	"motcua/node/session"
	"motcua/replication"
)

// The directory of the province, as far as the pages need it.

func (p *province) Number() uint64 { return 7 }

func (p *province) Last(code string, on directory.Date) (directory.Procedure, directory.Withdrawal, bool) {
	x, ok := p.procedure(code)
	w := p.ends[code]
	return x, w, ok && w.Covers(x, on)
}

func (p *province) Withdrawal(code string) (directory.Withdrawal, bool) {
	w, ok := p.ends[code]
	return w, ok
}

func (p *province) Cut() int64 { return p.clock().UnixMilli() }

func (p *province) Genesis() directory.Genesis {
	return directory.Genesis{Province: directory.Text{VI: "tỉnh Khánh Hòa", EN: "Khánh Hòa Province"}}
}

func (p *province) Levels(directory.Date) []directory.Level { return khanhhoa.Levels() }

func (p *province) Formerly(directory.OfficeCode) []directory.Office { return nil }

func (p *province) Offices(directory.Date) []directory.Office { return khanhhoa.Offices() }

func (p *province) Fields(directory.Date) []directory.Field { return khanhhoa.Fields() }

func (p *province) Procedures(directory.Date) []directory.Procedure { return khanhhoa.Procedures() }

func (p *province) Predecessors(directory.OfficeCode, directory.Date) int { return 0 }

func (p *province) Calendar() (directory.Calendar, bool) { return khanhhoa.Calendar(), true }

func (p *province) Office(c directory.OfficeCode) (directory.Office, bool) {
	for _, o := range khanhhoa.Offices() {
		if o.Code == c {
			return p.closing(o), true
		}
	}
	return directory.Office{}, false
}

func (p *province) Node(c directory.OfficeCode) (directory.Node, bool) {
	_, ok := p.nodes[c]
	return directory.Node{Office: c}, ok && !p.gone[c]
}

func (p *province) Procedure(code string, version uint32) (directory.Procedure, bool) {
	for _, x := range khanhhoa.Procedures() {
		if x.Code == code && x.Version == version {
			return x, true
		}
	}
	return directory.Procedure{}, false
}

func (p *province) Current(code string, on directory.Date) (directory.Procedure, bool) {
	x, ok := p.procedure(code)
	return x, ok && !p.ends[code].Covers(x, on)
}

func (p *province) procedure(code string) (directory.Procedure, bool) {
	for _, x := range khanhhoa.Procedures() {
		if x.Code == code {
			return x, true
		}
	}
	return directory.Procedure{}, false
}

// calls are the directory servers.
type calls struct {
	p    *province
	from directory.OfficeCode
}

func (c calls) locked(f func() error) error {
	if err := c.p.line(c.from); err != nil {
		return err
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.p.noDirectory {
		return errors.New("no server of the directory answers")
	}
	return f()
}

func (c calls) Register(_ context.Context, a directory.Account) (directory.Account, error) {
	return a, c.locked(func() error {
		if old, ok := c.p.accounts[a.Login]; ok && old.ID != a.ID {
			return directory.Errorf("register", directory.Conflict, "taken")
		}
		c.p.accounts[a.Login] = a
		return nil
	})
}

func (c calls) SignIn(ctx context.Context, login string, derive func(context.Context, string) (string, error)) (directory.Account, error) {
	a, err := c.account(func(x directory.Account) bool { return x.Login == login })
	if err == nil {
		var v string
		if v, err = derive(ctx, session.Params(a.Verifier)); err == nil && v != a.Verifier {
			err = directory.Errorf("sign in", directory.NotFound, "none")
		}
	}
	if directory.CodeOf(err) == directory.NotFound {
		err = directory.Errorf("sign in", directory.Denied, "wrong")
	}
	if err != nil {
		a = directory.Account{}
	}
	return a, err
}

func (c calls) AccountByID(_ context.Context, id directory.AccountID) (directory.Account, error) {
	return c.account(func(x directory.Account) bool { return x.ID == id })
}

func (c calls) account(is func(directory.Account) bool) (a directory.Account, err error) {
	return a, c.locked(func() error {
		for _, x := range c.p.accounts {
			if is(x) {
				a = x
				return nil
			}
		}
		return directory.Errorf("account", directory.NotFound, "none")
	})
}

func (c calls) Staff(context.Context, directory.OfficeCode) ([]directory.Account, error) {
	return nil, c.p.line(c.from)
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
	return c.locked(func() error {
		for _, tr := range ts {
			if old, ok := c.p.tracks[tr.Code]; !ok || old.AsOf <= tr.AsOf {
				c.p.tracks[tr.Code] = tr
			}
			delete(c.p.tracks, tr.Alias)
		}
		return nil
	})
}

func (c calls) find(code string) (tr directory.Track, err error) {
	return tr, c.locked(func() error {
		for _, x := range c.p.tracks {
			if x.Code == code || x.Alias == code {
				tr = x
				return nil
			}
		}
		return directory.Errorf("lookup", directory.NotFound, "none")
	})
}

func (c calls) ReportOpen(context.Context, []directory.OpenCount) error { return nil }

func (c calls) Lookup(_ context.Context, code string) (directory.Track, error) {
	tr, err := c.find(code)
	tr.Checks = nil
	return tr, err
}

func (c calls) Prove(_ context.Context, code, last string) (bool, error) {
	tr, err := c.find(code)
	for _, k := range tr.Checks {
		for _, name := range []string{code, tr.Code, tr.Alias} {
			if k == directory.TrackCheck(name, last) {
				return true, nil
			}
		}
	}
	return false, err
}

func (c calls) Mine(_ context.Context, id directory.AccountID) (out []directory.Track, err error) {
	return out, c.locked(func() error {
		for _, tr := range c.p.tracks {
			if tr.Applicant == id {
				out = append(out, tr)
			}
		}
		return nil
	})
}

func (p *province) Signer(key digest.Digest) (replication.Peer, bool) {
	for c := range p.nodes {
		if peer, err := p.Resolve(replication.Name(c)); err == nil && peer.Keys.Sign.ID() == key {
			return peer, true
		}
	}
	return replication.Peer{}, false
}
