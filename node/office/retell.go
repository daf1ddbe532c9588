package office

import (
	"context"

	"motcua/crypto/wire"
	"motcua/node/store"
)

// A directory that was recovered has lost what came after the tables it was recovered from, and does not know of what. So every
// office then reports all its tracks again; those that the directory has already change nothing there.

const (
	retoldName = "retold"
	retellPage = 500
)

// retold is how far the tracks are queued again after a recovery.
type retold struct {
	Recovery uint64 `cbor:"1,keyasint"` // its epoch
	After    string `cbor:"2,keyasint,omitempty"`
	Done     bool   `cbor:"3,keyasint,omitempty"`
}

// Recovered says in which epoch the directory was last recovered, as far as this node knows; 0 for never.
func (o *Office) Recovered(epoch uint64) {
	if o.recovery.Swap(epoch) != epoch {
		o.poke()
	}
}

// retell queues all tracks again where the directory was recovered since they were last.
func (o *Office) retell(ctx context.Context) error {
	for done := o.recovery.Load() == 0; !done; {
		err := o.Store.Update(ctx, func(t *store.Tx) (err error) { done, err = retellPart(t, o.recovery.Load()); return err })
		if err != nil {
			return err
		}
		// A crash here leaves the rest to the next start.
	}
	return nil
}

func retellPart(t *store.Tx, epoch uint64) (done bool, err error) {
	var r retold
	b, ok, err := t.Get(retoldName)
	if err == nil && ok {
		err = wire.Unmarshal(b, &r)
	}
	if err != nil || r.Recovery == epoch && r.Done {
		return true, err
	}
	if r.Recovery != epoch {
		r = retold{Recovery: epoch}
	}
	if r.After, err = t.RequeueTracks(r.After, retellPage); err != nil {
		return false, err
	}
	r.Done = r.After == ""
	if b, err = wire.Marshal(r); err != nil {
		return false, err
	}
	return r.Done, t.Set(retoldName, b)
}
