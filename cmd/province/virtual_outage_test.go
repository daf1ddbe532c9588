package province_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"motcua/directory"
	"motcua/directory/server"
	"motcua/node/dossier"
	"motcua/node/office"
)

// TestDirectoryOutage: all directory servers are without power for days. Offices go on accepting, forwarding, deciding and
// returning between each other; who asks elsewhere is told as of when an answer is, or that there is none; when the servers
// are back, they learn what has happened.
func TestDirectoryOutage(t *testing.T) {
	inProvince(t, func(w *world) {
		before := w.tell(funeral).
			submits(locTho, dienAn).
			does(dienAn, accepts).
			tracked(dossier.StatusAccepted)
		before.end()
		for _, name := range servers {
			w.powerCut(name)
		}
		w.night(20 * time.Hour)
		before.does(dienAn, finishes, forwards).
			does(dienKhanh, receives, decides, reports).
			sees(locTho, dossier.StatusDone, true). // the portal asks the office in charge, not the directory
			cut(dienAn).
			does(dienAn, returns).
			lastKnown(locTho).
			heal(dienAn).
			outOfReach(centre)
		during := w.tell(worship).
			submits(vinhLuong, dienAn).
			does(dienAn, accepts, finishes, forwards).
			does(dienKhanh, receives, finishes, reports)
		before.end()
		w.night(60 * time.Hour)
		during.does(dienAn, forwards).
			does(labour, receives, finishes, decides, reports).
			does(dienAn, returns).
			waiting(dienAn, 0).
			end()
		w.night(30 * time.Hour)
		for _, name := range servers {
			w.start(w.machines[name])
		}
		before.tracked(dossier.StatusReturned).sees(centre, dossier.StatusReturned, true).end()
		during.tracked(dossier.StatusReturned).sees(centre, dossier.StatusReturned, true).end()
		w.lawsHold()
	})
}

// night switches off every machine that is on, and on again later.
func (w *world) night(d time.Duration) {
	var slept []*machine
	for _, m := range w.machines {
		if m.on() {
			w.off(m)
			slept = append(slept, m)
		}
	}
	time.Sleep(d)
	for _, m := range slept {
		w.start(m)
	}
}

// tracked waits until every directory server tells this status.
func (s *story) tracked(want dossier.Status) *story {
	return s.line(fmt.Sprintf("the directory says %q", want), func() error {
		return eventually(patientFor, "the track", func() error {
			for _, name := range servers {
				b, err := s.w.ask(name, http.MethodGet, "/lookup?code="+s.alias, nil)
				var tr directory.Track
				if err == nil {
					err = json.Unmarshal(b, &tr)
				}
				if err != nil || dossier.Status(tr.State) != want || tr.Code != s.code {
					return fmt.Errorf("%s: %+v: %w", name, tr, err)
				}
			}
			return nil
		})
	})
}

// lastKnown checks that a portal, which cannot ask now, shows what it was told last and says as of when.
func (s *story) lastKnown(portal directory.OfficeCode) *story {
	return s.line("the citizen sees the last that "+string(portal)+" knows", func() error {
		c, err := s.w.citizen(s.citizen, portal)
		if err != nil {
			return err
		}
		v, err := s.w.node(portal).MyDossier(s.w.t.Context(), c, s.alias)
		if err == nil && (v.Fresh || v.Status == dossier.StatusReturned || v.Code != s.code || !v.AsOf.Before(time.Now().Add(-time.Second))) {
			err = fmt.Errorf("it shows %q of %s, fresh: %v, as of %v", v.Status, v.Code, v.Fresh, v.AsOf)
		}
		return err
	})
}

// outOfReach checks that an office which has nothing of the dossier says that it cannot know now by a submission code; a dossier
// code names the office that answers.
func (s *story) outOfReach(portal directory.OfficeCode) *story {
	return s.line(string(portal)+" says that the directory is out of reach", func() error {
		v, err := s.w.node(portal).Track(s.w.t.Context(), s.alias, "1230")
		if directory.CodeOf(err) != directory.NoLeader {
			return fmt.Errorf("it says %+v, %w", v, err)
		}
		v, err = s.w.node(portal).Track(s.w.t.Context(), s.code, "1230")
		if err == nil && (!v.Fresh || v.Code != s.code) {
			err = fmt.Errorf("it says %+v by the dossier code", v)
		}
		return err
	})
}

// TestRevokedNode: a commune's machine is stolen. What has come from it before counts; what comes afterwards is not taken,
// whatever date it bears and however it comes; nobody talks to it. The commune's new machine works.
func TestRevokedNode(t *testing.T) {
	inProvince(t, func(w *world) {
		early := w.tell(funeral).submits(centre, suoiHiep).does(suoiHiep, accepts, finishes)
		late := w.tell(funeral).submits(centre, suoiHiep).does(suoiHiep, accepts, finishes)
		early.waiting(suoiHiep, 0).cut(suoiHiep).does(suoiHiep, forwards).passes(2 * time.Second).end()
		n := admin[server.NodeStatus](w, "dir-2", "/revoke", server.RevokeRequest{Office: suoiHiep, Reason: "stolen"})
		if n.Revoked == nil {
			w.t.Fatal("revoked, but not so marked")
		}
		early.passes(5 * time.Second).heal(suoiHiep)
		late.does(suoiHiep, forwards).passes(time.Minute).
			waiting(suoiHiep, 2).notYet(dienKhanh).
			end()
		early.notYet(dienKhanh).end()
		w.shunned(suoiHiep)
		early.writesStick(suoiHiep, dienKhanh).
			readsStick(dienKhanh, 0, "no longer trusted", "no longer trusted").
			notYet(dienKhanh).
			end()
		late.notYet(dienKhanh).end()
		w.newMachine(suoiHiep)
		w.tell(worship).
			submits(suoiHiep, suoiHiep).
			does(suoiHiep, accepts, finishes, forwards).
			does(dienKhanh, receives, finishes, reports).
			does(suoiHiep, forwards).
			does(labour, receives, finishes, decides, reports).
			does(suoiHiep, returns).
			sees(centre, dossier.StatusReturned, true).
			downloads(centre).
			end()
		if err := checkSignatures(w.census()); err != nil {
			w.t.Error(err)
		}
	})
}

// shunned waits until no machine has a connection to an office. The office itself may take a minute to find out, if it was
// cut off when the others hung up.
func (w *world) shunned(code directory.OfficeCode) {
	w.t.Helper()
	w.fatal(eventually(2*time.Minute, string(code)+" is shunned", func() error {
		for _, other := range w.running() {
			if err := w.keepsAway(other, code); err != nil {
				return err
			}
		}
		for _, name := range servers {
			s, err := w.machines[name].server.Status()
			if err != nil {
				return err
			}
			i := slices.IndexFunc(s.Nodes, func(n server.NodeStatus) bool { return n.Office == code })
			if n := s.Nodes[i]; n.Connected || n.Revoked == nil {
				return fmt.Errorf("at %s: %+v", name, n)
			}
		}
		return nil
	}))
}

func (w *world) keepsAway(other, code directory.OfficeCode) error {
	s, err := w.machines[string(other)].node.Status()
	if err != nil {
		return err
	}
	if other != code && slices.Contains(s.Connected, string(code)) || other == code && len(s.Connected) > 0 {
		return fmt.Errorf("%s is connected to %v", other, s.Connected)
	}
	return nil
}

// newMachine gives an office another machine a day later, enrolled anew, in place of the one it lost.
func (w *world) newMachine(code directory.OfficeCode) {
	w.t.Helper()
	m := w.machines[string(code)]
	w.cut(m.name)
	w.off(m)
	w.heal(m.name)
	w.night(24 * time.Hour)
	for _, name := range servers {
		w.ready(name)
	}
	m.dir = filepath.Join(w.t.TempDir(), "node")
	w.enrol(code)
	w.start(m)
	key := w.machines[string(centre)].node.Replica
	w.fatal(eventually(time.Minute, "the new machine is known", func() error {
		n, ok := key().Node(code)
		if !ok || n.Revoked != 0 {
			return fmt.Errorf("%s is still the old machine", code)
		}
		return nil
	}))
}

// TestOneAccount: a citizen registers at one office and signs in at another with the same password.
func TestOneAccount(t *testing.T) {
	inProvince(t, func(w *world) {
		ctx := w.t.Context()
		r := office.Registration{
			Kind: directory.Citizen, Login: "Lan.Nguyen", Password: "một mật khẩu dài", Name: "Nguyễn Thị Lan",
			Identity: "056190000999", Phone: "0905999888",
		}
		made, provisional, err := w.node(vinhLuong).Register(ctx, r)
		if err != nil || provisional {
			w.t.Fatalf("register: provisional %v, %v", provisional, err)
		}
		var got directory.Account
		w.fatal(eventually(10*time.Second, "sign in at another office", func() error { // its directory server may be a moment behind
			got, err = w.node(labour).Authenticate(ctx, "lan.nguyen", r.Password, false)
			return err
		}))
		if got.ID != made.ID {
			w.t.Errorf("signed in as %s, want %s", got.ID, made.ID)
		}
		if _, err := w.node(centre).Authenticate(ctx, "lan.nguyen", strings.ToUpper(r.Password), false); directory.CodeOf(err) != directory.Denied {
			w.t.Errorf("a wrong password: %v", err)
		}
		token, err := w.machines[string(labour)].node.Issue(got)
		w.fatal(err)
		if s, err := w.machines[string(dienAn)].node.Session(token); err != nil || s.Account != made.ID {
			w.t.Errorf("the session at a third office: %+v, %v", s, err)
		}
		w.cut(string(labour))
		if got, err := w.node(labour).Authenticate(ctx, "lan.nguyen", r.Password, false); err != nil || got.ID != made.ID {
			w.t.Errorf("sign in again with the line cut: %v", err)
		}
	})
}
