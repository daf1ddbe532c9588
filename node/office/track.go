package office

import (
	"context"
	"sync"
	"time"

	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
)

// guesses bounds how often the last four digits of one code may be tried here. A try counts before it is checked, so that many
// at once are not one; the right one gives it back.
type guesses struct {
	mu    sync.Mutex
	tried map[string]guess
}

type guess struct {
	n     int
	since time.Time
}

const (
	maxGuesses  = 8
	guessWindow = time.Hour
	maxGuessed  = 1 << 16 // codes remembered: some 6 MB
)

// try takes one of the tries of a code, false where none is left. With too many codes to remember, any one is forgotten: new
// tries for one code cost many thousand for others.
func (g *guesses) try(code string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tried == nil {
		g.tried = map[string]guess{}
	}
	w, ok := g.tried[code]
	for other := range g.tried {
		if ok || len(g.tried) < maxGuessed {
			break
		}
		delete(g.tried, other)
	}
	if !ok || now.Sub(w.since) > guessWindow {
		w = guess{since: now}
	}
	if w.n >= maxGuesses {
		return false
	}
	w.n++
	g.tried[code] = w
	return true
}

// right gives back the try of digits that were right.
func (g *guesses) right(code string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w, ok := g.tried[code]; ok && w.n > 1 {
		w.n--
		g.tried[code] = w
	} else {
		delete(g.tried, code)
	}
}

// Track tells somebody who is not signed in where a dossier is, for its code and the last four digits of the applicant's
// phone or identity number.
func (o *Office) Track(ctx context.Context, code, lastFour string) (TrackView, error) {
	normal, ok := dossier.NormalCode(code)
	if !ok {
		return TrackView{}, directory.Errorf("track", directory.Invalid, "this is no dossier code or submission code")
	}
	if !o.guesses.try(normal, o.Now()) {
		return TrackView{}, directory.Errorf("track", directory.Exhausted, "the digits were wrong too often; try again in an hour")
	}
	v, err := o.track(ctx, normal, lastFour)
	if directory.CodeOf(err) != directory.Denied {
		o.guesses.right(normal)
	}
	return v, err
}

func (o *Office) track(ctx context.Context, code, lastFour string) (TrackView, error) {
	row, err := o.provenRow(code, lastFour, func(store.Row) bool { return true })
	held := err == nil
	switch {
	case err != nil && directory.CodeOf(err) != directory.NotFound:
		return TrackView{}, err
	case held && row.Root == string(o.Code):
		return o.rowTrack(row), nil
	}
	return o.trackElsewhere(ctx, row, held, code, lastFour)
}

// trackElsewhere asks the directory, and at the same time the office that answers for the dossier if its code or this node's copy
// tells which: its answer is the surest, and comes with the directory out of reach too.
func (o *Office) trackElsewhere(ctx context.Context, row store.Row, held bool, code, lastFour string) (TrackView, error) {
	var tr directory.Track
	var unknown error
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	asking.Go(func() { tr, unknown = o.lookup(ctx, code, lastFour, held) })
	root := row.Root
	if c, err := dossier.ParseCode(code); err == nil && !held {
		root = string(c.Office)
	}
	v, err := o.askTrack(ctx, root, code, lastFour)
	if err == nil {
		return v, nil
	}
	asking.Wait()
	switch {
	case unknown == nil && string(tr.Root) != root:
		return o.freshest(ctx, o.trackView(tr), code, lastFour), nil
	case unknown == nil:
		return o.trackView(tr), nil
	case held:
		return o.rowTrack(row), nil
	case outOfReach(unknown) && directory.CodeOf(err) == directory.Denied:
		return TrackView{}, errNotProven()
	}
	return TrackView{}, unknown
}

// lookup asks the directory for a track, once it is proven that whoever asks may see it.
func (o *Office) lookup(ctx context.Context, code, lastFour string, proven bool) (tr directory.Track, err error) {
	err = o.consult(ctx, func(ctx context.Context) (err error) {
		if !proven {
			proven, err = o.Calls.Prove(ctx, code, lastFour)
		}
		switch {
		case err == nil && proven:
			tr, err = o.Calls.Lookup(ctx, code)
		case err == nil || directory.CodeOf(err) == directory.NotFound:
			err = errNotProven()
		}
		return err
	})
	if c := directory.CodeOf(err); c == directory.Internal || c == directory.NoLeader {
		err = directory.Errorf("track", directory.NoLeader, "this office does not hold the dossier, and the directory cannot be reached now; try again later")
	}
	return tr, err
}

// freshest asks the office that answers for a dossier; what is known already stands where it does not answer.
func (o *Office) freshest(ctx context.Context, v TrackView, code, lastFour string) TrackView {
	out, err := o.askTrack(ctx, string(v.Office.Code), code, lastFour)
	if err != nil {
		return v
	}
	return out
}

// askTrack asks another office where a dossier is that it answers for.
func (o *Office) askTrack(ctx context.Context, office, code, lastFour string) (TrackView, error) {
	if office == "" || office == string(o.Code) {
		return TrackView{}, directory.Errorf("track", directory.NotFound, "no other office to ask")
	}
	a, err := o.ask(ctx, office, Question{Kind: AskTrack, Code: code, LastFour: lastFour})
	if err != nil {
		return TrackView{}, err
	}
	if a.Track == nil {
		return TrackView{}, directory.Errorf("track", directory.Internal, "office %s gave no track", office)
	}
	out := o.trackView(*a.Track)
	out.Fresh, out.Source = true, FromHolder
	if p, ok := o.Directory.Procedure(a.Procedure, a.ProcVersion); ok {
		out.Procedure = p.Name
	}
	return out, nil
}

// errNotProven does not tell a wrong code from wrong digits.
func errNotProven() error {
	return directory.Errorf("track", directory.Denied, "no dossier fits the code and these four digits")
}

// provenRow is the row of a code that the digits fit: NotFound where none has the code, Denied where none fits.
func (o *Office) provenRow(code, lastFour string, among func(store.Row) bool) (store.Row, error) {
	if _, err := o.rowByCode("track", code, among); err != nil {
		return store.Row{}, err
	}
	var fault error
	row, err := o.rowByCode("track", code, func(r store.Row) bool {
		if !among(r) {
			return false
		}
		err := o.proven(r, lastFour)
		if err != nil && directory.CodeOf(err) != directory.Denied {
			fault = err
		}
		return err == nil
	})
	switch {
	case fault != nil:
		return row, fault
	case err != nil:
		return row, errNotProven()
	}
	return row, nil
}

// proven checks the digits against the dossier itself.
func (o *Office) proven(row store.Row, lastFour string) error {
	s, err := o.ownSheet(row)
	if row.Kind == store.RowChild {
		return errNotProven()
	}
	if err != nil {
		return err
	}
	for _, n := range []string{s.Applicant.Phone, s.Applicant.Identity} {
		if len(lastFour) == 4 && len(n) >= 4 && n[len(n)-4:] == lastFour {
			return nil
		}
	}
	return errNotProven()
}

func (o *Office) rowTrack(r store.Row) TrackView {
	l := o.line(r)
	v := TrackView{
		Freshness: Freshness{AsOf: l.Updated, Source: FromCopy}, Code: l.Code, Alias: r.Alias, Status: l.Status,
		Office: l.Root, Holder: l.Holder, Due: l.Due, Procedure: l.Procedure,
	}
	if r.Root == string(o.Code) {
		v.Freshness = Freshness{AsOf: o.Now(), Fresh: true, Source: FromHolder}
	}
	return v
}
