package office

import (
	"sync"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/replication"
)

// BehalfLabel is what a Behalf is signed under.
const BehalfLabel = "motcua behalf v1"

// Behalf is the statement of the node that asks: this account is signed in here and asks for this dossier of that office.
// It is good for one minute and one office, so that whoever is asked gets nothing that it could use anywhere else; the
// session itself never leaves the browser and the node it is shown to.
type Behalf struct {
	Version uint8               `cbor:"1,keyasint"` // 1
	Account directory.AccountID `cbor:"2,keyasint"`
	Code    string              `cbor:"3,keyasint"` // as in the question
	To      replication.Name    `cbor:"4,keyasint"` // who is asked
	// SignedInAt is the office whose node signed the session.
	SignedInAt directory.OfficeCode `cbor:"5,keyasint"`
	Expires    int64                `cbor:"6,keyasint"` // Unix seconds
}

// SignedBehalf is a Behalf with its signature by the token key of the node that asks.
type SignedBehalf struct {
	Body      []byte `cbor:"1,keyasint"`
	Signature []byte `cbor:"2,keyasint"`
}

// The times of a statement: how long it holds, and how far the clocks of two offices may differ.
const (
	behalfLife = time.Minute
	behalfSkew = 5 * time.Minute
)

// behalf states to another office who asks it for a dossier.
func (o *Office) behalf(c Citizen, code, to string) (*SignedBehalf, error) {
	body, err := wire.Marshal(Behalf{
		Version: 1, Account: c.ID, Code: code, To: replication.Name(to), SignedInAt: c.SignedInAt,
		Expires: o.Now().Add(behalfLife).Unix(),
	})
	if err != nil {
		return nil, err
	}
	sig, err := o.Ring.Now().SignToken(BehalfLabel, body)
	return &SignedBehalf{body, sig}, err
}

// verifyBehalf reads the statement of the node that asks. Only offices make them: the directory's servers, which the link
// knows as well, speak for nobody.
func (o *Office) verifyBehalf(from replication.Name, code string, s *SignedBehalf) (b Behalf, err error) {
	denied := directory.Errorf("ask", directory.Denied, "the question does not say on whose behalf it is asked: sign in again")
	if s == nil {
		return b, denied
	}
	peer, err := o.Directory.Resolve(from)
	_, isOffice := o.Directory.Office(directory.OfficeCode(from))
	if err != nil || !isOffice || peer.Keys == nil || !peer.Revoked.IsZero() || !peer.Keys.VerifyToken(BehalfLabel, s.Body, s.Signature) {
		return b, denied
	}
	if err := wire.Unmarshal(s.Body, &b); err != nil || b.Version != 1 {
		return Behalf{}, directory.Errorf("ask", directory.Newer, "the question is asked on behalf of somebody in a format this node does not read; upgrade it")
	}
	now, until := o.Now(), time.Unix(b.Expires, 0)
	holds := until.After(now.Add(-behalfSkew)) && until.Before(now.Add(behalfLife+behalfSkew))
	_, known := o.Directory.Office(b.SignedInAt)
	if !holds || !known || b.To != o.self() || !sameCode(b.Code, code) || b.Account == "" {
		return Behalf{}, denied
	}
	return b, nil
}

func sameCode(a, b string) bool {
	x, ok := dossier.NormalCode(a)
	y, also := dossier.NormalCode(b)
	return ok && also && x == y
}

// askers bounds for how many people one office's node asks: enough for a busy portal, and far from a whole province.
type askers struct {
	mu sync.Mutex
	by map[replication.Name]*asked
}

type asked struct {
	since    time.Time
	accounts map[directory.AccountID]bool
}

const (
	askWindow   = time.Hour
	maxAskedFor = 300 // accounts, of one office in a window
)

// admit tells whether an office may ask for this account too. Only offices get here, so the map is bounded by theirs.
func (s *askers) admit(from replication.Name, id directory.AccountID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[replication.Name]*asked{}
	}
	a := s.by[from]
	if a == nil || now.Sub(a.since) > askWindow {
		a = &asked{now, map[directory.AccountID]bool{}}
		s.by[from] = a
	}
	if len(a.accounts) >= maxAskedFor && !a.accounts[id] {
		return false
	}
	a.accounts[id] = true
	return true
}
