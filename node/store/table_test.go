package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/dossier"
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
		tracks, err6 := tx.PendingTracks("", 9)
		drafts, err7 := tx.Drafts("me", 9)
		if len(rows) != 0 || len(mine) != 1 || len(found) != 0 || len(peers) != 1 || len(waits) != 1 || waits[0].ID != live.ID() || len(tracks) != 0 || len(drafts) != 1 {
			t.Errorf("stale entries show: %d %d %d %d %d %d %d", len(rows), len(mine), len(found), len(peers), len(waits), len(tracks), len(drafts))
		}
		return errors.Join(err1, err2, err3, err4, err5, err6, err7)
	})
}

// TestSubmissionCodesKeepNobodyOut: whoever uses a submission code first does not keep its owner out.
func TestSubmissionCodesKeepNobodyOut(t *testing.T) {
	s := open(t, t.TempDir())
	for _, who := range []string{"squatter", "owner", "owner", "third"} {
		update(t, s, func(tx *Tx) error { return tx.PutRow(Row{Chain: name(who), Alias: "ABCD", Code: "H32-" + who}) })
	}
	view(t, s, func(tx *Tx) error {
		rows, err := tx.RowsByCode("ABCD", 9)
		if len(rows) != 3 || rows[0].Chain != name("squatter") {
			t.Errorf("%d rows, first %+v", len(rows), rows[0])
		}
		two, err2 := tx.RowsByCode("ABCD", 2)
		one, err3 := tx.RowsByCode("H32-owner", 9)
		if len(two) != 2 || len(one) != 1 || one[0].Chain != name("owner") {
			t.Errorf("%d of 2 rows, %d of 1", len(two), len(one))
		}
		return errors.Join(err, err2, err3)
	})
}

func TestCodesAreNeverGivenTwice(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *Tx) error { return tx.PutRow(Row{Chain: name("a"), Code: "H32-1", Alias: "ABCD"}) })
	for _, r := range []Row{{Chain: name("b"), Code: "H32-1"}, {Chain: name("b"), Code: "ABCD"}} {
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
