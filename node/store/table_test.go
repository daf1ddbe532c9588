package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/replication"
)

func ids(rs []record.Record) (out []digest.Digest) {
	for _, r := range rs {
		out = append(out, r.ID())
	}
	return out
}

func eventIDs(es []dossier.Signed) (out []digest.Digest) {
	for _, e := range es {
		out = append(out, e.ID())
	}
	return out
}

func TestChainGrowsFromTheExpectedHeadAlone(t *testing.T) {
	s, chain := open(t, t.TempDir()), name("chain")
	events := chainOf(t, chain, 4, "")
	head := func(i int) digest.Digest { return events[i].ID() }
	attempt := func(expected digest.Digest, es ...dossier.Signed) error {
		return s.Update(context.Background(), func(tx *Tx) error { return tx.Append(chain, expected, es) })
	}
	if err := attempt(digest.Digest{}, events[:2]...); err != nil {
		t.Fatal(err)
	}
	alien := events[2]
	alien.Event.Chain = name("another")
	unlinked := events[2]
	unlinked.Event.Prev = head(0)
	for _, c := range []struct {
		what string
		err  error
		want error
	}{
		{"an old head", attempt(head(0), events[2]), ErrHeadMoved},
		{"a beginning again", attempt(digest.Digest{}, events[0]), ErrHeadMoved},
		{"a gap", attempt(head(1), events[3]), ErrGap},
		{"an event again", attempt(head(1), events[1]), ErrFork},
		{"an event that follows another", attempt(head(1), unlinked), ErrFork},
		{"an event of another chain", attempt(head(1), alien), dossier.ErrMalformed},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: want %v, have %v", c.what, c.want, c.err)
		}
	}
	if err := attempt(head(1), events[2:]...); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(tx *Tx) error {
		rs, err := tx.Chain(chain)
		if err != nil || !slices.Equal(ids(rs), eventIDs(events)) {
			t.Errorf("%d events: %v", len(rs), err)
		}
		for i, r := range rs {
			want, err := wire.Marshal(events[i].Record)
			if err != nil {
				return err
			}
			if have, err := wire.Marshal(r); err != nil || !bytes.Equal(have, want) {
				t.Errorf("event %d came back as other bytes: %v", i, err)
			}
		}
		if rs, err := tx.ChainFrom(chain, 3); err != nil || len(rs) != 1 {
			t.Errorf("from event 3 on: %d events, %v", len(rs), err)
		}
		if rs, err := tx.ChainFrom(chain, 9); err != nil || len(rs) != 0 {
			t.Errorf("from beyond the end: %d events, %v", len(rs), err)
		}
		if _, err := tx.Chain(name("none")); !errors.Is(err, ErrNotFound) {
			t.Errorf("a chain that is not there: %v", err)
		}
		return nil
	})
}

// TestCopiesNeverShorten brings pieces of one true chain and of its fork in any order: what is stored is always a prefix
// of the true chain and grows, and every contradiction is kept.
func TestCopiesNeverShorten(t *testing.T) {
	s, n := open(t, t.TempDir()), 0
	const length = 6
	rapid.Check(t, func(t *rapid.T) {
		n++
		chain := name(fmt.Sprint("copy", n))
		honest := chainOf(t, chain, length, "")
		forked := chainOf(t, chain, length, "another story")
		held := 0
		evidence := map[digest.Digest]bool{}
		for range rapid.IntRange(1, 8).Draw(t, "pieces") {
			from := rapid.IntRange(0, length-1).Draw(t, "from")
			to := rapid.IntRange(from, length).Draw(t, "to")
			lie := held > 0 && rapid.IntRange(0, 3).Draw(t, "lie") == 0
			source := honest
			if lie {
				source = forked
			}
			var did Copied
			err := s.Update(context.Background(), func(tx *Tx) (err error) { did, err = tx.PutCopy(chain, source[from:to]); return err })
			switch {
			case from == to || !lie && from <= held:
				if err != nil || did.Forked || did.Added != max(0, to-held)*btoi(from != to) {
					t.Fatalf("true events %d to %d on %d: %+v %v", from, to, held, did, err)
				}
				held += did.Added
			case lie && from <= held:
				if err != nil || !did.Forked || did.Added != 0 {
					t.Fatalf("forked events %d to %d on %d: %+v %v", from, to, held, did, err)
				}
				evidence[forked[from].ID()] = true
			default:
				if !errors.Is(err, ErrGap) {
					t.Fatalf("events %d to %d on %d: want ErrGap, have %v", from, to, held, err)
				}
			}
			err = s.View(func(tx *Tx) error {
				rs, err := tx.Chain(chain)
				if held > 0 && (err != nil || !slices.Equal(ids(rs), eventIDs(honest[:held]))) {
					t.Fatalf("%d of %d events are there: %v", len(rs), held, err)
				}
				forks, err := tx.Forks(chain, 100)
				if len(forks) != len(evidence) {
					t.Fatalf("%d contradictions kept of %d", len(forks), len(evidence))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestListsAgreeWithRows puts rows again and again, and compares every list with a plain model of it.
func TestListsAgreeWithRows(t *testing.T) {
	s := open(t, t.TempDir())
	model := map[digest.Digest]Row{}
	rapid.Check(t, func(t *rapid.T) {
		chain := name(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}).Draw(t, "chain"))
		r := Row{
			Chain: chain, Kind: RowRoot, Alias: chain.Short(), Status: "x",
			Bucket:  rapid.SampledFrom([]string{"", "new", "news", "late"}).Draw(t, "bucket"),
			Account: rapid.SampledFrom([]string{"", "me", "you"}).Draw(t, "account"),
			Due:     rapid.Int64Range(-3, 3).Draw(t, "due"), Updated: rapid.Int64Range(0, 4).Draw(t, "updated"),
			Terms: rapid.SliceOfN(rapid.SampledFrom([]string{"an", "anh", "binh"}), 0, 2).Draw(t, "terms"),
		}
		if err := s.Update(context.Background(), func(tx *Tx) error { return tx.PutRow(r) }); err != nil {
			t.Fatal(err)
		}
		model[chain] = r
		byDue := func(a, b Row) int { return int(a.Due - b.Due) }
		byNewest := func(a, b Row) int { return int(b.Updated - a.Updated) }
		page := rapid.IntRange(1, 3).Draw(t, "page")
		err := s.View(func(tx *Tx) error {
			for _, bucket := range []string{"new", "news", "late"} {
				sameList(t, model, func(r Row) bool { return r.Bucket == bucket }, byDue, page,
					func(c Cursor, n int) ([]Row, Cursor, error) { return tx.ByBucket(bucket, c, n) })
				n, err := tx.Count(bucket, -1, 2, 100)
				want := 0
				for _, r := range model {
					want += btoi(r.Bucket == bucket && r.Due >= -1 && r.Due < 2)
				}
				if err != nil || n != want {
					t.Fatalf("count of %s: %d, want %d: %v", bucket, n, want, err)
				}
			}
			sameList(t, model, func(r Row) bool { return r.Account == "me" }, byNewest, page,
				func(c Cursor, n int) ([]Row, Cursor, error) { return tx.ByAccount("me", c, n) })
			sameList(t, model, func(Row) bool { return true }, byNewest, page, tx.Newest)
			sameList(t, model, func(r Row) bool { return slices.Contains(r.Terms, "binh") }, byNewest, page,
				func(c Cursor, n int) ([]Row, Cursor, error) { return tx.ByTerm("binh", c, n) })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// sameList pages through a list and compares it with the rows of the model that belong in it.
func sameList(t *rapid.T, model map[digest.Digest]Row, in func(Row) bool, order func(a, b Row) int, page int, list func(Cursor, int) ([]Row, Cursor, error)) {
	t.Helper()
	want := map[digest.Digest]bool{}
	for _, r := range model {
		if in(r) {
			want[r.Chain] = true
		}
	}
	var got []Row
	for from := Cursor(""); ; {
		rows, next, err := list(from, page)
		if err != nil || len(rows) > page {
			t.Fatalf("%d rows on a page of %d: %v", len(rows), page, err)
		}
		got = append(got, rows...)
		if from = next; from == "" {
			break
		}
	}
	if !slices.IsSortedFunc(got, order) {
		t.Fatalf("out of order: %+v", got)
	}
	for _, r := range got {
		if !want[r.Chain] {
			t.Fatalf("a row too many, or twice: %+v", r)
		}
		delete(want, r.Chain)
	}
	if len(want) > 0 {
		t.Fatalf("%d rows are missing", len(want))
	}
}

// TestDeletedEntriesThatComeBack plays the database's worst trick, a deleted key that is there again.
func TestDeletedEntriesThatComeBack(t *testing.T) {
	s := open(t, t.TempDir())
	old := Row{Chain: name("a"), Kind: RowRoot, Bucket: "new", Account: "me", Updated: 1, Terms: []string{"an"}}
	moved := Row{Chain: name("a"), Kind: RowRoot, Bucket: "done", Account: "me", Updated: 2}
	p, live := parcelTo(t, "H32.1", 1), parcelTo(t, "H32.2", 2)
	tr := directory.Track{Code: "H32-1", AsOf: 1}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutRow(old), tx.PutOutgoing(p, name("a"), "request"), tx.PutOutgoing(live, name("a"), "request"),
			tx.QueueTrack(tr), tx.PutDraft(Draft{ID: "d", Account: "me", Updated: 1}))
	})
	update(t, s, func(tx *Tx) error {
		_, err := tx.Settle(receiptFor(p))
		return errors.Join(err, tx.PutRow(moved), tx.TracksSent([]directory.Track{tr}), tx.PutDraft(Draft{ID: "d", Account: "me", Updated: 2}))
	})
	update(t, s, func(tx *Tx) error {
		for k := range entries(old) {
			if err := tx.set(key(k), mark); err != nil {
				return err
			}
		}
		return errors.Join(
			tx.set(waitingKey(Outgoing{To: p.Manifest.To, Created: p.Manifest.Created}, p.ID()), mark),
			tx.set(tTrackWaits.named(tr.Code), mark),
			tx.set(draftKey(Draft{ID: "d", Account: "me", Updated: 1}), mark),
		)
	})
	view(t, s, func(tx *Tx) error {
		rows, _, err1 := tx.ByBucket("new", "", 9)
		mine, _, err2 := tx.ByAccount("me", "", 9)
		found, _, err3 := tx.ByTerm("an", "", 9)
		peers, err4 := tx.OutgoingPeers()
		waits, err5 := tx.WaitingFor("", 9)
		tracks, err6 := tx.PendingTracks(9)
		drafts, err7 := tx.Drafts("me", 9)
		if len(rows) != 0 || len(mine) != 1 || len(found) != 0 || len(peers) != 1 || len(waits) != 1 || waits[0].ID != live.ID() || len(tracks) != 0 || len(drafts) != 1 {
			t.Errorf("stale entries show: %d %d %d %d %d %d %d", len(rows), len(mine), len(found), len(peers), len(waits), len(tracks), len(drafts))
		}
		return errors.Join(err1, err2, err3, err4, err5, err6, err7)
	})
}

func TestCodesAreNeverGivenTwice(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *Tx) error { return tx.PutRow(Row{Chain: name("a"), Code: "H32-1", Alias: "ABCD"}) })
	for _, r := range []Row{{Chain: name("b"), Code: "H32-1"}, {Chain: name("b"), Alias: "ABCD"}, {Chain: name("b"), Code: "ABCD"}} {
		if err := s.Update(context.Background(), func(tx *Tx) error { return tx.PutRow(r) }); !errors.Is(err, ErrTaken) {
			t.Errorf("%q %q: want ErrTaken, have %v", r.Code, r.Alias, err)
		}
	}
	view(t, s, func(tx *Tx) error {
		for _, code := range []string{"H32-1", "ABCD"} {
			if r, err := tx.RowByCode(code); err != nil || r.Chain != name("a") {
				t.Errorf("%s: %v", code, err)
			}
		}
		for _, code := range []string{"", "none", "H32-1\x00", strings.Repeat("x", 100_000)} {
			if _, err := tx.RowByCode(code); !errors.Is(err, ErrNotFound) {
				t.Errorf("code of %d bytes: %v", len(code), err)
			}
		}
		for _, c := range []Cursor{"???", Cursor(strings.Repeat("A", 5000))} {
			if _, _, err := tx.Newest(c, 5); !errors.Is(err, ErrNotFound) {
				t.Errorf("cursor of %d bytes: %v", len(c), err)
			}
		}
		return nil
	})
}

// parcelTo makes a parcel as a sender would, n tells one from another and is its date.
func parcelTo(t testing.TB, to replication.Name, n int64) replication.Parcel {
	t.Helper()
	m := replication.Manifest{Version: 1, From: "H32.22327", To: to, Created: n, Expires: n + 100, Nonce: [16]byte{byte(n)}, Key: []byte{1},
		Chunks: []replication.Chunk{{Hash: name("chunk"), Size: 20}}, Edition: 1}
	b, err := wire.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.SignOne(testKey(t), replication.ManifestLabel, b)
	if err != nil {
		t.Fatal(err)
	}
	return replication.Parcel{Record: r, Manifest: m}
}

func receiptFor(p replication.Parcel) (record.Record, replication.Receipt) {
	r := replication.Receipt{Version: 1, Parcel: p.ID(), From: p.Manifest.To, To: p.Manifest.From, Outcome: replication.Delivered, At: 77}
	b, _ := wire.Marshal(r)
	return record.Record{Body: b, Signature: []byte{1}, Size: 1}, r
}

func TestParcelsWaitForTheirReceipt(t *testing.T) {
	s, ctx := open(t, t.TempDir()), context.Background()
	box := s.Outbox()
	ps := []replication.Parcel{parcelTo(t, "H32.2", 3), parcelTo(t, "H32.2", 1), parcelTo(t, "H32.10", 2), parcelTo(t, "H32", 4)}
	for range 2 { // the second time has no effect
		update(t, s, func(tx *Tx) error {
			for _, p := range ps {
				if err := tx.PutOutgoing(p, name("about"), "request"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	peers := func(want ...replication.Name) {
		t.Helper()
		if got, err := box.Peers(ctx); err != nil || !slices.Equal(got, want) {
			t.Errorf("peers %v, want %v: %v", got, want, err)
		}
	}
	waiting := func(to replication.Name, want ...replication.Parcel) {
		t.Helper()
		got, err := box.Waiting(ctx, to, 5)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d parcels wait for %s, want %d: %v", len(got), to, len(want), err)
		}
		for i := range got {
			if got[i].ID() != want[i].ID() || got[i].Record.Verify(testKey(t).Public(), replication.ManifestLabel) != nil {
				t.Errorf("parcel %d for %s is another, or its bytes have changed", i, to)
			}
		}
	}
	peers("H32", "H32.10", "H32.2")
	waiting("H32.2", ps[1], ps[0])
	waiting("H32.10", ps[2])
	waiting("nobody")

	box.Attempted(ctx, ps[1].ID(), time.Unix(9, 0), "line is down")
	box.Attempted(ctx, ps[1].ID(), time.Unix(10, 0), "line is down")
	if a, ok := s.Attempt(ps[1].ID()); !ok || a.Count != 2 || a.At != time.Unix(10, 0) {
		t.Errorf("attempts: %+v", a)
	}
	rec, rcpt := receiptFor(ps[1])
	if err := box.Settle(ctx, ps[0], rec, rcpt); err == nil {
		t.Error("a receipt settles another parcel")
	}
	for range 2 {
		if err := box.Settle(ctx, ps[1], rec, rcpt); err != nil {
			t.Fatal(err)
		}
	}
	strange := parcelTo(t, "H32.2", 50)
	strangeRec, strangeRcpt := receiptFor(strange)
	if err := box.Settle(ctx, strange, strangeRec, strangeRcpt); err != nil {
		t.Errorf("a receipt of a parcel never sent: %v", err)
	}
	waiting("H32.2", ps[0])
	view(t, s, func(tx *Tx) error {
		o, err := tx.Outgoing(ps[1].ID())
		if err != nil || o.Waits() || o.Outcome != replication.Delivered || o.Settled != 77 || o.About != name("about") {
			t.Errorf("settled parcel: %+v %v", o, err)
		}
		if r, ok, err := tx.Settlement(ps[1].ID()); !ok || err != nil || r.ID() != rec.ID() {
			t.Errorf("its receipt: %v %v", ok, err)
		}
		if _, err := tx.Outgoing(strange.ID()); !errors.Is(err, ErrNotFound) {
			t.Errorf("a parcel never sent: %v", err)
		}
		if _, err := tx.Parcel(ps[1].ID()); err != nil {
			t.Errorf("a settled parcel is kept: %v", err)
		}
		return nil
	})
	if _, ok := s.Attempt(ps[1].ID()); ok {
		t.Error("attempts of a settled parcel are remembered")
	}
	for _, p := range []replication.Parcel{ps[0], ps[2]} {
		rec, rcpt := receiptFor(p)
		if err := box.Settle(ctx, p, rec, rcpt); err != nil {
			t.Fatal(err)
		}
	}
	peers("H32")
}

func TestOneReceiptForEachParcel(t *testing.T) {
	s := open(t, t.TempDir())
	give := func(n, at int64, to replication.Name) (digest.Digest, error) {
		r := replication.Receipt{Version: 1, Parcel: name(fmt.Sprint(n)), To: to, Outcome: replication.Delivered, At: at}
		b, err := wire.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		rec := record.Record{Body: b, Signature: []byte{1}, Size: 1}
		return rec.ID(), s.Update(context.Background(), func(tx *Tx) error { return tx.PutReceipt(rec, r) })
	}
	first, err1 := give(1, 5, "H32.2")
	second, err2 := give(2, 6, "H32.2")
	_, err3 := give(3, 7, "H32.3")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if _, err := give(1, 9, "H32.2"); !errors.Is(err, ErrTaken) {
		t.Errorf("a second receipt: want ErrTaken, have %v", err)
	}
	view(t, s, func(tx *Tx) error {
		r, ok, err := tx.Receipt(name("1"))
		if !ok || r.ID() != first {
			t.Error("the first receipt is not the one kept")
		}
		rs, err2 := tx.ReceiptsTo("H32.2", 5)
		if !slices.Equal(ids(rs), []digest.Digest{second, first}) {
			t.Errorf("receipts to H32.2: %d", len(rs))
		}
		one, err3 := tx.ReceiptsTo("H32.2", 1)
		if len(one) != 1 {
			t.Errorf("%d receipts, asked for 1", len(one))
		}
		return errors.Join(err, err2, err3)
	})
}

func TestTracksWaitUntilTold(t *testing.T) {
	s := open(t, t.TempDir())
	at := func(code string, asOf int64) directory.Track {
		return directory.Track{Code: code, AsOf: asOf, State: fmt.Sprint(asOf)}
	}
	pending := func(want ...directory.Track) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			got, err := tx.PendingTracks(9)
			same := slices.EqualFunc(got, want, func(a, b directory.Track) bool { return a.Code == b.Code && a.AsOf == b.AsOf })
			if !same {
				t.Errorf("pending %v, want %v", got, want)
			}
			return err
		})
	}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.QueueTrack(at("b", 1)), tx.QueueTrack(at("a", 1)), tx.QueueTrack(at("b", 3)), tx.QueueTrack(at("b", 2)))
	})
	pending(at("a", 1), at("b", 3))
	update(t, s, func(tx *Tx) error { return tx.QueueTrack(at("b", 4)) }) // while the report of 3 is on its way
	update(t, s, func(tx *Tx) error { return tx.TracksSent([]directory.Track{at("a", 1), at("b", 3), at("c", 1)}) })
	pending(at("b", 4))
	update(t, s, func(tx *Tx) error { return tx.TracksSent([]directory.Track{at("b", 4)}) })
	pending()
}

func TestAccountsAreCopiesOfTheDirectorys(t *testing.T) {
	s := open(t, t.TempDir())
	account := func(id, login string, v uint64) directory.Account {
		return directory.Account{ID: directory.AccountID(id), Login: login, Kind: directory.Citizen, Name: "n", Verifier: fmt.Sprint(v), Version: v}
	}
	owner := func(login, want string, wantProvisional bool) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			a, provisional, err := tx.AccountByLogin(login)
			if want == "" {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("login %s: %v %v", login, a.ID, err)
				}
				return nil
			}
			if err != nil || a.Verifier != want || provisional != wantProvisional {
				t.Errorf("login %s: verifier %q provisional %v, want %q %v: %v", login, a.Verifier, provisional, want, wantProvisional, err)
			}
			return nil
		})
	}
	put := func(a directory.Account) { t.Helper(); update(t, s, func(tx *Tx) error { return tx.PutAccount(a) }) }
	provisional := func(a directory.Account) error {
		return s.Update(context.Background(), func(tx *Tx) error { return tx.PutProvisional(a) })
	}
	put(account("1", "an", 2))
	put(account("1", "an", 1)) // older: no effect
	owner("an", "2", false)
	put(account("1", "anh", 3)) // renamed
	owner("an", "", false)
	owner("anh", "3", false)
	if err := provisional(account("2", "anh", 0)); !errors.Is(err, ErrTaken) {
		t.Errorf("a login that is known here: %v", err)
	}
	if err := provisional(account("3", "binh", 0)); err != nil {
		t.Fatal(err)
	}
	owner("binh", "0", true)
	view(t, s, func(tx *Tx) error {
		as, err := tx.Provisional(9)
		if len(as) != 1 || as[0].ID != "3" {
			t.Errorf("provisional: %v", as)
		}
		return err
	})
	put(account("4", "binh", 1)) // the directory gave the login to somebody else meanwhile
	owner("binh", "1", false)
	put(account("3", "binh2", 1)) // and confirms ours under another
	owner("binh", "1", false)
	owner("binh2", "1", false)
	view(t, s, func(tx *Tx) error {
		waits, err := tx.Provisional(9)
		all, err2 := tx.Accounts("", 9)
		rest, err3 := tx.Accounts("1", 1)
		if len(waits) != 0 || len(all) != 3 || len(rest) != 1 || rest[0].ID != "3" {
			t.Errorf("%d wait, %d accounts, after the first: %v", len(waits), len(all), rest)
		}
		return errors.Join(err, err2, err3)
	})
}

func TestSmallTables(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *Tx) error {
		if _, given, err := tx.Once("token"); given || err != nil {
			t.Errorf("a token never seen has an answer: %v", err)
		}
		first, err1 := tx.NextNumber("H32.1", "261124")
		second, err2 := tx.NextNumber("H32.1", "261124")
		other, err3 := tx.NextNumber("H32.1", "261125")
		if first != 1 || second != 2 || other != 1 {
			t.Errorf("numbers %d %d %d", first, second, other)
		}
		return errors.Join(err1, err2, err3, tx.SetOnce("token", "answer"), tx.HoldBlob(name("f"), "draft"), tx.HoldBlob(name("f"), "chain"),
			tx.PutLook(Look{Chain: name("a"), At: 1, Account: "x"}), tx.PutLook(Look{Chain: name("a"), At: 2, Account: "y"}), tx.PutLook(Look{Chain: name("b"), At: 3}),
			tx.PutDraft(Draft{ID: "1", Account: "me", Updated: 1}), tx.PutDraft(Draft{ID: "2", Account: "me", Updated: 5}), tx.PutDraft(Draft{ID: "3", Account: "you", Updated: 6}),
			tx.PutRequest(name("child"), []byte("request")), tx.PutSubmission(record.Record{Body: []byte("s"), Size: 1}))
	})
	if err := s.Update(context.Background(), func(tx *Tx) error { return tx.SetOnce("token", "another") }); !errors.Is(err, ErrTaken) {
		t.Errorf("a second answer to one token: %v", err)
	}
	if err := s.Update(context.Background(), func(tx *Tx) error { return tx.PutDraft(Draft{ID: "4", Body: make([]byte, MaxDraft+1)}) }); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a draft too large: %v", err)
	}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.ReleaseBlob(name("f"), "draft"), tx.PutDraft(Draft{ID: "1", Account: "me", Updated: 9}), tx.DeleteDraft("2"), tx.DeleteDraft("none"))
	})
	view(t, s, func(tx *Tx) error {
		answer, _, err1 := tx.Once("token")
		held, err2 := tx.BlobHeld(name("f"))
		none, err3 := tx.BlobHeld(name("g"))
		looks, err4 := tx.Looks(name("a"), 9)
		drafts, err5 := tx.Drafts("me", 9)
		request, err6 := tx.Request(name("child"))
		submission, err7 := tx.Submission(name("s"))
		if answer != "answer" || !held || none || len(looks) != 2 || looks[0].At != 2 || len(drafts) != 1 || drafts[0].Updated != 9 ||
			string(request) != "request" || string(submission.Body) != "s" {
			t.Errorf("%q %v %v %v %v %q", answer, held, none, looks, drafts, request)
		}
		if _, err := tx.Draft("2"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a deleted draft: %v", err)
		}
		return errors.Join(err1, err2, err3, err4, err5, err6, err7)
	})
	update(t, s, func(tx *Tx) error { return tx.ReleaseBlob(name("f"), "chain") })
	view(t, s, func(tx *Tx) error {
		held, err := tx.BlobHeld(name("f"))
		if held {
			t.Error("a file nobody needs is held")
		}
		return err
	})
}

// TestGoldenTables holds every key and value of one of each thing still.
func TestGoldenTables(t *testing.T) {
	s := open(t, t.TempDir())
	chain, p := name("chain"), parcelTo(t, "H32.2", 1)
	row := Row{
		Chain: chain, Kind: RowChild, Code: "H32.22327-261124-0001", Alias: "N4K7-Q2MX-8RTD", Parent: name("root"), Root: "H32.22327", Holder: "H32.568",
		Procedure: "1.004227", ProcVersion: 2, Applicant: "Nguyễn Văn An", Account: "acct", Status: "processing", Bucket: "today", Step: "appraise",
		Due: 1_795_500_000, Accepted: 1_795_400_000_000, Updated: 1_795_400_000_001, Terms: []string{"an"}, Extra: []byte{1}, Decided: 5, Returned: 6,
	}
	rec, rcpt := receiptFor(p)
	account := directory.Account{ID: "1", Login: "an", Kind: directory.Citizen, Name: "An", Verifier: "v", Version: 1}
	waits := account
	waits.ID, waits.Login = "2", "binh"
	fork := chainOf(t, chain, 1, "fork")
	var dump bytes.Buffer
	update(t, s, func(tx *Tx) error {
		_, errNumber := tx.NextNumber("H32.22327", "261124")
		_, errSettle := tx.Settle(rec, rcpt) // nothing yet to settle
		err := errors.Join(errNumber, errSettle,
			tx.Append(chain, digest.Digest{}, chainOf(t, chain, 2, "")), tx.PutRow(row), tx.PutOutgoing(p, chain, "request"),
			tx.PutReceipt(rec, rcpt), tx.PutSubmission(rec), tx.PutRequest(chain, []byte("r")),
			tx.PutLook(Look{chain, 1, "acct", "An", "desk", "H32.22327", "work"}), tx.QueueTrack(directory.Track{Code: "H32-1", AsOf: 1}),
			tx.PutDraft(Draft{"d", "acct", 1, []byte("b")}), tx.SetOnce("token", "answer"), tx.PutAccount(account), tx.PutProvisional(waits),
			tx.HoldBlob(name("file"), "draft"), tx.Set("setting", []byte("value")))
		did, errFork := tx.PutCopy(chain, fork)
		if !did.Forked {
			t.Error("no fork")
		}
		for _, k := range tx.pending(nil, nil) {
			fmt.Fprintf(&dump, "%x = %x\n", k, tx.own.writes[k])
		}
		_, errSettle = tx.Settle(rec, rcpt)
		for _, k := range []key{tOutgoing.of(p.ID()), tSettlement.of(p.ID())} {
			fmt.Fprintf(&dump, "settled %x = %x\n", k, tx.own.writes[string(k)])
		}
		return errors.Join(err, errFork, errSettle)
	})
	golden.Check(t, "tables", dump.Bytes())
}

func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d-writers", writers), func(b *testing.B) {
			s := open(b, b.TempDir())
			var n atomic.Int64
			b.SetParallelism(writers / 2)
			value := make([]byte, 1500)
			b.RunParallel(func(pb *testing.PB) {
				id := n.Add(1)
				for i := 0; pb.Next(); i++ {
					if err := s.Update(context.Background(), func(tx *Tx) error { return tx.Set(fmt.Sprint(id, "/", i), value) }); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
