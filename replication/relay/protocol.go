package relay

import (
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/replication"
)

// The protocols. Over Protocol somebody who sends parcels, or for whom some may be kept, speaks to a relay: one request a stream.
// Over ReceiptProtocol a relay brings receipts to those who have sent the parcels.
const (
	Protocol        = "relay/1"
	ReceiptProtocol = "receipts/1"
)

// request is either an offer of a parcel, to be kept, or the word that the caller is in reach now.
type request struct {
	// Offer carries the only chunk of a small parcel, whatever its size.
	Offer *replication.Offer `cbor:"1,keyasint,omitempty"`
	Here  bool               `cbor:"2,keyasint,omitempty"`
}

// reply is the relay's word on a request: exactly one of its fields is set. Pieces follow a Want, and another reply those.
type reply struct {
	Want    *replication.Want `cbor:"1,keyasint,omitempty"`
	Kept    bool              `cbor:"2,keyasint,omitempty"` // the parcel is; for Here: it was heard
	Receipt *record.Record    `cbor:"3,keyasint,omitempty"` // the recipient's, of a parcel brought to it before
	No      Denial            `cbor:"4,keyasint,omitempty"`
}

func (r reply) validate(chunks int) error {
	said := 0
	for _, b := range []bool{r.Want != nil, r.Kept, r.Receipt != nil, r.No != ""} {
		if b {
			said++
		}
	}
	if said != 1 {
		return fmt.Errorf("reply of a relay says %d things: %w", said, replication.ErrMalformed)
	}
	if r.Want != nil && len(r.Want.Have) != len(replication.NewBitmap(chunks)) {
		return fmt.Errorf("reply of a relay has a bitmap of %d bytes for %d chunks: %w", len(r.Want.Have), chunks, replication.ErrMalformed)
	}
	return nil
}

// delivery is some receipts on their way to the sender of the parcels.
type delivery struct {
	Receipts []record.Record `cbor:"1,keyasint"`
}

// thanks lists the parcels whose receipts were taken in.
type thanks struct {
	Parcels []digest.Digest `cbor:"1,keyasint"`
}

// The bounds of the messages, in bytes.
const (
	maxEager     = replication.ChunkSize + 16
	maxRequest   = replication.MaxRecord + maxEager + 64
	maxReply     = replication.MaxReply
	receiptsOnce = 16
	maxDelivery  = receiptsOnce*replication.MaxReceipt + 64
	maxThanks    = receiptsOnce*40 + 64
)

// Denial says why a relay does not keep a parcel. It crosses the wire. Append only.
type Denial string

// The denials.
const (
	Full       Denial = "full"        // the share of the sender, or of the recipient, or the disk
	Busy       Denial = "busy"        // too much at once
	NotServed  Denial = "not_served"  // it keeps nothing for this recipient
	NotSender  Denial = "not_sender"  // only the sender gives a parcel to a relay
	NotGenuine Denial = "not_genuine" // the signature or a chunk is not right, or the key not trusted, as far as it knows
	TooNew     Denial = "too_new"     // a format that it does not read yet
	Dropped    Denial = "dropped"     // a person has taken it off this relay
	Failed     Denial = "failed"      // its own log says why
)

// Denied is the error for a denial.
type Denied struct{ Why Denial }

// Reason is what the sender's people must be told of it, "" where it changes nothing for them.
func (e *Denied) Reason() replication.Reason {
	if e.Why == Dropped {
		return replication.RelayDropped
	}
	return ""
}

func (e *Denied) Error() string {
	switch e.Why {
	case Full:
		return "the relay has no room for it"
	case Busy:
		return "the relay is busy"
	case NotServed:
		return "the relay keeps nothing for this recipient"
	case NotSender:
		return "only its sender may give a parcel to a relay"
	case NotGenuine:
		return "as far as the relay knows, it is not what the sender signed"
	case TooNew:
		return "the relay must be upgraded to keep it"
	case Dropped:
		return "a person has taken it off the relay"
	case Failed:
		return "the relay could not store it"
	}
	return fmt.Sprintf("the relay does not take it (%q)", string(e.Why))
}
