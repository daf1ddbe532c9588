package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/server"
)

// twoOffices is a province of two offices with a citizen, and an officer at the first.
func twoOffices(t *testing.T) (w *world, a, b *node) {
	w = newWorld(t, addrOf)
	w.startAll()
	must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
	a, b = w.join(commune, 1), w.join(other, 2)
	c := citizen("nguyenvana")
	c.Identity, c.Phone = "056090000001", "0905000001"
	if _, err := a.Register(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.staff("officer", directory.Grant{Office: commune, Role: directory.DeskOfficer})
	time.Sleep(time.Second) // until every server knows them
	return w, a, b
}

func denied(t *testing.T, what string, code directory.Code, err error) {
	t.Helper()
	if directory.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestAnAccountIsForThePasswordAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := twoOffices(t)
		got, err := b.signIn("nguyenvana", goodSum)
		if err != nil || got.Identity == "" || got.Verifier == "" {
			t.Errorf("with the right password: %v, %v", got, err)
		}
		_, err = b.signIn("nguyenvana", "YmFk")
		denied(t, "a wrong password", directory.Denied, err)
		_, err = b.signIn("nguyenvana", "")
		denied(t, "the parameters alone", directory.Denied, err)
		_, err = b.signIn("nobody", goodSum)
		denied(t, "a login that nobody has", directory.Denied, err)
		byID, err := b.AccountByID(t.Context(), "c-nguyenvana")
		if err != nil || byID.Name == "" || byID.Verifier != "" {
			t.Errorf("by the id: %v, %v, with a verifier %v", byID, err, byID.Verifier != "")
		}
		if _, err := a.signIn("officer", goodSum); err != nil {
			t.Errorf("an officer at the own office: %v", err)
		}
		_, err = b.signIn("officer", goodSum)
		denied(t, "an officer at another office", directory.Denied, err)
		_, err = b.AccountByID(t.Context(), "c-officer")
		denied(t, "an officer's account at another office", directory.NotFound, err)
	})
}

func TestNobodyLearnsWhichLoginsThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := twoOffices(t)
		first := a.params("nobody")
		real := a.params("nguyenvana")
		if strings.Count(first, "$") != strings.Count(real, "$") || first[:len("$argon2id$v=19$m=19456,t=2,p=1$")] != real[:len("$argon2id$v=19$m=19456,t=2,p=1$")] {
			t.Errorf("parameters %q of nobody, %q of somebody", first, real)
		}
		if b.params(" Nobody ") != first || a.params("nobody.else") == first {
			t.Error("made-up parameters differ for one login, or are the same for two")
		}
		w.stopAll()
		w.startAll()
		if b.params("nobody") != first {
			t.Error("made-up parameters change with a restart, those of an account do not")
		}
	})
}

func TestGuessingPasswordsIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := twoOffices(t)
		guess := func(n *node, times int) (err error) {
			for range times {
				if _, err = n.signIn("nguyenvana", "YmFk"); directory.CodeOf(err) == directory.Exhausted {
					return err
				}
			}
			return err
		}
		denied(t, "forty guesses", directory.Exhausted, guess(a, 40)) // ten at each server
		if _, err := b.signIn("nguyenvana", goodSum); err != nil {
			t.Errorf("the person at another office: %v", err)
		}
		time.Sleep(7 * time.Minute)
		if _, err := a.signIn("nguyenvana", goodSum); err != nil {
			t.Errorf("the person at this office, later: %v", err)
		}
		for range 50 {
			if _, err := b.signIn("nguyenvana", goodSum); err != nil {
				t.Fatalf("the right password, again and again: %v", err)
			}
		}
	})
}

func TestAccountsAreNotCopiedByTheirIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, _ := twoOffices(t)
		var err error
		for range 400 {
			if _, err = a.AccountByID(t.Context(), "c-nguyenvana"); err != nil {
				break
			}
		}
		denied(t, "four hundred accounts at once", directory.Exhausted, err)
		if _, err := a.signIn("nguyenvana", goodSum); err != nil {
			t.Errorf("people can no longer sign in: %v", err)
		}
	})
}

func TestAnOfficeIsToldWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := twoOffices(t)
		w.staff("officer", directory.Grant{Office: other, Role: directory.DeskOfficer})
		time.Sleep(time.Second)
		left, err := a.Staff(t.Context(), commune)
		if err != nil || len(left) != 1 || left[0].ID != "c-officer" || left[0].Version != 2 || len(left[0].Grants) != 0 || left[0].Verifier != "" {
			t.Errorf("the office that was left has %v, %v", left, err)
		}
		come, err := b.Staff(t.Context(), other)
		if err != nil || len(come) != 1 || len(come[0].Grants) != 1 || come[0].Verifier == "" {
			t.Errorf("the new office has %v, %v", come, err)
		}
		_, err = a.signIn("officer", goodSum)
		denied(t, "a sign-in at the office that was left", directory.Denied, err)
	})
}

func TestANodeThatMovesToAndFroIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := twoOffices(t)
		move := func(n *node, times int) (err error) {
			for i := range times {
				if err = n.Announce(t.Context(), fmt.Sprintf("10.0.1.1:%d", 8000+i), ""); err != nil {
					return err
				}
			}
			return nil
		}
		denied(t, "forty moves", directory.Exhausted, move(a, 40))
		if err := move(b, 2); err != nil {
			t.Errorf("another node: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if err := move(a, 1); err != nil {
			t.Errorf("the same node, later: %v", err)
		}
	})
}

// askByHand sends a request as another program would.
func (n *node) askByHand(q client.Request) (r client.Response) {
	n.w.t.Helper()
	s, err := n.link.Dial(n.w.t.Context(), "dir-1", client.Protocol)
	if err != nil {
		n.w.t.Fatal(err)
	}
	defer s.Close()
	if err := errors.Join(s.Send(q), s.Receive(&r, client.MaxResponse)); err != nil {
		n.w.t.Fatal(err)
	}
	return r
}

func TestALaterNodeIsToldToWaitForTheUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, _ := twoOffices(t)
		later, err := wire.Marshal(map[int]string{1: "10.0.1.1:1", 2: "", 9: "x"})
		if err != nil {
			t.Fatal(err)
		}
		login, err := wire.Marshal("nguyenvana")
		if err != nil {
			t.Fatal(err)
		}
		for what, q := range map[string]client.Request{
			"an operation of a later version":      {Op: 99},
			"the one that handed accounts out":     {Op: client.OpAccount, Body: login},
			"a request with a later version's key": {Op: client.OpAnnounce, Body: later},
		} {
			if r := a.askByHand(q); r.Failure == nil || r.Failure.Code != directory.Newer {
				t.Errorf("%s: %v, want newer", what, r.Failure)
			}
		}
	})
}
