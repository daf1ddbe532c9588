package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/edition"
	"motcua/directory/server"
	"motcua/replication"
)

// renamed publishes another English name of an office, so that an edition comes.
func (w *world) renamed(i int) {
	w.t.Helper()
	p := publication()
	p.Offices = p.Offices[:1]
	p.Offices[0].Names[0].Text.EN = fmt.Sprintf("Commune %d", i)
	must[server.Published](w, "dir-2", http.MethodPost, "/publish", p)
	time.Sleep(3 * time.Second)
}

// TestNodesTakeDeltas: from any server, from each of the last editions; whoever holds something else is given the whole.
func TestNodesTakeDeltas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		a := w.join(commune, 1)
		w.join(other, 2)
		a.catchUp(a.replica.Number() + 1)
		held := a.replica.Held()
		for i := range 6 {
			w.renamed(i)
		}
		sizes := map[string]int{}
		for _, name := range names {
			for what, h := range map[string]edition.Held{
				"six before": held, "none": {}, "another of that number": {Number: held.Number, Body: digest.Of(nil)},
			} {
				b, err := client.AskEdition(t.Context(), a.link, replication.Name(name), h, 0, nil)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				s, err := edition.Receive(b, a.replica.Held(), func() ([]byte, error) {
					whole, err := edition.Read(a.replica.Bytes())
					return whole.Body, err
				})
				if err != nil {
					t.Errorf("%s, held is %s: %v", name, what, err)
				} else if _, err := s.Verify(edition.TrustOf(w.genesis)); err != nil {
					t.Errorf("%s, held is %s: %v", name, what, err)
				}
				sizes[what] = max(sizes[what], len(b))
			}
		}
		if most := 2*3500 + 1000; sizes["six before"] > most || sizes["none"] <= most || sizes["another of that number"] <= most {
			t.Errorf("bytes: %v", sizes)
		}
		b, err := a.AwaitEdition(t.Context(), held)
		if err != nil || a.replica.Install(b) != nil || a.replica.Number() != held.Number+6 {
			t.Errorf("edition %d, %v", a.replica.Number(), err)
		}
		begin := time.Now()
		b, err = a.AwaitEdition(t.Context(), a.replica.Held())
		if err != nil || b != nil || time.Since(begin) < 29*time.Second || time.Since(begin) > 32*time.Second {
			t.Errorf("none that is newer: %d bytes after %v, %v", len(b), time.Since(begin), err)
		}
	})
}

// TestWhoWaitsForAnEditionSleepsThroughWrites: however many changes are made that no edition shows, nobody is woken by them.
func TestWhoWaitsForAnEditionSleepsThroughWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		a := w.join(commune, 1)
		synctest.Wait()
		const waiters, writes = 200, 50
		shelf := w.up["dir-1"].Shelf()
		var woken, served atomic.Int64
		for range waiters {
			go func() {
				for held := a.replica.Held(); t.Context().Err() == nil; woken.Add(1) {
					changed := shelf.Changed()
					if b, err := shelf.Update(held); err != nil || b != nil {
						served.Add(1)
						return
					}
					select {
					case <-changed:
					case <-t.Context().Done():
					}
				}
			}()
		}
		synctest.Wait()
		for i := range writes {
			fine[directory.Account](t)(a.Register(t.Context(), citizen(fmt.Sprintf("writer%d", i))))
			time.Sleep(time.Second) // an office changes no more accounts
		}
		synctest.Wait()
		if n := woken.Load(); n != 0 {
			t.Errorf("%d wake-ups of %d waiters by %d writes", n, waiters, writes)
		}
		w.renamed(1)
		if woken.Load() != waiters || served.Load() != waiters {
			t.Errorf("an edition has woken %d of %d waiters and served %d", woken.Load(), waiters, served.Load())
		}
	})
}

// TestManyEpochsAreOneDelta: what a node claims of its epoch makes no more deltas than there are successions, and none that others
// would have to make again.
func TestManyEpochsAreOneDelta(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		a := w.join(commune, 1)
		held := a.replica.Held()
		w.renamed(1)
		shelf := w.up["dir-1"].Shelf()
		first := fine[[]byte](t)(shelf.Update(held))
		whole := fine[[]byte](t)(shelf.Update(edition.Held{}))
		if len(first) == 0 || len(first) >= len(whole) {
			t.Fatalf("a delta of %d bytes, the whole has %d", len(first), len(whole))
		}
		for i := range uint64(300) {
			other := held
			other.Epoch = i
			if b := fine[[]byte](t)(shelf.Update(other)); &b[0] != &first[0] {
				t.Fatalf("another delta for epoch %d", i)
			}
			other.Body = digest.Of([]byte{byte(i), byte(i >> 8)})
			if b := fine[[]byte](t)(shelf.Update(other)); &b[0] != &whole[0] {
				t.Fatal("the whole edition is made anew for somebody who holds what never was")
			}
		}
		if b := fine[[]byte](t)(shelf.Update(held)); &b[0] != &first[0] {
			t.Error("the delta that all need is made again")
		}
	})
}

// TestAServerThatDiesIsNotWaitedFor: a node that waits at it asks the next within seconds.
func TestAServerThatDiesIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		a := w.join(commune, 1)
		begin := time.Now()
		time.AfterFunc(4*time.Second, func() { w.net.Cut(addrOf("dir-1")) })
		time.AfterFunc(8*time.Second, func() {
			p := publication()
			p.Offices = p.Offices[:1]
			p.Offices[0].Names[0].Text.EN = "Commune"
			must[server.Published](w, "dir-2", http.MethodPost, "/publish", p)
		})
		b, err := a.AwaitEdition(t.Context(), a.replica.Held())
		if err != nil || len(b) == 0 || time.Since(begin) > 15*time.Second {
			t.Errorf("%d bytes after %v, %v", len(b), time.Since(begin), err)
		}
		w.net.Heal(addrOf("dir-1"))
	})
}

// TestANodeAsksTwiceAtOnceAtMost: more is refused at once, and harms nobody.
func TestANodeAsksTwiceAtOnceAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		a := w.join(commune, 1)
		results := make(chan error, 4)
		for range 4 {
			go func() {
				_, err := client.AskEdition(t.Context(), a.link, "dir-1", a.replica.Held(), 20*time.Second, nil)
				results <- err
			}()
		}
		busy := 0
		for range 4 {
			if err := <-results; errors.Is(err, client.ErrBusy) {
				busy++
			} else if err != nil {
				t.Error(err)
			}
		}
		if busy != 2 {
			t.Errorf("%d of 4 are refused", busy)
		}
		if _, err := client.AskEdition(t.Context(), a.link, "dir-1", a.replica.Held(), 0, nil); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestTokensAreListedAndTakenBack: province IT sees what is outstanding, and a token that is taken back enrols nobody.
func TestTokensAreListedAndTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		w.join(commune, 1)
		lost := w.token(other, 2)
		w.token(other, 1)
		states := func() (out []string) {
			for _, k := range must[[]server.TokenStatus](w, "dir-3", http.MethodGet, "/tokens", nil) {
				out = append(out, string(k.Office)+" "+k.State)
			}
			slices.Sort(out)
			return out
		}
		want := []string{string(commune) + " used", string(other) + " open", string(other) + " open"}
		if got := states(); !slices.Equal(got, want) {
			t.Errorf("tokens: %v, want %v", got, want)
		}
		id := lost.Hash().Short()
		if _, status, said := admin[server.TokenStatus](w, "dir-1", http.MethodPost, "/void", server.VoidRequest{ID: id[:4]}); status != http.StatusNotFound {
			t.Errorf("by four digits: %d %s", status, said)
		}
		must[server.TokenStatus](w, "dir-1", http.MethodPost, "/void", server.VoidRequest{ID: id})
		if _, err := w.apply(lost, newIdentity(t), "10.0.1.9:7400"); directory.CodeOf(err) != directory.Denied {
			t.Errorf("a token taken back: %v", err)
		}
		w.ahead.Store(int64(90 * time.Minute))
		want = []string{string(commune) + " used", string(other) + " expired", string(other) + " void"}
		if got := states(); !slices.Equal(got, want) {
			t.Errorf("tokens: %v, want %v", got, want)
		}
	})
}

// TestANodeTakesNewKeysThroughAnyServer: it is one office's node before and after, by both keys; a retired key is revoked by itself.
func TestANodeTakesNewKeysThroughAnyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		a, b := w.join(commune, 1), w.join(other, 2)
		next := newIdentity(t)
		r, err := directory.SignRotation(w.genesis.Digest(), commune, a.id, next)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Rotate(t.Context(), r); directory.CodeOf(err) != directory.Invalid {
			t.Errorf("asked for by another office: %v", err)
		}
		for range 2 {
			if n, err := a.Rotate(t.Context(), r); err != nil || n.Identity.ID() != next.Public().ID() {
				t.Errorf("%+v, %v", n.Identity.ID().Short(), err)
			}
		}
		b.catchUp(b.replica.Number() + 1)
		old, errOld := b.replica.Identify(tlsIDOf(a))
		now, errNow := b.replica.Resolve(replication.Name(commune))
		if errors.Join(errOld, errNow) != nil || old.Name != now.Name || old.Retired.IsZero() || !old.Revoked.IsZero() || !now.Retired.IsZero() || len(b.replica.Nodes()) != 2 {
			t.Errorf("old %+v, now %+v, %d nodes", old, now, len(b.replica.Nodes()))
		}
		if _, err := a.Register(t.Context(), citizen("under.the.old.key")); err != nil {
			t.Errorf("before it has learnt that its rotation was decided: %v", err)
		}
		one := server.RevokeRequest{Office: commune, Reason: "bản sao lưu bị lộ", Key: a.id.Public().ID().Short()}
		if n := must[server.NodeStatus](w, "dir-2", http.MethodPost, "/revoke", one); n.Revoked == nil || n.Retired == nil {
			t.Errorf("the retired key: %+v", n)
		}
		b.catchUp(b.replica.Number() + 1)
		if now, err := b.replica.Resolve(replication.Name(commune)); err != nil || !now.Revoked.IsZero() {
			t.Errorf("the key in use went with it: %v", err)
		}
	})
}

// counter is a log that counts messages.
type counter struct {
	slog.Handler
	n    atomic.Int64
	what string
}

// Enabled implements slog.Handler.
func (c *counter) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (c *counter) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError && strings.Contains(r.Message, c.what) {
		c.n.Add(1)
	}
	return nil
}

// TestAnEditionTooLargeIsToldAndNotTriedAllTheTime: servers of the first upgrade level take what no edition can hold.
func TestAnEditionTooLargeIsToldAndNotTriedAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		told := &counter{Handler: slog.DiscardHandler, what: "no edition is cut"}
		w.log, w.level, w.genesis.Level = slog.New(told), 1, 0
		w.startAll()
		p := publication()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", p)
		time.Sleep(5 * time.Second)
		before := must[server.Status](w, "dir-1", http.MethodGet, "/status", nil)
		for i := range 280 {
			large := landProcedure()
			large.Code, large.Form = fmt.Sprintf("2.%06d", i), []byte(`{"title":"`+strings.Repeat("x", directory.MaxForm-100)+`"}`)
			p.Procedures = append(p.Procedures, large)
		}
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", p)
		time.Sleep(5 * time.Minute)
		s := must[server.Status](w, "dir-1", http.MethodGet, "/status", nil)
		if n := told.n.Load(); n < 3 || n > 8 {
			t.Errorf("told %d times within five minutes", n)
		}
		if s.EditionSize <= s.EditionMost || !s.Pending || before.EditionSize > 1<<20 || before.Pending {
			t.Errorf("before %d, then %d of %d, pending %v and %v", before.EditionSize, s.EditionSize, s.EditionMost, before.Pending, s.Pending)
		}
		w.stopAll()
	})
}
