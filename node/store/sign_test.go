package store

import (
	"errors"
	"fmt"
	"testing"

	"motcua/crypto/record"
)

// TestACommitSignsOnce: statements of one commit share a signature for each key and label, each verifies by itself, and one whose
// update fails takes nothing from the others.
func TestACommitSignsOnce(t *testing.T) {
	s := open(t, t.TempDir())
	key, other := testKey(t), otherKey(t)
	var jobs []*job
	for i := range 2*maxShared + 10 {
		st := Statement{key, "a test v1", fmt.Appendf(nil, "%d", i)}
		switch i % 10 {
		case 3:
			st.Key = other
		case 5:
			st.Label = "another test v1"
		}
		jobs = append(jobs, &job{statement: &st}, &job{})
	}
	sign(jobs)
	signatures := map[string]bool{}
	for _, j := range jobs {
		if j.statement == nil {
			continue
		}
		if err := j.signed.Verify(j.statement.Key.Public(), j.statement.Label); err != nil || string(j.signed.Body) != string(j.statement.Body) {
			t.Errorf("%s: %v", j.statement.Body, err)
		}
		signatures[string(j.signed.Signature)] = true
	}
	if len(signatures) != 2+1+1 {
		t.Errorf("%d signatures, want two of the many and one each of another key and another label", len(signatures))
	}
	no := errors.New("no")
	st := Statement{key, "a test v1", []byte("one")}
	if err := s.UpdateSigned(t.Context(), st, func(tx *Tx, r record.Record) error { return errors.Join(tx.Set("it", r.Body), no) }); !errors.Is(err, no) {
		t.Errorf("an update that fails: %v", err)
	}
	if err := s.UpdateSigned(t.Context(), st, func(tx *Tx, r record.Record) error { return tx.Set("that", r.Signature) }); err != nil {
		t.Error(err)
	}
	view(t, s, func(tx *Tx) error {
		_, it, _ := tx.Get("it")
		b, _, err := tx.Get("that")
		if it || len(b) != record.SignatureSize {
			t.Errorf("what failed is stored: %v; signature of %d bytes", it, len(b))
		}
		return err
	})
}

func otherKey(t *testing.T) *record.Key {
	t.Helper()
	seed := testKey(t).Seed()
	b := append([]byte(nil), seed...)
	b[len(b)-1] ^= 1
	k, err := record.NewKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
