package server

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/replica"
	"motcua/node/session"
)

// keyNode is a node without a line whose keys lie in a folder: identity 100, as the edition says.
func keyNode(t *testing.T, dir string, now time.Time) *Server {
	t.Helper()
	r, err := replica.Open(filepath.Join(dir, replicaFolder), directorytest.Genesis(3))
	if err != nil {
		t.Fatal(err)
	}
	n := &Server{
		cfg: Config{Dir: dir, Now: func() time.Time { return now }}, enrolment: enrolment{Office: own}, replica: r,
		log: slog.New(slog.DiscardHandler), rotated: make(chan struct{}), rotate: make(chan struct{}, 1),
	}
	if err := n.openKeys(); err != nil {
		t.Fatal(err)
	}
	return n
}

// keyFolder is a folder of a node that has the first edition.
func keyFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := directorytest.Identity(100).Save(filepath.Join(dir, identityFile)); err != nil {
		t.Fatal(err)
	}
	n := keyNode(t, dir, time.Now())
	if err := n.replica.Install(signedEdition(t, 1, nil)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// retired is an edition in which this office's node has other keys, in place of those it had.
func retired(t *testing.T, number uint64, to identity.Public, at int64, former ...byte) []byte {
	return signedEdition(t, number, func(e *edition.Edition) {
		e.Nodes[0].Identity, e.Nodes[0].Rotated = to, at
		for _, f := range former {
			e.Nodes = append(e.Nodes, directory.Node{Office: own, Identity: directorytest.Identity(f).Public(), Addr: "x:1", Retired: at})
		}
	})
}

// TestNewKeysAreTakenWhateverComesBetween: the steps are cut off after each of them; the next start goes on to the same end.
func TestNewKeysAreTakenWhateverComesBetween(t *testing.T) {
	next := directorytest.Identity(130)
	for name, done := range map[string]func(dir string) error{
		"nothing": func(string) error { return nil },
		"the old keys kept": func(dir string) error {
			n := keyNode(t, dir, time.Now())
			return n.keepFormer(directorytest.Identity(100))
		},
		"the new keys in their place": func(dir string) error {
			n := keyNode(t, dir, time.Now())
			return errors.Join(n.keepFormer(directorytest.Identity(100)), os.Rename(n.path(nextFile), n.path(identityFile)))
		},
	} {
		dir := keyFolder(t)
		if err := next.Save(filepath.Join(dir, nextFile)); err != nil {
			t.Fatal(err)
		}
		n := keyNode(t, dir, time.Now())
		if err := n.adopt(); err != nil || n.ring.Now().Public().ID() != directorytest.Identity(100).Public().ID() || len(n.ring.All()) != 2 {
			t.Fatalf("%s: before the directory has named them: %v", name, err)
		}
		if err := errors.Join(n.replica.Install(retired(t, 2, next.Public(), 1_795_000_000, 100)), done(dir)); err != nil {
			t.Fatal(err)
		}
		n = keyNode(t, dir, time.Now())
		if err := n.adopt(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for range 2 { // and after a restart
			s := n.keyStatus()
			if s.Key != next.Public().ID().Short() || s.Former != 1 || s.Next != "" || n.ring.All()[1].Public().ID() != directorytest.Identity(100).Public().ID() {
				t.Errorf("%s: %+v", name, s)
			}
			n = keyNode(t, dir, time.Now())
		}
		if _, err := os.Stat(n.path(nextFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: keys to come are left: %v", name, err)
		}
	}
}

// TestRefusedKeysAreNotTaken: the old ones stay in use, and what may be sealed to the new ones still opens.
func TestRefusedKeysAreNotTaken(t *testing.T) {
	dir := keyFolder(t)
	n := keyNode(t, dir, time.Now())
	done, err := n.begin()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := n.begin(); err != nil || again != done {
		t.Errorf("begun twice: %v", err)
	}
	next := n.pending()
	if err := n.giveUp(next, errors.New("too often")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	default:
		t.Error("who waits is not told")
	}
	for range 2 {
		s := n.keyStatus()
		if s.Key != directorytest.Identity(100).Public().ID().Short() || s.Former != 1 || s.Next != "" {
			t.Errorf("%+v", s)
		}
		n = keyNode(t, dir, time.Now())
	}
}

// TestFormerKeysAreForgottenInTheEnd: when nothing sealed to them can be under way any more.
func TestFormerKeysAreForgottenInTheEnd(t *testing.T) {
	dir := keyFolder(t)
	at := time.Unix(1_795_000_000, 0)
	n := keyNode(t, dir, at)
	if err := errors.Join(
		n.keepFormer(directorytest.Identity(120)), n.replica.Install(retired(t, 2, directorytest.Identity(100).Public(), at.Unix(), 120)),
	); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now  time.Time
		kept int
	}{{at.Add(89 * 24 * time.Hour), 1}, {at.Add(91 * 24 * time.Hour), 0}} {
		n = keyNode(t, dir, c.now)
		n.prune()
		files, err := os.ReadDir(n.path(formerFolder))
		if err != nil || len(files) != c.kept || len(n.ring.All()) != 1+c.kept {
			t.Errorf("after %v: %d files, %d identities, %v", c.now.Sub(at), len(files), len(n.ring.All()), err)
		}
	}
}

// TestPeopleStaySignedInWhenANodeTakesNewKeys: here and at other offices, unless the keys they were signed in with were revoked.
func TestPeopleStaySignedInWhenANodeTakesNewKeys(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, directory.Zone)
	n := offline(t, now)
	issue := func(key byte, office directory.OfficeCode) string {
		token, err := session.Issue(directorytest.Identity(key), office, directory.Account{ID: "a", Kind: directory.Citizen}, now)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	moved := func(number uint64, revoked int64) []byte {
		return signedEdition(t, number, func(e *edition.Edition) {
			e.Nodes[1].Identity = directorytest.Identity(130).Public()
			e.Nodes = append(e.Nodes,
				directory.Node{Office: other, Identity: directorytest.Identity(110).Public(), Addr: "x:1", Retired: now.Unix() + 60, Revoked: revoked},
				directory.Node{Office: other, Identity: directorytest.Identity(140).Public(), Addr: "x:1", Retired: now.Unix()},
				directory.Node{Office: other, Identity: directorytest.Identity(160).Public(), Addr: "x:1", Retired: now.Unix() - 2*3600})
		})
	}
	if err := n.replica.Install(moved(2, 0)); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[byte]error{130: nil, 110: nil, 140: nil, 150: session.ErrInvalid, 160: session.ErrInvalid, 100: session.ErrInvalid} {
		if _, err := n.Session(issue(key, other)); !errors.Is(err, want) {
			t.Errorf("signed by key %d: %v, want %v", key, err, want)
		}
	}
	if err := n.replica.Install(moved(3, now.Unix()+61)); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[byte]error{130: nil, 110: session.ErrInvalid, 140: nil} {
		if _, err := n.Session(issue(key, other)); !errors.Is(err, want) {
			t.Errorf("after a revocation, signed by key %d: %v, want %v", key, err, want)
		}
	}
}

// TestForksAreSeenThroughDeltas: what came as a delta is compared with what was held as one that came whole is.
func TestForksAreSeenThroughDeltas(t *testing.T) {
	n := offline(t, time.Now())
	n.log = slog.New(slog.DiscardHandler)
	base, err := edition.Read(n.replica.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	delta := func(prev digest.Digest) []byte {
		s, err := edition.Read(signedEdition(t, 2, func(e *edition.Edition) { e.Prev = prev }))
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Delta(edition.NewStep(1, base.Body, 2, s.Body)).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if newer, err := n.take(delta(digest.Of([]byte("another")))); err != nil || !newer || n.forks() != 2 {
		t.Errorf("one that goes on from another: %v %v, %d kept", newer, err, n.forks())
	}
	n = offline(t, time.Now())
	n.log = slog.New(slog.DiscardHandler)
	if newer, err := n.take(delta(base.Digest())); err != nil || !newer || n.forks() != 0 {
		t.Errorf("one that goes on: %v %v, %d kept", newer, err, n.forks())
	}
	if newer, err := n.take(delta(base.Digest())); err != nil || newer {
		t.Errorf("again: %v %v", newer, err)
	}
}

// TestADeltaThatDoesNotFitIsAskedForWhole, once.
func TestADeltaThatDoesNotFitIsAskedForWhole(t *testing.T) {
	n := offline(t, time.Now())
	var asked []edition.Held
	ask := func(h edition.Held) ([]byte, error) {
		asked = append(asked, h)
		two, err := edition.Read(signedEdition(t, 2, nil))
		if err != nil {
			t.Fatal(err)
		}
		b, err := two.Delta(edition.NewStep(1, []byte("another base"), 2, two.Body)).Encode()
		return b, err
	}
	if err := n.takeFrom(ask); !errors.Is(err, edition.ErrBase) {
		t.Errorf("a peer that only ever has another base: %v", err)
	}
	if len(asked) != 2 || asked[0] != n.replica.Held() || !asked[1].Body.IsZero() || asked[1].Number != 1 {
		t.Errorf("asked with %+v", asked)
	}
}
