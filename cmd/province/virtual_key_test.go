package province_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"motcua/directory"
	"motcua/directory/edition"
	"motcua/directory/server"
	"motcua/node/dossier"
	node "motcua/node/server"
)

// quick is within which every node in reach knows of a revocation.
const quick = 10 * time.Second

// parts takes away the ways between an office and the directory's servers; the other offices it still reaches.
func (w *world) parts(code directory.OfficeCode) {
	for _, name := range servers {
		w.net.Part(w.machines[name].addr, w.machines[string(code)].addr)
	}
}

// knowsRevoked tells whether an office knows that another's key is revoked, and has no connection to it.
func (w *world) knowsRevoked(at, code directory.OfficeCode) error {
	n := w.machines[string(at)].node
	s, err := n.Status()
	if err != nil {
		return err
	}
	if v, ok := n.Replica().Node(code); !ok || v.Revoked == 0 || slices.Contains(s.Connected, string(code)) {
		return fmt.Errorf("%s: revoked %d, connected to %v, edition %d", at, v.Revoked, s.Connected, s.Edition)
	}
	return nil
}

// learnWithin waits until offices know that a key is revoked, and returns how long that took.
func (w *world) learnWithin(d time.Duration, code directory.OfficeCode, at ...directory.OfficeCode) time.Duration {
	w.t.Helper()
	begin := time.Now()
	for _, o := range at {
		for w.knowsRevoked(o, code) != nil {
			if time.Since(begin) > d {
				w.t.Fatalf("not within %v: %v", d, w.knowsRevoked(o, code))
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return time.Since(begin)
}

// TestRevocationIsQuick: within ten seconds every office in reach shuts a stolen machine out: when all is well; when a directory
// server has died that moment; when an office reaches no server, but other offices. One that reaches nobody does with the next
// edition, which a stick may bring.
func TestRevocationIsQuick(t *testing.T) {
	inProvince(t, func(w *world) {
		others := slices.DeleteFunc(slices.Clone(offices), func(o directory.OfficeCode) bool { return o == suoiHiep || o == vinhLuong || o == locTho })
		time.Sleep(time.Minute)
		w.parts(locTho)
		w.cut(string(vinhLuong))
		w.powerCut("dir-1")
		time.Sleep(2 * time.Second) // for another leader
		admin[server.NodeStatus](w, "dir-2", "/revoke", server.RevokeRequest{Office: suoiHiep, Reason: "stolen"})
		t.Logf("with a server down: %v", w.learnWithin(quick, suoiHiep, others...))
		t.Logf("through other offices: %v", w.learnWithin(quick, suoiHiep, locTho))
		if w.knowsRevoked(vinhLuong, suoiHiep) == nil {
			t.Error("an office that reaches nobody knows")
		}
		stick, err := w.ask("dir-3", "GET", "/edition", nil)
		w.fatal(err)
		if r := admin[node.EditionReport](w, string(vinhLuong), "/edition", stick); !r.Newer {
			t.Errorf("from a stick: %+v", r)
		}
		w.learnWithin(time.Second, suoiHiep, vinhLuong)
		w.start(w.machines["dir-1"])
		w.heal(string(vinhLuong))
		time.Sleep(time.Minute)
		admin[server.NodeStatus](w, "dir-2", "/revoke", server.RevokeRequest{Office: nhaTrang, Reason: "stolen"})
		others = slices.DeleteFunc(slices.Clone(offices), func(o directory.OfficeCode) bool { return o == suoiHiep || o == nhaTrang })
		t.Logf("when all is well: %v", w.learnWithin(quick, nhaTrang, others...))
	})
}

// TestEditionsComeFromPeers: an office that reaches no server goes by the newest edition, as long as it reaches an office that does;
// and when all servers are down, by the newest that anybody has.
func TestEditionsComeFromPeers(t *testing.T) {
	inProvince(t, func(w *world) {
		w.parts(locTho)
		w.cut(string(vinhLuong))
		for i := range 3 {
			p := tables()
			p.Calendar = nil
			p.Offices = slices.DeleteFunc(p.Offices, func(o directory.Office) bool { return o.Code != dienAn })
			p.Offices[0].Names[0].Text.EN = fmt.Sprintf("Commune %d", i)
			admin[server.Published](w, "dir-3", "/publish", p)
			time.Sleep(5 * time.Second)
		}
		newest := func() uint64 { return w.machines[string(centre)].node.Replica().Number() }
		at := func(code directory.OfficeCode) error {
			if n := w.machines[string(code)].node.Replica().Number(); n != newest() {
				return fmt.Errorf("%s has edition %d of %d", code, n, newest())
			}
			return nil
		}
		w.fatal(eventually(time.Minute, "from a peer", func() error { return at(locTho) }))
		for _, name := range servers {
			w.powerCut(name)
		}
		if at(vinhLuong) == nil {
			t.Fatal("an office that reached nobody has the newest edition")
		}
		w.heal(string(vinhLuong))
		w.fatal(eventually(2*time.Minute, "with the directory down", func() error { return at(vinhLuong) }))
	})
}

// rotated waits until an office acts under another key than the one it had, and every office in reach knows.
func (w *world) rotated(code directory.OfficeCode, before string, at ...directory.OfficeCode) {
	w.t.Helper()
	w.fatal(eventually(2*time.Minute, string(code)+" has new keys", func() error {
		s, err := w.machines[string(code)].node.Status()
		if err != nil || s.Keys.Key == before || s.Keys.Next != "" {
			return fmt.Errorf("it acts under %+v: %w", s.Keys, err)
		}
		for _, o := range at {
			if n, _ := w.machines[string(o)].node.Replica().Node(code); n.Identity.ID().Short() != s.Keys.Key {
				return fmt.Errorf("%s knows it by %s", o, n.Identity.ID().Short())
			}
		}
		return nil
	}))
}

func (w *world) keyOfNode(code directory.OfficeCode) string {
	s, err := w.machines[string(code)].node.Status()
	w.fatal(err)
	return s.Keys.Key
}

// rotates has a node take new keys, and returns what it says after a while.
func (w *world) rotates(code directory.OfficeCode) (s node.KeyStatus) {
	w.t.Helper()
	return admin[node.KeyStatus](w, string(code), "/rotate", struct{}{})
}

// TestNodesTakeNewKeys: while dossiers are under way, with parcels that were signed or sealed under the old ones; with the line cut in
// the middle and the power too. Nothing is lost, people stay signed in, and all that was signed verifies everywhere.
func TestNodesTakeNewKeys(t *testing.T) {
	inProvince(t, func(w *world) {
		session, err := w.machines[string(dienAn)].node.Issue(w.citizens[0])
		w.fatal(err)
		s := w.tell(worship).submits(centre, dienAn).does(dienAn, accepts, finishes).waiting(dienAn, 0).
			cut(dienAn).does(dienAn, forwards).waiting(dienAn, 1) // signed by dienAn's old key, sealed to dienKhanh's
		s.end()
		commune, district := w.keyOfNode(dienAn), w.keyOfNode(dienKhanh)
		if k := w.rotates(dienKhanh); k.Key == district || k.Next != "" || k.Former != 1 {
			t.Fatalf("the district's keys: %+v", k)
		}
		if k := w.rotates(dienAn); k.Key != commune || k.Next == "" {
			t.Fatalf("the commune's keys, with its line cut: %+v", k)
		}
		w.powerCut(string(dienAn)) // in the middle of it
		w.cut(string(dienAn))
		w.start(w.machines[string(dienAn)])
		time.Sleep(time.Minute)
		s.heal(dienAn).waiting(dienAn, 0).end()
		w.rotated(dienAn, commune, offices...)
		w.rotated(dienKhanh, district, offices...)
		s.does(dienKhanh, receives, finishes, reports).
			does(dienAn, forwards).
			does(labour, receives, finishes, decides, reports).
			does(dienAn, returns).
			sees(centre, dossier.StatusReturned, true).
			end()
		if _, err := w.machines[string(locTho)].node.Session(session); err != nil {
			t.Errorf("who signed in before is signed in no more: %v", err)
		}
		again, begin := w.keyOfNode(dienAn), time.Now()
		w.rotates(dienAn)
		w.rotated(dienAn, again, offices...)
		if d := time.Since(begin); d > quick {
			t.Errorf("it takes %v until every office knows of new keys", d)
		}
		m := w.machines[string(dienAn)]
		if former, _ := filepath.Glob(filepath.Join(m.dir, "identity-former", "*.pem")); len(former) != 2 {
			t.Errorf("kept of the former keys: %v", former)
		}
		if _, err := os.Stat(filepath.Join(m.dir, "identity-next.pem")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("keys to come are left: %v", err)
		}
		w.lawsHold()
	})
}

// TestAnOfficeThatReachesOnlyOneWithNewKeys learns of them from it: it asks for the keys that it knows, and is given the edition.
func TestAnOfficeThatReachesOnlyOneWithNewKeys(t *testing.T) {
	inProvince(t, func(w *world) {
		w.parts(locTho)
		for _, o := range offices {
			if o != dienAn && o != locTho {
				w.net.Part(w.machines[string(o)].addr, w.machines[string(locTho)].addr)
			}
		}
		time.Sleep(2 * time.Minute) // until its connections have ended
		before := w.keyOfNode(dienAn)
		w.rotates(dienAn)
		w.rotated(dienAn, before, offices...)
		w.tell(funeral).submits(locTho, dienAn).does(dienAn, accepts).waiting(locTho, 0).end()
	})
}

// TestRefusedEditionsSayWhy: a file is believed no more than a peer is.
func TestRefusedEditionsSayWhy(t *testing.T) {
	inProvince(t, func(w *world) {
		name := string(dienAn)
		good, err := w.ask("dir-1", "GET", "/edition", nil)
		w.fatal(err)
		number := w.machines[name].node.Replica().Number()
		if r := admin[node.EditionReport](w, name, "/edition", good); r.Newer || r.Edition != number {
			t.Errorf("given what it has: %+v", r)
		}
		altered := slices.Clone(good)
		altered[len(altered)/2]++
		for what, c := range map[string]struct {
			b    []byte
			want error
		}{
			"cut short": {good[:len(good)-1], nil},
			"altered":   {altered, edition.ErrForged},
			"empty":     {[]byte{}, nil},
		} {
			_, err := w.ask(name, "POST", "/edition", c.b)
			if err == nil || c.want != nil && !strings.Contains(err.Error(), c.want.Error()) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n := w.machines[name].node.Replica().Number(); n != number {
			t.Errorf("edition %d, want %d", n, number)
		}
	})
}
