package office

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// A machine whose disk was put back to an earlier state, by a backup, a guardian or a copy, does not know what it did since, and cannot
// know that it does not. Others do: they keep its chains, and its receipts. So after every start an office asks those it deals with
// what they keep of it, before it appends to a chain that may have gone on: it takes back its own events, whose signatures prove them,
// and has sent anew what it had taken. Who is out of reach is asked when he is again. What was done meanwhile on a chain
// that had gone on is a fork: evidence that is kept and shown. Intake never waits longer than regainWait after a start.

const (
	regainName    = "regain"
	regainMargin  = 48 * time.Hour // by which clocks of offices may differ
	regainWait    = 5 * time.Second
	regainAtOnce  = 8
	regainRetry   = 15 * time.Second // then twice as long each time, up to regainSeldom
	regainSeldom  = 15 * time.Minute
	regainAskTime = 20 * time.Second // for an answer
	regainFile    = 10 * time.Minute // for a file
	regainTurn    = time.Hour        // for all of one office, before the others are asked again
	takeAskTime   = 5 * time.Second  // before a parcel of an office that was not asked yet
	maxHeldPages  = 5000             // a million dossiers
)

// regaining is who has still to be asked.
type regaining struct {
	first chan struct{} // closed once all that are in reach were asked after the start; nil for an office that asks nobody
	once  sync.Once

	mu    sync.Mutex
	left  map[replication.Name]int64     // since when they may know more than this office, Unix milliseconds
	tried map[replication.Name]time.Time // when they were last asked because of a parcel
}

// notAsked is an entry of left as it is kept over a restart.
type notAsked struct {
	Office string `cbor:"1,keyasint"`
	Since  int64  `cbor:"2,keyasint"`
}

// beginRegain finds whom to ask, and notes it: what is done from now on must not hide that something was lost before.
func (o *Office) beginRegain(ctx context.Context) error {
	left := map[replication.Name]int64{}
	err := o.Store.Update(ctx, func(t *store.Tx) error {
		since, known, err := o.dealings(t)
		if err != nil {
			return err
		}
		for _, name := range known {
			left[name] = since
		}
		earlier, err := notAskedYet(t)
		for _, l := range earlier {
			left[replication.Name(l.Office)] = l.Since
		}
		return errors.Join(err, putNotAsked(t, left))
	})
	o.regain.mu.Lock()
	defer o.regain.mu.Unlock()
	o.regain.left = left
	return err
}

// dealings are the offices that this one deals with, all of them on a machine that was brought back lately, and since when its own
// memory may have a hole.
func (o *Office) dealings(t *store.Tx) (since int64, out []replication.Name, err error) {
	known, err := t.ReceiptPeers()
	if err != nil {
		return 0, nil, err
	}
	rows, _, err := t.Newest("", heldRows)
	if err != nil {
		return 0, nil, err
	}
	for _, r := range rows {
		known = append(known, replication.Name(r.Root), replication.Name(r.Holder))
	}
	if len(rows) > 0 {
		since = rows[0].Updated - regainMargin.Milliseconds()
	}
	all, err := o.restoredLately(t)
	self, _ := o.Directory.Office(o.Code)
	for _, name := range o.Offices() {
		below, _ := o.Directory.Office(directory.OfficeCode(name))
		near := slices.Contains(known, name) || string(self.Parent) == string(name) || below.Parent == o.Code
		if name != o.self() && (all || near) {
			out = append(out, name)
		}
	}
	return since, out, err
}

func notAskedYet(t *store.Tx) (list []notAsked, err error) {
	b, ok, err := t.Get(regainName)
	if err != nil || !ok {
		return nil, err
	}
	return list, wire.Unmarshal(b, &list)
}

func putNotAsked(t *store.Tx, left map[replication.Name]int64) error {
	list := []notAsked{}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		list = append(list, notAsked{string(name), left[name]})
	}
	b, err := wire.Marshal(list)
	if err != nil {
		return err
	}
	return t.Set(regainName, b)
}

// regainAll asks every office that was not asked yet, until all have answered.
func (o *Office) regainAll(ctx context.Context) {
	if o.regain.first == nil {
		return
	}
	open := time.AfterFunc(regainWait, o.regain.open)
	defer open.Stop()
	defer o.regain.open()
	if err := o.beginRegain(ctx); err != nil {
		o.Log.Error("what others keep of this office cannot be asked for", "err", err)
		return
	}
	for pause := regainRetry; ; pause = min(2*pause, regainSeldom) {
		var asking sync.WaitGroup
		turns := make(chan struct{}, regainAtOnce)
		for name := range o.regain.remaining() {
			turns <- struct{}{}
			asking.Go(func() { o.regainTurn(ctx, name); <-turns })
		}
		asking.Wait()
		o.regain.open()
		if len(o.regain.remaining()) == 0 || ctx.Err() != nil {
			return
		}
		wait(ctx, pause)
	}
}

func (r *regaining) open() { r.once.Do(func() { close(r.first) }) }

func (r *regaining) remaining() map[replication.Name]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.left)
}

func (o *Office) regainLogged(ctx context.Context, from replication.Name) {
	if err := o.regainFrom(ctx, from); err != nil {
		o.Log.Debug("office not asked yet what it keeps of this one", "peer", from, "err", err)
	}
}

// regainTurn asks one office for a while: one that is slow, or never ends, must not keep the others from being asked again. What it
// has told by then is not asked for again.
func (o *Office) regainTurn(ctx context.Context, from replication.Name) {
	ctx, cancel := context.WithTimeout(ctx, regainTurn)
	defer cancel()
	o.regainLogged(ctx, from)
}

// awaitRegained holds an act on a chain until those in reach were asked, for regainWait after the start at most.
func (o *Office) awaitRegained(ctx context.Context) {
	if o.regain.first == nil {
		return
	}
	select {
	case <-o.regain.first:
	case <-ctx.Done():
	}
}

// regainBefore asks an office before its parcel is taken, if it was not asked yet: what it brings may hang on what was lost. One that
// does not answer is not asked again for each of many parcels.
func (o *Office) regainBefore(ctx context.Context, from replication.Name) {
	o.awaitRegained(ctx)
	if !o.regain.try(from, time.Now()) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, takeAskTime)
	defer cancel()
	o.regainLogged(ctx, from)
}

func (r *regaining) try(from replication.Name, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, left := r.left[from]; !left || now.Sub(r.tried[from]) < silence {
		return false
	}
	if r.tried == nil {
		r.tried = map[replication.Name]time.Time{}
	}
	r.tried[from] = now
	return true
}

// regainFrom asks one office, and strikes it off when it has told everything.
func (o *Office) regainFrom(ctx context.Context, from replication.Name) error {
	since, left := o.regain.remaining()[from]
	after := ""
	for page := 0; left && (page == 0 || after != ""); page++ {
		a, err := o.inquire(ctx, from, Question{Kind: AskHeld, Since: since, After: after})
		if c := directory.CodeOf(err); c == directory.NotFound || c == directory.Newer {
			break // an older version, which knows no such question
		}
		if err != nil {
			return err
		}
		if a.Holding == nil || page == maxHeldPages {
			return fmt.Errorf("ask %s: an answer without what was asked for, or without an end", from)
		}
		if err := o.regainPage(ctx, from, *a.Holding); err != nil {
			return err
		}
		after = a.Holding.Next
	}
	return o.struckOff(ctx, from)
}

func (o *Office) struckOff(ctx context.Context, from replication.Name) error {
	o.regain.mu.Lock()
	delete(o.regain.left, from)
	o.regain.mu.Unlock()
	return o.Store.Update(ctx, func(t *store.Tx) error { return putNotAsked(t, o.regain.remaining()) })
}

// inquire asks one question, for longer than a person would wait.
func (o *Office) inquire(ctx context.Context, from replication.Name, q Question) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, regainAskTime)
	defer cancel()
	q.Version = 1
	a, r, err := o.Peers.Ask(ctx, from, q)
	if r != nil {
		r.Close()
	}
	return a, cmp.Or(err, a.fault())
}

// fault is the error in an answer, nil if there is none.
func (a Answer) fault() error {
	if a.Error == nil {
		return nil
	}
	return a.Error
}

func (o *Office) regainPage(ctx context.Context, from replication.Name, h Holding) error {
	for _, k := range h.Chains {
		if err := o.regainOne(ctx, from, k); err != nil {
			return err
		}
	}
	var lost []digest.Digest
	err := o.Store.View(func(t *store.Tx) error {
		for _, id := range h.Parcels {
			if _, given, err := t.Receipt(id); err != nil {
				return err
			} else if !given {
				lost = append(lost, id)
			}
		}
		return nil
	})
	if err != nil || len(lost) == 0 {
		return err
	}
	o.Log.Warn("parcels were lost that this office had taken; they are sent anew", "peer", from, "count", len(lost))
	if err := o.markRegained(ctx); err != nil {
		return err
	}
	for part := range slices.Chunk(lost, heldRows) { // as many as fit a question

		if _, err := o.inquire(ctx, from, Question{Kind: AskAnew, Parcels: part}); err != nil {
			return err
		}
	}
	return nil
}

// markRegained notes that something was lost, so that what others answer to it waits rather than being refused.
func (o *Office) markRegained(ctx context.Context) error {
	return o.Store.Update(ctx, func(t *store.Tx) error { return MarkRestored(t, o.Now()) })
}

// regainOne takes back a chain or a submission, if this office has lost it or a part of it.
func (o *Office) regainOne(ctx context.Context, from replication.Name, k Kept) error {
	known, have := false, store.Head{}
	err := o.Store.View(func(t *store.Tx) (err error) {
		if known, err = knownHere(t, k); err == nil {
			have, err = t.Head(k.Chain)
		}
		return err
	})
	if err != nil || known {
		return err
	}
	a, err := o.inquireChain(ctx, from, k)
	if err != nil {
		return err
	}
	var ch change
	if k.Length == 0 {
		ch, err = o.regainSubmission(a)
	} else {
		ch, err = o.regainChain(a.Chain)
	}
	if u, ok := errors.AsType[*unwelcome](err); ok {
		o.Log.Error("what another office keeps as this one's is not", "peer", from, "chain", k.Chain.Short(), "err", u)
		return nil
	}
	if err == nil {
		_, err = o.commitNow(ctx, ch)
	}
	if err != nil {
		return err
	}
	if k.Length > 0 && !o.wroteAfter(a.Chain, have.Length) {
		return nil // another went on with it
	}
	o.Log.Warn("taken back what this office had lost", "peer", from, "chain", k.Chain.Short(), "events", k.Length)
	// A crash here leaves the chain without the files that are not here: its page says so.
	return errors.Join(o.markRegained(ctx), o.regainFiles(ctx, from, k.Chain, ch.files))
}

// wroteAfter tells whether this office wrote in a chain from a place on, or another chain up to there.
func (o *Office) wroteAfter(rs []record.Record, place uint64) bool {
	if place >= uint64(len(rs)) {
		return true
	}
	chain, err := dossier.ReadChain(rs[place:])
	return err == nil && wrote(chain, string(o.Code))
}

// knownHere tells whether all that another office keeps of a chain is here too.
func knownHere(t *store.Tx, k Kept) (bool, error) {
	if k.Length == 0 {
		_, err := t.Row(k.Chain)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	h, err := t.Head(k.Chain)
	if err != nil || h.Length < k.Length {
		return false, err
	}
	forks, err := t.Forks(k.Chain, maxLooks)
	if err != nil {
		return false, err
	}
	rs, err := t.ChainFrom(k.Chain, k.Length-1)
	same := func(r record.Record) bool { return r.ID() == k.Head }
	return err == nil && (same(rs[0]) || len(forks) > 0), err // a fork that is known is not fetched again
}

// inquireChain asks for a chain from its first event on.
func (o *Office) inquireChain(ctx context.Context, from replication.Name, k Kept) (Answer, error) {
	var whole Answer
	for {
		a, err := o.inquire(ctx, from, Question{Kind: AskChain, Chain: k.Chain, Seq: uint64(len(whole.Chain))})
		if err != nil {
			return whole, err
		}
		whole.Chain, whole.Submission = append(whole.Chain, a.Chain...), a.Submission
		if n := uint64(len(whole.Chain)); n >= k.Length || len(a.Chain) == 0 || n > maxEvents {
			return whole, nil
		}
	}
}

// regainSubmission is what was handed in here, for this office or another.
func (o *Office) regainSubmission(a Answer) (change, error) {
	if a.Submission == nil {
		return change{}, refuse("the submission is not there", nil)
	}
	s, err := dossier.VerifySubmission(*a.Submission, o.keyOf)
	if err != nil {
		return change{}, unlessLater("the submission does not verify", err)
	}
	if s.Portal != string(o.Code) {
		return change{}, refuse("the submission is of another portal", nil)
	}
	return o.arrive(*a.Submission, s), nil
}

// regainChain is a chain that this office wrote, as far as another keeps it.
func (o *Office) regainChain(rs []record.Record) (change, error) {
	chain, s, err := o.verified(rs)
	if err != nil {
		return change{}, err
	}
	if !wrote(chain, string(o.Code)) {
		return change{}, refuse("the chain is another office's", nil)
	}
	c := change{chain: s.Chain, files: attachments(chain), reports: true}
	c.extra = func(t *store.Tx) error {
		if err := o.putCopy(t, chain); err != nil {
			return err
		}
		if h, err := t.Head(s.Chain); err != nil || h.ID != s.Head {
			return err // it goes on here, or is forked
		}
		return o.relist(t, s)
	}
	return c, nil
}

// relist puts a chain that was taken back into the lists. A child whose root is not here is listed when its request comes again.
func (o *Office) relist(t *store.Tx, s dossier.State) error {
	root := s
	var err error
	if s.IsChild {
		if _, root, err = readChain(t, s.Root); errors.Is(err, store.ErrNotFound) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	pl, err := o.planOf(root)
	if err != nil {
		return err
	}
	if asked, ok := childOf(root, s.Chain); ok && s.IsChild {
		return t.PutRow(o.childRow(root, asked, s, pl))
	}
	row := o.rootRow(root, pl)
	if other, err := t.RowByCode(row.Code); err == nil && row.Code != "" && other.Chain != row.Chain {
		o.Log.Error("a code was given twice: the machine had lost that it gave it", "code", row.Code)
		row.Code = ""
	}
	return errors.Join(t.PutRow(row), t.QueueTrack(o.trackOf(root, pl)))
}

// regainFiles fetches the papers and results that are not here.
func (o *Office) regainFiles(ctx context.Context, from replication.Name, chain digest.Digest, files []dossier.Attachment) error {
	for _, f := range files {
		held, err := o.Blobs.Has(ctx, f.Blob)
		if err == nil && !held {
			err = o.regainOneFile(ctx, from, chain, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *Office) regainOneFile(ctx context.Context, from replication.Name, chain digest.Digest, f dossier.Attachment) error {
	ctx, cancel := context.WithTimeout(ctx, regainFile)
	defer cancel()
	a, r, err := o.Peers.Ask(ctx, from, Question{Version: 1, Kind: AskSealed, Chain: chain, Blob: f.Blob})
	if err != nil {
		return err
	}
	if r == nil {
		return fmt.Errorf("fetch file %s: %s has not sent it: %w", f.Blob.Short(), from, cmp.Or(a.fault(), errNoFile))
	}
	defer r.Close()
	return o.Blobs.PutSealed(ctx, r, f.Blob, f.Sealed)
}

var errNoFile = errors.New("no file came with the answer")
