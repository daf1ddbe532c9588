package dossier

import (
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
)

// KeyOf returns the signing key that an office had at a time (Unix milliseconds), or why there is none. An office may have
// had several: signer is the ID of the one wanted.
type KeyOf func(office string, at int64, signer digest.Digest) (*record.PublicKey, error)

// Verify checks that every event of a chain, from its first, was signed by the office it names and hangs on the one
// before, that the office changes only from a hand-over to its taking by the office named there, and that a submission inside was
// signed by its portal. What the events mean is for Replay. The error wraps
// record.ErrSignature, ErrChain, ErrMalformed or that of key.
func Verify(chain []Signed, key KeyOf) error {
	for i, e := range chain {
		if err := verifyOne(chain, i, key); err != nil {
			return fmt.Errorf("event %d of chain %s: %w", i, e.Event.Chain.Short(), err)
		}
	}
	if len(chain) == 0 {
		return fmt.Errorf("empty chain: %w", ErrChain)
	}
	return nil
}

func verifyOne(chain []Signed, i int, key KeyOf) error {
	e, prev := chain[i], State{}
	if i > 0 {
		p := chain[i-1]
		prev = State{Chain: p.Event.Chain, Head: p.ID(), Length: uint64(i), Office: p.Event.Office, At: p.Event.At}
		if p.Event.Kind == KindHandedOver {
			b, err := BodyOf[HandedOver](p.Event)
			if err != nil {
				return err
			}
			prev.Successor = b.To
		}
	}
	if err := follows(prev, e.Event); err != nil {
		return err
	}
	k, err := key(e.Event.Office, e.Event.At, e.Record.Signer)
	if err != nil {
		return err
	}
	if err := e.Record.Verify(k, EventLabel); err != nil {
		return err
	}
	return verifySubmission(e, key)
}

func verifySubmission(e Signed, key KeyOf) error {
	var r record.Record
	switch e.Event.Kind {
	case KindAccepted:
		b, err := BodyOf[Accepted](e.Event)
		if err != nil {
			return err
		}
		r = b.Submission
	case KindRefused:
		b, err := BodyOf[Refused](e.Event)
		if err != nil {
			return err
		}
		r = b.Submission
	default:
		return nil
	}
	_, err := VerifySubmission(r, key)
	return err
}

// VerifySubmission checks that a submission was signed by the portal it names and returns it.
func VerifySubmission(r record.Record, key KeyOf) (Submission, error) {
	s, err := ReadSubmission(r)
	if err != nil {
		return s, err
	}
	k, err := key(s.Portal, s.At, r.Signer)
	if err != nil {
		return s, err
	}
	return s, r.Verify(k, SubmissionLabel)
}

// ReadChain decodes the events of records. It checks neither signatures nor order.
func ReadChain(rs []record.Record) ([]Signed, error) {
	out := make([]Signed, len(rs))
	for i, r := range rs {
		e, err := ReadEvent(r)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}
