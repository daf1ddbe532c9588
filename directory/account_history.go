package directory

// Actor is who does something to an account: somebody who signed in at an office, or, where both are empty, province IT.
type Actor struct {
	Office  OfficeCode `cbor:"1,keyasint,omitempty" json:"office,omitempty"`
	Account AccountID  `cbor:"2,keyasint,omitempty" json:"account,omitempty"`
}

// Province tells whether the actor is province IT.
func (a Actor) Province() bool { return a == Actor{} }

// Act is what was done to an account. Append only.
type Act string

// The acts of an account's history.
const (
	ActMade         Act = "made"
	ActReplaced     Act = "replaced" // profile and grants as a whole, by province IT
	ActEdited       Act = "edited"   // Fields name what
	ActRenamed      Act = "renamed"  // login from Was to Is
	ActPassword     Act = "password" // by its owner
	ActPasswordSet  Act = "password_set"
	ActResetIssued  Act = "reset_issued"
	ActResetUsed    Act = "reset_used"
	ActFactorAdded  Act = "factor_added"   // Is is its label
	ActFactorGone   Act = "factor_removed" // Was is its label
	ActRecovery     Act = "recovery_made"
	ActRecoveryUsed Act = "recovery_used"
	ActGranted      Act = "granted"
	ActUngranted    Act = "ungranted"
	ActDelegated    Act = "delegated" // in both histories
	ActDelegateEnd  Act = "delegation_ended"
	ActDisabled     Act = "disabled"
	ActEnabled      Act = "enabled"
	ActMerged       Act = "merged" // in both histories
)

// Change is one line of an account's history. It holds no secret, and of a person's particulars only which have changed.
type Change struct {
	At      int64     `cbor:"1,keyasint" json:"at"` // Unix milliseconds
	Account AccountID `cbor:"2,keyasint" json:"account"`
	Version uint64    `cbor:"3,keyasint" json:"version"` // of the account, after the change
	By      Actor     `cbor:"4,keyasint" json:"by,omitzero"`
	Act     Act       `cbor:"5,keyasint" json:"act"`
	Was     string    `cbor:"6,keyasint,omitempty" json:"was,omitempty"`
	Is      string    `cbor:"7,keyasint,omitempty" json:"is,omitempty"`
	Fields  []string  `cbor:"8,keyasint,omitempty" json:"fields,omitempty"`
	Grants  []Grant   `cbor:"9,keyasint,omitempty" json:"grants,omitempty"`
	Reason  string    `cbor:"10,keyasint,omitempty" json:"reason,omitempty"`
	// Other is the other account of a delegation or a merge; Delegation the id of the delegation.
	Other      AccountID `cbor:"11,keyasint,omitempty" json:"other,omitempty"`
	Delegation string    `cbor:"12,keyasint,omitempty" json:"delegation,omitempty"`
}

// MaxHistory bounds how many lines of a history are returned at once, the newest.
const MaxHistory = 1000
