package office

import (
	"errors"
	"testing"
	"time"

	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// newKeys puts a machine with other keys in the place of an office's, whose folder it has. The old keys are trusted for a while yet, so that
// what they signed verifies.
func (p *province) newKeys(c directory.OfficeCode) {
	p.t.Helper()
	n := p.offices[c]
	n.close()
	id, err := identity.Generate()
	must(p.t, err)
	old := n.id.Sign.Public().ID()
	n.id = id
	p.book.Add(replication.Name(c), "", id.Public())
	p.book.RevokeKey(old, p.now.Add(time.Hour))
	n.open(c)
}

// TestPackedAnew: a request that waits when its office gets other keys is packed anew under those, once, and takes effect once.
func TestPackedAnew(t *testing.T) {
	p := newProvince(t)
	_, _, _, asked := p.underWay()
	p.newKeys(xa)
	n := p.offices[xa]
	waiting := func() []replication.Parcel {
		return replicationtest.Waiting(t, n.Outbox(), replication.Name(huyen), 10)
	}
	old := waiting()
	if len(old) != 1 {
		t.Fatalf("%d wait", len(old))
	}
	n.repack(t.Context())
	anew := waiting()
	if len(anew) != 1 || anew[0].ID() == old[0].ID() || anew[0].Record.Signer != n.id.Sign.Public().ID() {
		t.Fatalf("packed anew: %v", anew)
	}
	n.repack(t.Context())
	if again := waiting(); len(again) != 1 || again[0].ID() != anew[0].ID() {
		t.Error("packed anew without need")
	}
	must(t, n.Store.View(func(tx *store.Tx) error {
		out, err := tx.Outgoing(old[0].ID())
		if err == nil && (out.Waits() || out.Anew != anew[0].ID()) {
			err = errors.New("the old parcel still waits, or does not say what replaced it")
		}
		return err
	}))
	if _, err := n.sp.Chunk(old[0].ID(), 0); err == nil {
		t.Error("the chunks of the old parcel are still there")
	}
	p.carry()
	if line := p.offices[huyen].only(BucketArrived); line.Chain != asked.ID {
		t.Errorf("the district has %v", line)
	}
}

// TestSealedToKeysThatAreGone: the sender packs anew what its recipient cannot open, once a newer edition may say more.
func TestSealedToKeysThatAreGone(t *testing.T) {
	p := newProvince(t)
	p.underWay()
	n := p.offices[xa]
	old := replicationtest.Waiting(t, n.Outbox(), replication.Name(huyen), 10)[0]
	n.Outbox().Attempted(t.Context(), old.ID(), p.now, replication.Reason(replication.OtherKey))
	if n.stranded(old) {
		t.Error("packed anew for the same keys again: the edition is the one it was packed under")
	}
	old.Manifest.Edition--
	if !n.stranded(old) {
		t.Error("it would wait for ever")
	}
}

// TestUnaskedAfterARestore: an office that was brought back may have forgotten what it asked for. The answer waits; elsewhere it is
// refused.
func TestUnaskedAfterARestore(t *testing.T) {
	p := newProvince(t)
	n := p.offices[xa]
	if _, ok := errors.AsType[*unwelcome](n.unasked("nobody asked")); !ok {
		t.Error("it is not refused")
	}
	must(t, n.Store.Update(t.Context(), func(tx *store.Tx) error { return MarkRestored(tx, p.now) }))
	if err := n.unasked("nobody asked"); err == nil {
		t.Error("it is taken")
	} else if _, ok := errors.AsType[*unwelcome](err); ok {
		t.Error("it is refused for good")
	}
	p.now = p.now.Add(61 * 24 * time.Hour)
	if _, ok := errors.AsType[*unwelcome](n.unasked("nobody asked")); !ok {
		t.Error("it waits for ever")
	}
}
