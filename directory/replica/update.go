package replica

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/wire"
	"motcua/directory/edition"
)

// stepsFile holds what the last editions have changed, for other nodes. It is a cache: without it they take whole editions.
const stepsFile = "steps"

// The bounds of the steps that a replica keeps.
const (
	maxSteps      = 64
	maxStepsBytes = 256 << 10
)

// steps is the content of the file.
type steps struct {
	Version uint8          `cbor:"1,keyasint"` // 1
	Steps   []edition.Step `cbor:"2,keyasint"`
}

// Held says which edition is in use, for who hands out later ones.
func (r *Replica) Held() edition.Held { return r.now.Load().held() }

// Prev is the digest of the body before that of the edition in use, as that one says.
func (r *Replica) Prev() digest.Digest { return r.now.Load().e.Prev }

func (v *view) held() edition.Held {
	return edition.Held{Number: v.e.Number, Body: v.digest, Epoch: v.e.Epoch}
}

// Update returns the edition in use for a reader that holds another, as edition.Receive reads it; nil if it is not newer.
func (r *Replica) Update(held edition.Held) ([]byte, error) {
	v := r.now.Load()
	if v.e.Number <= held.Number {
		return nil, nil
	}
	if b, ok := r.delta(v, held); ok {
		return edition.Pack(b)
	}
	b, err := r.whole(held.Epoch)
	if err != nil {
		return nil, err
	}
	return edition.Pack(b)
}

// Changed is closed when the next edition is installed.
func (r *Replica) Changed() <-chan struct{} { return r.Watch() }

func (r *Replica) delta(v *view, held edition.Held) ([]byte, bool) {
	r.mu.Lock()
	all := r.steps
	r.mu.Unlock()
	var s edition.Step
	found := false
	for _, next := range all {
		if found {
			s, found = s.Then(next)
		} else if next.Base == held.Number && next.BaseBody == held.Body {
			s, found = next, true
		}
	}
	if !found || s.Body != v.digest {
		return nil, false
	}
	signed := v.signed
	signed.Chain = edition.After(signed.Chain, held.Epoch, signed.Epoch)
	b, err := signed.Delta(s).Encode()
	return b, err == nil
}

// whole reads the edition in use from the disk, for a reader that trusts the members of an epoch; nil for none.
func (r *Replica) whole(epoch uint64) ([]byte, error) {
	v := r.now.Load()
	for {
		if v.digest.IsZero() {
			return nil, nil
		}
		body, err := r.body(v)
		if later := r.now.Load(); err != nil && later != v { // replaced while it was read
			v = later
			continue
		}
		if err != nil {
			return nil, err
		}
		s := v.signed
		s.Body, s.Chain = body, edition.After(s.Chain, epoch, s.Epoch)
		return s.Encode()
	}
}

// errDamaged says that the file is not what was installed. What is in memory still is.
var errDamaged = errors.New("the edition on the disk is damaged; the next one replaces it")

// body reads the body of an edition in use from the disk: nearly nobody asks for it, and it is large.
func (r *Replica) body(v *view) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(r.dir, editionFile))
	if err != nil {
		return nil, err
	}
	s, err := edition.Read(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if s.Digest() != v.digest {
		return nil, errDamaged
	}
	return s.Body, nil
}

// nextSteps adds what an edition has changed, and forgets the oldest.
func nextSteps(have []edition.Step, before edition.Held, body func() ([]byte, error), now edition.Held, next []byte) []edition.Step {
	if before.Number == 0 {
		return nil
	}
	old, err := body()
	if err != nil {
		return nil
	}
	all := append(have[:len(have):len(have)], edition.NewStep(before.Number, old, now.Number, next))
	size := 0
	for i := len(all) - 1; i >= 0; i-- {
		b, fits, err := all[i].Encode()
		size += len(b)
		if err != nil || !fits || size > maxStepsBytes || len(all)-i > maxSteps {
			return all[i+1:]
		}
	}
	return all
}

func writeSteps(dir string, all []edition.Step) {
	if b, err := wire.Marshal(steps{Version: 1, Steps: all}); err == nil {
		disk.WriteFile(filepath.Join(dir, stepsFile), b)
	}
}

// readSteps reads the steps that lead to an edition; none if the file is of another one or cannot be read.
func readSteps(dir string, held edition.Held) []edition.Step {
	b, err := os.ReadFile(filepath.Join(dir, stepsFile))
	var s steps
	if err != nil || len(b) > 2*maxStepsBytes || wire.UnmarshalVersioned(b, &s, 1) != nil || len(s.Steps) == 0 {
		return nil
	}
	at := edition.Held{Number: s.Steps[0].Base, Body: s.Steps[0].BaseBody}
	for _, step := range s.Steps {
		if step.Base != at.Number || step.BaseBody != at.Body {
			return nil
		}
		at = edition.Held{Number: step.Number, Body: step.Body}
	}
	if at.Number != held.Number || at.Body != held.Body {
		return nil
	}
	return s.Steps
}
