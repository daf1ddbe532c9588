package cluster_test

import (
	"os"
	"testing"
	"testing/synctest"

	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/state"
)

// recovery draws up the succession that leaves one server.
func (p *province) recovery(name string) cluster.DrawUp {
	return func(r state.Reader) (edition.SignedSuccession, error) {
		m, _ := p.genesis.Member(name)
		s, err := state.DrawUpRecovery(r, []directory.Member{m}, 1_795_000_000)
		if err != nil {
			return edition.SignedSuccession{}, err
		}
		b, err := s.Encode()
		if err != nil {
			return edition.SignedSuccession{}, err
		}
		out := edition.SignedSuccession{Body: b}
		own, err := edition.SignSuccession(p.ids[name].Sign, s.Epoch, out.Digest())
		if err != nil {
			return out, err
		}
		key, err := edition.SignRecovery(directorytest.RecoveryKey(200), s.Epoch, out.Digest())
		out.Cosignatures = append(out.Cosignatures, own, key)
		return out, err
	}
}

// TestARecoveryThatWasCutOffIsRunAgain after a crash behind each of its durable steps, and nothing that the survivor had is
// lost.
func TestARecoveryThatWasCutOffIsRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.genesis.Recovery = directorytest.RecoveryKey(200).Public().Bytes()
		p.startAll()
		p.found()
		l := p.leader()
		for i := range 10 {
			p.propose(l, field(i))
		}
		for name := range p.dirs {
			p.stop(name)
		}
		survivor := p.dirs[l]
		for cut, of := 0, 1; cut <= of; cut++ {
			p.dirs[l] = t.TempDir()
			if err := os.CopyFS(p.dirs[l], os.DirFS(survivor)); err != nil {
				t.Fatal(err)
			}
			var err error
			if of, err = cluster.RecoverUpTo(p.dirs[l], l, p.recovery(l), cut); err != nil {
				t.Fatal(err)
			}
			if err := cluster.Recover(p.dirs[l], l, p.recovery(l), nil); err != nil {
				t.Fatalf("cut off behind step %d of %d: %v", cut, of, err)
			}
			p.start(l)
			p.propose(l, field(100))
			if n := p.fields(l, cluster.Linearizable); n != 11 {
				t.Errorf("cut off behind step %d of %d: %d fields, want 11", cut, of, n)
			}
			p.stop(l)
		}
	})
}
