package replication

// Reason says why an attempt to deliver a parcel failed, for people to see. It is a code: whoever shows it has the words. An
// Obstacle is a reason too. Append only.
type Reason string

// The reasons that are no obstacles.
const (
	Unreachable      Reason = "unreachable"       // nobody answers: a line is down, or the machine is off
	Impostor         Reason = "impostor"          // another machine answers at the recipient's address
	RecipientRevoked Reason = "recipient_revoked" // its key is revoked: it must be enrolled again
	RecipientUnknown Reason = "recipient_unknown" // not in this machine's edition of the directory
	NotAllowed       Reason = "not_allowed"       // the recipient's machine does not take this from us
	ReplyTooNew      Reason = "reply_too_new"     // the recipient answers as a newer version does
	BadReceipt       Reason = "bad_receipt"       // its receipt does not hold
	Fault            Reason = "fault"             // a fault of this machine: its log says which
	KeptByRelay      Reason = "kept_by_relay"     // the recipient is out of reach, and a relay keeps the parcel for it
	RelayDropped     Reason = "relay_dropped"     // province IT has taken the parcel off the relay that kept it
)
