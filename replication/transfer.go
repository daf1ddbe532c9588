package replication

import (
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
)

// TransferProtocol is how a parcel crosses a stream: the sender offers, the receiver wants chunks, gets them, and gives
// the receipt. FormerProtocol is the same without Offer.Chunks and Receipt.Log, for peers that do not know the newer one.
const (
	TransferProtocol = "parcel/2"
	FormerProtocol   = "parcel/1"
)

// Bounds of the messages of a transfer, in bytes.
const (
	MaxSmall   = ChunkSize + 64<<10        // of ciphertext: the chunks of a parcel up to this size travel with its offer
	MaxEager   = 64<<10 + 16               // the same in FormerProtocol, of a lone chunk
	MaxOffer   = MaxRecord + MaxSmall + 64 // of an encoded Offer
	MaxReply   = MaxChunks/8 + 32<<10      // of an encoded Reply
	MaxPiece   = ChunkSize + 16 + 64       // of an encoded Piece
	MaxRecord  = MaxManifest + 8<<10       // of a record that holds a manifest, with signature and path
	MaxReceipt = 16 << 10                  // of a record that holds a receipt
)

// Offer opens a transfer. Chunks are all those of a small parcel, in order, sent along to save a round trip; Eager is the only
// one of a smaller, in FormerProtocol.
type Offer struct {
	Record record.Record `cbor:"1,keyasint"`
	Eager  []byte        `cbor:"2,keyasint,omitempty"`
	Chunks [][]byte      `cbor:"3,keyasint,omitempty"`
}

// Sent are the chunks that came with the offer: all or none.
func (o Offer) Sent() [][]byte {
	if len(o.Eager) > 0 {
		return [][]byte{o.Eager}
	}
	return o.Chunks
}

// Want lists the chunks that the receiver still lacks; Have marks those it holds.
type Want struct {
	Have Bitmap `cbor:"1,keyasint"`
}

// Piece is one chunk on its way.
type Piece struct {
	Index uint32 `cbor:"1,keyasint"`
	Bytes []byte `cbor:"2,keyasint"`
}

// Reply is the receiver's word on an offer: exactly one of the three is set. NotNow is unsigned and settles nothing.
type Reply struct {
	Want    *Want          `cbor:"1,keyasint,omitempty"`
	Receipt *record.Record `cbor:"2,keyasint,omitempty"`
	NotNow  Obstacle       `cbor:"3,keyasint,omitempty"`
}

// Validate checks that the reply says one thing, and that a Want fits the number of chunks.
func (r Reply) Validate(chunks int) error {
	said := 0
	for _, b := range []bool{r.Want != nil, r.Receipt != nil, r.NotNow != ""} {
		if b {
			said++
		}
	}
	if said != 1 {
		return fmt.Errorf("reply says %d things: %w", said, ErrMalformed)
	}
	if r.Want != nil && len(r.Want.Have) != len(NewBitmap(chunks)) {
		return fmt.Errorf("reply has a bitmap of %d bytes for %d chunks: %w", len(r.Want.Have), chunks, ErrMalformed)
	}
	return nil
}

// Obstacle says why a parcel cannot be taken just now, though it may be later. It crosses the wire. Append only.
type Obstacle string

// The obstacles.
const (
	NoRoom        Obstacle = "no_room"         // the recipient's disk, or the sender's share of it, is full
	TooBusy       Obstacle = "too_busy"        // too many transfers at once
	SenderUnknown Obstacle = "sender_unknown"  // the recipient's edition does not bind the signing key to the sender
	WrongHouse    Obstacle = "wrong_recipient" // addressed to somebody else; nobody but the addressee settles a parcel
	NotGenuine    Obstacle = "not_genuine"     // the signature does not verify, or a chunk is not what was signed
	InboxFailed   Obstacle = "inbox_failed"    // the recipient could not commit; its own log says why
	TooNew        Obstacle = "too_new"         // a format that the recipient does not read yet
	SenderRevoked Obstacle = "sender_revoked"  // signed by a key that is no longer trusted: a person decides, or it is packed anew
	OtherKey      Obstacle = "other_key"       // sealed to a key that the recipient does not hold, as one it had before
)

// NotNow is the error for an obstacle.
type NotNow struct{ Obstacle Obstacle }

func (e *NotNow) Error() string {
	switch e.Obstacle {
	case NoRoom:
		return "the recipient has no room for it just now"
	case TooBusy:
		return "the recipient is busy just now"
	case SenderUnknown:
		return "the recipient does not know the sender's key yet"
	case WrongHouse:
		return "it is addressed to somebody else"
	case NotGenuine:
		return "it is not what the sender signed"
	case InboxFailed:
		return "the recipient could not store it just now"
	case TooNew:
		return "the recipient must be upgraded to read it"
	case SenderRevoked:
		return "it is signed by a key that is no longer trusted: it must be sent anew under the sender's new key, or vouched for by a person"
	case OtherKey:
		return "it is sealed to a key that the recipient does not hold, perhaps its former one: it must be sent anew"
	}
	return fmt.Sprintf("the recipient cannot take it just now (%q)", string(e.Obstacle))
}

// VerifyReceipt checks that the record is the recipient's signed answer to this very parcel and returns it.
func VerifyReceipt(p Parcel, r record.Record, recipient Peer) (Receipt, error) {
	v, err := ReadReceipt(r)
	if err != nil {
		return Receipt{}, err
	}
	switch {
	case v.Parcel != p.ID():
		return Receipt{}, fmt.Errorf("receipt is for parcel %s, not %s: %w", v.Parcel.Short(), p.ID().Short(), ErrReceipt)
	case v.From != p.Manifest.To || v.To != p.Manifest.From || recipient.Name != v.From:
		return Receipt{}, fmt.Errorf("receipt is from %s to %s: %w", v.From, v.To, ErrReceipt)
	case v.Outcome > TakenOver:
		return Receipt{}, fmt.Errorf("receipt of outcome %d: %w: %w", v.Outcome, ErrTooNew, ErrReceipt)
	case v.Outcome == 0:
		return Receipt{}, fmt.Errorf("receipt without an outcome: %w", ErrReceipt)
	case v.Outcome == Refused && v.Refusal == "":
		return Receipt{}, fmt.Errorf("receipt refuses without a reason: %w", ErrReceipt)
	case recipient.Keys == nil:
		return Receipt{}, fmt.Errorf("receipt: no key known for %s: %w", v.From, ErrReceipt)
	}
	if err := r.Verify(recipient.Keys.Sign, ReceiptLabel); err != nil {
		return Receipt{}, fmt.Errorf("receipt for parcel %s: %w: %w", v.Parcel.Short(), ErrReceipt, err)
	}
	return v, nil
}

// Answer is the answer to a parcel: a delivery if why is empty, else a refusal. The time is Unix seconds.
func (p Parcel) Answer(why Refusal, note string, at int64) Receipt {
	v := Receipt{
		Version: 1, Parcel: p.ID(), From: p.Manifest.To, To: p.Manifest.From,
		Outcome: Delivered, Refusal: why, Note: note, At: at,
	}
	if why != "" {
		v.Outcome = Refused
	}
	return v
}

// Former is the receipt as an earlier version reads it, false if it is so already.
func (v Receipt) Former() (Receipt, bool) {
	newer := v.Log != nil
	v.Log = nil
	return v, newer
}

// NewReceipt signs the answer to a parcel, without the head of a log.
func NewReceipt(p Parcel, why Refusal, note string, at int64, key *record.Key) (record.Record, error) {
	return p.Answer(why, note, at).Sign(key)
}

// Bytes are what is signed of the receipt, under ReceiptLabel.
func (v Receipt) Bytes() ([]byte, error) {
	b, err := wire.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return b, nil
}

// Sign encodes and signs the receipt.
func (v Receipt) Sign(key *record.Key) (record.Record, error) {
	b, err := v.Bytes()
	if err != nil {
		return record.Record{}, err
	}
	return record.SignAmong(key, ReceiptLabel, b)
}

// Verify checks that the parcel is what its sender signed. It does not ask whether the sender's key was revoked.
func (p Parcel) Verify(sender Peer) error {
	if sender.Name != p.Manifest.From || sender.Keys == nil {
		return fmt.Errorf("parcel %s: no key of %s: %w", p.ID().Short(), p.Manifest.From, ErrUnknown)
	}
	if p.Record.Signer != sender.Keys.Sign.ID() {
		return fmt.Errorf("parcel %s: signed by a key that is not known to be %s's: %w", p.ID().Short(), p.Manifest.From, ErrUnknown)
	}
	return p.Record.Verify(sender.Keys.Sign, ManifestLabel)
}

// Offset is where chunk i starts when the chunks of a parcel stand one after the other.
func Offset(i int) int64 { return int64(i) * (ChunkSize + 16) }

// Fits tells whether b is chunk i of the manifest.
func (m Manifest) Fits(i int, b []byte) bool {
	return i >= 0 && i < len(m.Chunks) && len(b) == int(m.Chunks[i].Size) && digest.Of(b) == m.Chunks[i].Hash
}
