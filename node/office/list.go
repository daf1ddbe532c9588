package office

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/fold"
	"motcua/node/dossier"
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

// Today is the desk's first page: what asks for something that the officer may do, and what waits in his fields of work.
func (o *Office) Today(ctx context.Context, actor directory.Account) (TodayView, error) {
	var v TodayView
	if err := o.staff("today", actor); err != nil {
		return v, err
	}
	for _, b := range Buckets() {
		g, err := o.group(actor, b)
		if err != nil {
			return v, err
		}
		v.Groups = append(v.Groups, g)
	}
	var err error
	v.Sending, v.Troubles, err = o.Sendings(actor)
	return v, err
}

func (o *Office) group(actor directory.Account, b Bucket) (g Group, err error) {
	g.Bucket = b
	now := o.Now().Unix()
	soon := now
	if days, err := o.days(); err == nil {
		soon = days.Add(o.Now(), 8).Unix()
	}
	if !o.unlimited(actor) {
		return o.ownGroup(actor, b, now, soon)
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

// ownGroup counts the rows of a list that one officer works on, as far as maxFound rows go.
func (o *Office) ownGroup(actor directory.Account, b Bucket, now, soon int64) (g Group, err error) {
	g.Bucket = b
	err = o.Store.View(func(t *store.Tx) error {
		rows, _, err := pick(func(from store.Cursor, n int) ([]store.Row, store.Cursor, error) {
			return t.ByBucket(string(b), from, n)
		},
			"", maxCount, func(r store.Row) bool { return o.worksOn(actor, r) })
		for _, r := range rows {
			g.Count++
			if r.Due > 0 && r.Due < now {
				g.Overdue++
			} else if r.Due > 0 && r.Due <= soon {
				g.DueSoon++
			}
		}
		g.Lines = o.lines(rows[:min(len(rows), someLines)])
		return err
	})
	return g, err
}

// pick reads on until n rows are kept, or maxFound were looked at: then the cursor says where to go on.
func pick(read func(from store.Cursor, n int) ([]store.Row, store.Cursor, error), from store.Cursor, n int, keep func(store.Row) bool) (out []store.Row, next store.Cursor, err error) {
	for looked := 0; looked < maxFound && len(out) < n; {
		var rows []store.Row
		if rows, next, err = read(from, min(maxPage, n-len(out))); err != nil {
			return nil, "", err
		}
		looked += len(rows)
		out = append(out, slices.DeleteFunc(rows, func(r store.Row) bool { return !keep(r) })...)
		if from = next; next == "" {
			break
		}
	}
	return out, next, nil
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
	keep := func(r store.Row) bool { return o.worksOn(actor, r) }
	if f.All || strings.TrimSpace(f.Search) != "" || f.Bucket == BucketNone {
		keep = func(r store.Row) bool { return o.seesRow(actor, r) }
	}
	if o.unlimited(actor) {
		keep = func(store.Row) bool { return true }
	}
	err = o.Store.View(func(t *store.Tx) error {
		var rows []store.Row
		switch {
		case strings.TrimSpace(f.Search) != "":
			rows, err = search(t, f.Search, f.N, keep)
		case f.Taken:
			rows, p.Next, err = pick(takenRows(t), f.From, f.N, keep)
		case f.Bucket == BucketNone:
			rows, p.Next, err = pick(t.Newest, f.From, f.N, keep)
		default:
			rows, p.Next, err = pick(func(from store.Cursor, n int) ([]store.Row, store.Cursor, error) {
				return t.ByBucket(string(f.Bucket), from, n)
			}, f.From, f.N, keep)
		}
		p.Lines = o.lines(rows)
		return err
	})
	if f.Overdue {
		p.overdueOnly()
	}
	return p, err
}

// takenRows reads the rows that were handed over.
func takenRows(t *store.Tx) func(store.Cursor, int) ([]store.Row, store.Cursor, error) {
	return func(from store.Cursor, n int) ([]store.Row, store.Cursor, error) { return t.ByTerm(takenTerm, from, n) }
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
func search(t *store.Tx, q string, n int, keep func(store.Row) bool) (out []store.Row, err error) {
	if code, ok := dossier.NormalCode(q); ok {
		rows, err := searchCode(t, code, n)
		return slices.DeleteFunc(rows, func(r store.Row) bool { return !keep(r) }), err
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
			if !seen[r.Chain] && hasAll(r.Terms, ws) && len(out) < n && keep(r) {
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
