package office

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/fold"
	"motcua/node/store"
)

// words are the folded words of a name, as rows are found by. The rows keep them: if folding ever changes, rows are to be
// written anew.
func words(s string) (out []string) {
	for _, w := range fold.Words(s) {
		if len(w) <= 64 {
			out = append(out, w)
		}
	}
	return out
}

// The bounds of lists.
const (
	maxPage   = 200
	someLines = 10
	maxCount  = 1000
	maxFound  = 2000 // rows looked at in a search
)

const forever = int64(1) << 40 // Unix seconds, after every due date

// Today is the desk's first page.
func (o *Office) Today(ctx context.Context, actor directory.Account) (TodayView, error) {
	var v TodayView
	if err := o.staff("today", actor); err != nil {
		return v, err
	}
	for _, b := range Buckets() {
		g, err := o.group(b)
		if err != nil {
			return v, err
		}
		v.Groups = append(v.Groups, g)
	}
	var err error
	v.Sending, v.Troubles, err = o.Sendings(actor)
	return v, err
}

func (o *Office) group(b Bucket) (g Group, err error) {
	g.Bucket = b
	now := o.Now().Unix()
	soon := now
	if days, err := o.days(); err == nil {
		soon = days.Add(o.Now(), 8).Unix()
	}
	err = o.Store.View(func(t *store.Tx) error {
		for _, c := range []struct {
			n        *int
			from, to int64
		}{{&g.Count, 0, forever}, {&g.Overdue, 1, now}, {&g.DueSoon, max(1, now), soon + 1}} {
			if *c.n, err = t.Count(string(b), c.from, c.to, maxCount); err != nil {
				return err
			}
		}
		rows, _, err := t.ByBucket(string(b), "", someLines)
		g.Lines = o.lines(rows)
		return err
	})
	return g, err
}

// List is a part of a list of the desk.
func (o *Office) List(ctx context.Context, actor directory.Account, f Filter) (p Page, err error) {
	if err := o.staff("list", actor); err != nil {
		return p, err
	}
	if f.N <= 0 {
		f.N = 50
	}
	f.N = min(f.N, maxPage)
	err = o.Store.View(func(t *store.Tx) error {
		var rows []store.Row
		switch {
		case strings.TrimSpace(f.Search) != "":
			rows, err = search(t, f.Search, f.N)
		case f.Bucket == BucketNone:
			rows, p.Next, err = t.Newest(f.From, f.N)
		default:
			rows, p.Next, err = t.ByBucket(string(f.Bucket), f.From, f.N)
		}
		p.Lines = o.lines(rows)
		return err
	})
	if f.Overdue {
		p.overdueOnly()
	}
	return p, err
}

// overdueOnly drops what is not overdue. Lists are in the order of due dates, so nothing overdue follows a line that is not.
func (p *Page) overdueOnly() {
	for i, l := range p.Lines {
		if !l.Overdue && !l.Due.IsZero() {
			p.Lines, p.Next = p.Lines[:i], ""
			return
		}
	}
}

// search finds rows by code, or by all the words of a name, the last of which may be its beginning.
func search(t *store.Tx, q string, n int) (out []store.Row, err error) {
	if code, ok := dossier.NormalCode(q); ok {
		return searchCode(t, code, n)
	}
	ws := words(q)
	if len(ws) == 0 {
		return nil, nil
	}
	seen := map[digest.Digest]bool{}
	from := store.Cursor("")
	for looked := 0; looked < maxFound && len(out) < n; looked += maxPage {
		rows, next, err := t.ByTerm(ws[0], from, maxPage)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if !seen[r.Chain] && hasAll(r.Terms, ws) && len(out) < n {
				seen[r.Chain] = true
				out = append(out, r)
			}
		}
		if from = next; next == "" {
			break
		}
	}
	return out, nil
}

// searchCode finds what this office was asked under a code first, for that is its own work, and then the dossier itself.
func searchCode(t *store.Tx, code string, n int) ([]store.Row, error) {
	rows, err := t.RowsByCode(code, n)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	named, _, err := t.ByTerm(strings.ToLower(code), "", maxPage)
	own := slices.DeleteFunc(named, func(r store.Row) bool {
		return r.Kind != store.RowChild || !slices.ContainsFunc(rows, func(root store.Row) bool { return root.Chain == r.Parent })
	})
	out := append(own, rows...)
	return out[:min(len(out), n)], err
}

func hasAll(have, want []string) bool {
	for i, w := range want {
		found := false
		for _, h := range have {
			found = found || h == w || i == len(want)-1 && strings.HasPrefix(h, w)
		}
		if !found {
			return false
		}
	}
	return true
}

func (o *Office) lines(rows []store.Row) (out []Line) {
	for _, r := range rows {
		out = append(out, o.line(r))
	}
	return out
}

func (o *Office) line(r store.Row) Line {
	on := directory.DateOf(millis(r.Updated))
	l := Line{
		Chain: r.Chain, Kind: r.Kind, Code: lineCode(r), Applicant: r.Applicant, Status: dossier.Status(r.Status),
		Root: o.ref(r.Root, on), Holder: o.ref(r.Holder, on), Updated: millis(r.Updated), Procedure: directory.Text{VI: r.Procedure},
	}
	if p, ok := o.Directory.Procedure(r.Procedure, r.ProcVersion); ok {
		l.Procedure, l.Step = p.Name, stepName(p, r.Step)
	}
	if r.Due > 0 {
		l.Due = time.Unix(r.Due, 0)
		if days, err := o.days(); err == nil && r.Bucket != "" {
			l.Left = days.Left(o.Now(), l.Due)
			l.Overdue = o.Now().After(l.Due)
		}
	}
	return l
}
