package replication

import (
	"context"
	"errors"
	"io"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
)

// Peer is what a Resolver knows of a name.
type Peer struct {
	Name Name
	Addr string // UDP host:port; "" when unknown
	Keys *identity.Keys
	// Revoked is when the key stopped being trusted; zero while it is. A parcel signed by it that arrives afterwards waits for
	// a person, whatever date it bears: whoever holds the key writes the date.
	Revoked time.Time
	// Retired is when its holder itself put another key in the place of this one; zero if it did not. What it has signed stays
	// good, and for RetiredGrace it may still be met.
	Retired time.Time
}

// RetiredGrace is for how long a node may go on under keys that it has replaced. It learns that it has from an edition, and may be
// cut off before that: what it does until then must not be lost.
const RetiredGrace = 30 * 24 * time.Hour

// Trusted tells whether a signature of this key that bears a time is good: it is not revoked before, nor retired long before.
func (p Peer) Trusted(at time.Time) bool {
	return (p.Revoked.IsZero() || at.Before(p.Revoked)) && (p.Retired.IsZero() || at.Before(p.Retired.Add(RetiredGrace)))
}

// ErrUnknown is returned for a name or key that the resolver does not know.
var ErrUnknown = errors.New("unknown peer")

// Resolver tells who a name is. It answers from memory, with what it knows now, and never blocks on the network.
type Resolver interface {
	// Resolve returns the peer of a name, ErrUnknown if there is none.
	Resolve(Name) (Peer, error)
	// Identify returns the peer whose TLS key has this id (identity.TLSID), ErrUnknown if there is none. A
	// revoked peer is returned, with Revoked set.
	Identify(tlsID digest.Digest) (Peer, error)
}

// Signers is what a Resolver also is if it remembers keys that are no longer in use.
type Signers interface {
	// Signer returns the peer whose signing key this is or was, by its ID. A key that is no longer in use has Revoked set.
	Signer(key digest.Digest) (Peer, bool)
}

// SignerOf returns a name with the key of this ID, if it is or was one of the name's; else with the key that it has now,
// under which nothing signed by the other verifies.
func SignerOf(r Resolver, name Name, key digest.Digest) (Peer, error) {
	now, err := r.Resolve(name)
	if err == nil && now.Keys != nil && now.Keys.Sign.ID() == key {
		return now, nil
	}
	if s, ok := r.(Signers); ok {
		if p, known := s.Signer(key); known && p.Name == name {
			return p, nil
		}
	}
	return now, err
}

// Content is the opened content of a parcel: a structured body and files named by digest.
type Content struct {
	Body  []byte
	Files []File
}

// File is a run of bytes in a content. Digest is that of the bytes.
type File struct {
	Digest digest.Digest
	Size   int64
	// Open returns the bytes from the start. Close it.
	Open func() (io.ReadCloser, error)
}

// Queued is what an outbox tells of an unsettled parcel.
type Queued struct {
	ID    digest.Digest
	Small bool // its chunks travel with its offer
}

// ErrSettled is returned for a parcel that does not wait in the outbox.
var ErrSettled = errors.New("parcel is not waiting")

// Outbox is the sender's durable record of what must still arrive. Its parcels were committed in the same transaction
// as the act that sends them; their chunks are in the spool.
type Outbox interface {
	// Peers returns the names with unsettled parcels.
	Peers(context.Context) ([]Name, error)
	// Queue tells of at most n unsettled parcels for a peer: the small ones first, and of each kind the oldest first.
	Queue(ctx context.Context, to Name, n int) ([]Queued, error)
	// Parcel returns an unsettled parcel, ErrSettled if it is settled or was never sent.
	Parcel(ctx context.Context, id digest.Digest) (Parcel, error)
	// Settle durably stores the verified receipt and with it takes the parcel off the outbox. A receipt for a
	// parcel that is settled or was never sent is ignored without error.
	Settle(context.Context, Parcel, record.Record, Receipt) error
	// Attempted notes that an attempt failed, for people to see. It need not be durable.
	Attempted(ctx context.Context, id digest.Digest, at time.Time, reason Reason)
}

// Inbox is where parcels take effect.
type Inbox interface {
	// Taken returns the receipt given for a parcel, false if none was.
	Taken(ctx context.Context, id digest.Digest) (record.Record, bool, error)
	// Take commits the effect of a verified parcel, once, and returns the signed receipt, which it has stored in
	// the same transaction. A parcel whose content breaks a rule is refused by a receipt, not by an error: an
	// error means "not now, send it again" and leaves nothing behind.
	Take(ctx context.Context, p Parcel, c Content) (record.Record, error)
	// Refuse stores and returns a signed refusal of a parcel that was not opened. Only refusals that will never
	// change are stored.
	Refuse(ctx context.Context, p Parcel, why Refusal, note string) (record.Record, error)
}
