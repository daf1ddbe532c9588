package command

import (
	"errors"
	"fmt"

	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/directory"
)

// The kinds of what concerns the directory's own servers.
const (
	KindAdmit            Kind = 12
	KindDismiss          Kind = 13
	KindSucceed          Kind = 14
	KindCosignSuccession Kind = 15
	KindForget           Kind = 16
	KindSetLevel         Kind = 17
	KindRotate           Kind = 18
)

// Admit lets a server join: it gets the log, and a vote and a signature once it has caught up.
type Admit struct {
	Member directory.Member `cbor:"1,keyasint"`
}

// Dismiss has a server leave. One that had not joined yet is gone at once.
type Dismiss struct {
	Name   string `cbor:"1,keyasint"`
	Reason string `cbor:"2,keyasint"`
}

// Succeed draws up the succession to an epoch: without the servers that leave, with those of the joining ones that are
// Ready, and with new keys where a server has laid its own down.
type Succeed struct {
	Epoch uint64   `cbor:"1,keyasint"`
	Ready []string `cbor:"2,keyasint,omitempty"`
}

// CosignSuccession brings a signature under the succession that was drawn up.
type CosignSuccession struct {
	Epoch  uint64        `cbor:"1,keyasint"`
	Record record.Record `cbor:"2,keyasint"`
}

// Forget takes a server off the list that has left and that Raft has let go.
type Forget struct {
	Name string `cbor:"1,keyasint"`
}

// SetLevel allows the kinds of commands up to an upgrade level: see [Level].
type SetLevel struct {
	Level uint32 `cbor:"1,keyasint"`
}

// Rotate lays down the keys that a server is to have from the next succession on.
type Rotate struct {
	Name string          `cbor:"1,keyasint"`
	Next identity.Public `cbor:"2,keyasint"`
}

// Kind returns KindAdmit.
func (*Admit) Kind() Kind { return KindAdmit }

// Kind returns KindDismiss.
func (*Dismiss) Kind() Kind { return KindDismiss }

// Kind returns KindSucceed.
func (*Succeed) Kind() Kind { return KindSucceed }

// Kind returns KindCosignSuccession.
func (*CosignSuccession) Kind() Kind { return KindCosignSuccession }

// Kind returns KindForget.
func (*Forget) Kind() Kind { return KindForget }

// Kind returns KindSetLevel.
func (*SetLevel) Kind() Kind { return KindSetLevel }

// Kind returns KindRotate.
func (*Rotate) Kind() Kind { return KindRotate }

// Validate checks name, address and keys.
func (c *Admit) Validate() error {
	if err := directory.ValidMembers([]directory.Member{c.Member}); err != nil {
		return err
	}
	return validPlace(c.Member.Addr, "")
}

// Validate checks the reason.
func (c *Dismiss) Validate() error {
	if c.Reason == "" || len(c.Reason) > directory.MaxReason {
		return fmt.Errorf("dismissal: reason missing or over %d bytes", directory.MaxReason)
	}
	return nil
}

// Validate checks the numbers.
func (c *Succeed) Validate() error {
	if c.Epoch == 0 || len(c.Ready) > directory.MaxMembers {
		return errors.New("succession: epoch 0, or too many servers")
	}
	return nil
}

// Validate checks the epoch.
func (c *CosignSuccession) Validate() error {
	if c.Epoch == 0 {
		return errors.New("succession: epoch 0")
	}
	return nil
}

// Validate finds nothing wrong: the tables judge the name.
func (c *Forget) Validate() error { return nil }

// Validate checks that there is a level.
func (c *SetLevel) Validate() error {
	if c.Level == 0 {
		return errors.New("upgrade level 0")
	}
	return nil
}

// Validate checks the keys.
func (c *Rotate) Validate() error {
	_, err := c.Next.Keys()
	return err
}
