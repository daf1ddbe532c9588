package command

import (
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
)

// The kinds of keys.
const (
	KindTakeKeys  Kind = 40
	KindVoidToken Kind = 41
)

// TakeKeys has an office's node go on under the keys that it names itself. The old ones stay known: what they signed verifies.
type TakeKeys struct {
	Office   directory.OfficeCode     `cbor:"1,keyasint"`
	Rotation directory.SignedRotation `cbor:"2,keyasint"`
}

// VoidToken takes back an enrolment token that nobody has used.
type VoidToken struct {
	Hash digest.Digest `cbor:"1,keyasint"`
}

// Kind returns KindTakeKeys.
func (*TakeKeys) Kind() Kind { return KindTakeKeys }

// Kind returns KindVoidToken.
func (*VoidToken) Kind() Kind { return KindVoidToken }

// maxRotationBody and maxTokenSignature bound what a node signs when it takes other keys, in bytes.
const (
	maxRotationBody   = 8 << 10
	maxTokenSignature = 80
)

// Validate checks form and sizes; the signatures are checked where the old key is.
func (c *TakeKeys) Validate() error {
	s := c.Rotation
	if len(s.Body) > maxRotationBody || len(s.Old.Signature) > record.SignatureSize || len(s.New.Signature) > record.SignatureSize || len(s.TLS) > maxTokenSignature {
		return errors.New("rotation: a part is too long")
	}
	r, err := s.Read()
	if err != nil {
		return err
	}
	if r.Office != c.Office {
		return fmt.Errorf("rotation of %s, asked for by %s", r.Office, c.Office)
	}
	return nil
}

// Validate checks the hash.
func (c *VoidToken) Validate() error {
	if c.Hash.IsZero() {
		return errors.New("token: no hash")
	}
	return nil
}
