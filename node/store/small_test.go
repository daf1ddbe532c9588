package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"motcua/crypto/record"
	"motcua/directory"
)

func TestTracksWaitUntilTold(t *testing.T) {
	s := open(t, t.TempDir())
	at := func(code string, asOf int64) directory.Track {
		return directory.Track{Code: code, AsOf: asOf, State: fmt.Sprint(asOf)}
	}
	pending := func(want ...directory.Track) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			got, err := tx.PendingTracks("", 9)
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

// TestOldDrafts finds what was not touched since a time, and nothing else.
func TestOldDrafts(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutDraft(Draft{"a", "me", 5, nil}), tx.PutDraft(Draft{"b", "me", 9, nil}), tx.PutDraft(Draft{"c", "you", 4, nil}),
			tx.PutDraft(Draft{"a", "me", 6, nil}))
	})
	view(t, s, func(tx *Tx) error {
		old, err := tx.OldDrafts(9, 10)
		if len(old) != 2 || old[0].ID != "a" || old[0].Account != "me" || old[0].Updated != 6 || old[1].ID != "c" {
			t.Errorf("%+v", old)
		}
		one, err2 := tx.OldDrafts(9, 1)
		if len(one) != 1 {
			t.Errorf("%d of at most 1", len(one))
		}
		return errors.Join(err, err2)
	})
}

// TestRefusedAndCompletedAccounts: a refused account waits no more but stays provisional; a verifier completes a copy of the same
// version and replaces none.
func TestRefusedAndCompletedAccounts(t *testing.T) {
	s := open(t, t.TempDir())
	a := directory.Account{ID: "1", Login: "anh", Kind: directory.Citizen, Name: "A", Verifier: "own", Version: 1}
	b := directory.Account{ID: "2", Login: "binh", Kind: directory.Citizen, Name: "B", Version: 3}
	with := func(v string) directory.Account { b := b; b.Verifier = v; return b }
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutProvisional(a), tx.RefuseProvisional("1"), tx.RefuseProvisional("none"),
			tx.PutAccount(b), tx.PutAccount(with("first")), tx.PutAccount(with("second")), tx.PutAccount(b))
	})
	view(t, s, func(tx *Tx) error {
		waits, err := tx.Provisional(9)
		held, provisional, err2 := tx.AccountByLogin("anh")
		whole, _, err3 := tx.AccountByID("2")
		if len(waits) != 0 || !provisional || held.ID != "1" || whole.Verifier != "first" {
			t.Errorf("%d wait; %+v %v; verifier %q", len(waits), held, provisional, whole.Verifier)
		}
		for id, want := range map[directory.AccountID]bool{"1": true, "2": false, "none": false} {
			if refused, err := tx.Refused(id); refused != want || err != nil {
				t.Errorf("account %s refused: %v %v", id, refused, err)
			}
		}
		return errors.Join(err, err2, err3)
	})
}
