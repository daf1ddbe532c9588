// Package office is what an office does with dossiers: the use cases behind every page, and the taking in of parcels.
//
// Every act has one shape: load what is known, decide (package dossier: the event, or the rule that forbids it), sign, and
// append in one transaction that expects the head it was decided on. That transaction also holds the row for the lists, the
// parcels that the act sends, the track to report and the answer to give if the act is asked for again.
//
// # What is promised
//
//   - A "yes" to a person or a peer follows a durable commit; a crash before it leaves nothing but files that a sweep
//     removes.
//   - An act bears a token chosen by who asks (a form's token, a draft's id, a parcel's id). Asked again it has no second
//     effect and gets the same answer.
//   - Nothing here waits for the network but where the answer is by nature elsewhere: an account not known here, a dossier
//     of another office. Then it says so and how old the answer is.
//   - Chains of other offices are verified whole before they are stored.
//
// # What is not
//
// It shows nothing and parses no requests: package web does. It carries no parcels: it is the courier's outbox and inbox.
package office

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/directory"
	"motcua/node/blob"
	"motcua/node/calendar"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/spool"
)

// Directory is the local, verified copy of the public tables. It answers from memory.
type Directory interface {
	replication.Resolver
	// Number is that of the edition, 0 for none yet.
	Number() uint64
	Office(directory.OfficeCode) (directory.Office, bool)
	// Procedure returns a version of a procedure; Current the one valid on a date.
	Procedure(code string, version uint32) (directory.Procedure, bool)
	Current(code string, on directory.Date) (directory.Procedure, bool)
	Fields(directory.Date) []directory.Field
	// Calendar is false before the first was published.
	Calendar() (directory.Calendar, bool)
	// Predecessors counts the machines an office had before the present one, on the day that one was enrolled; else 0.
	Predecessors(office directory.OfficeCode, on directory.Date) int
	// Signer returns whose signing key this is or was, by its ID.
	Signer(key digest.Digest) (replication.Peer, bool)
}

// Calls are the questions only the directory servers answer. Each may fail because they are out of reach; a business answer
// is a *directory.Error.
type Calls interface {
	Register(context.Context, directory.Account) (directory.Account, error)
	// SignIn returns the account of a login, with its verifier, to whoever knows its password: derive makes the verifier of
	// it under the parameters that the directory names. A wrong login or password is Denied.
	SignIn(ctx context.Context, login string, derive func(ctx context.Context, params string) (verifier string, err error)) (directory.Account, error)
	// AccountByID returns an account without its verifier.
	AccountByID(context.Context, directory.AccountID) (directory.Account, error)
	// Staff returns all who have, or ever had, a role in the office.
	Staff(context.Context, directory.OfficeCode) ([]directory.Account, error)
	// ReportAll brings all tracks that wait to the directory: pending gives at most n after a code, in order; sent is told which are
	// durable there.
	ReportAll(ctx context.Context, pending func(after string, n int) ([]directory.Track, error), sent func([]directory.Track) error) error
	// ReportOpen tells how many dossiers of each version are in progress here, in the order of code and version.
	ReportOpen(context.Context, []directory.OpenCount) error
	// Lookup returns a track without its checks; Prove tells whether the last four digits fit a code.
	Lookup(ctx context.Context, code string) (directory.Track, error)
	Prove(ctx context.Context, code, lastFour string) (bool, error)
	Mine(context.Context, directory.AccountID) ([]directory.Track, error)
}

// Peers asks another office's node about a dossier it answers for. See Serve for the other side.
type Peers interface {
	// Ask sends one question and returns the answer; a file's bytes follow in the reader, which is nil for every other
	// question. Close it.
	Ask(ctx context.Context, office replication.Name, q Question) (Answer, io.ReadCloser, error)
}

// Passwords makes and checks verifiers.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	// Derive makes the verifier of a password under the parameters of another.
	Derive(ctx context.Context, params, password string) (verifier string, err error)
	// Check fails with an error only when it could not be done (too busy); a wrong password is false.
	Check(ctx context.Context, verifier, password string) (bool, error)
}

// Spool packs parcels durably.
type Spool interface {
	Pack(d spool.Draft, signer *record.Key, to *seal.PublicKey, body []byte, files []replication.File) (replication.Parcel, error)
	Drop(id digest.Digest) error
	Sweep(keep func(id digest.Digest) bool) (removed int, err error)
}

// Config is what an office works with. All fields but Ring, Accounts, Offices, Now, Log, Wake and Progress are required.
type Config struct {
	Code     directory.OfficeCode
	Identity *identity.Private
	// Ring holds Identity and is where another takes its place; by default there is none.
	Ring      *identity.Ring
	Store     *store.Store
	Blobs     *blob.Store
	Spool     Spool
	Directory Directory
	Calls     Calls
	Peers     Peers
	Passwords Passwords
	// Accounts changes accounts. It may be nil: then nobody's is changed here (a simulation).
	Accounts Accounts
	// Offices are those that have a node. Some of them are asked after the start what they keep of this one; nil: nobody is.
	Offices func() []replication.Name
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Log defaults to nothing.
	Log *slog.Logger
	// Wake is called with the recipient of a parcel just committed. It must not block.
	Wake func(replication.Name)
	// Progress tells how a parcel that waits is coming along; by default nothing is known.
	Progress func(replication.Name, replication.Queued) replication.Progress
}

// Office is the use cases of one office. It is safe for concurrent use.
type Office struct {
	Config
	contact  atomic.Int64 // Unix milliseconds of the last word from outside
	report   chan struct{}
	handing  chan struct{}          // there may be something to hand over
	hindered atomic.Pointer[string] // why not all could be handed over, the last time
	window   int                    // chains under way at once in a hand-over
	recovery atomic.Uint64          // epoch in which the directory was last recovered
	spend    atomic.Bool            // a recovery code was used and the directory may not know
	guesses  guesses
	askers   askers
	checks   checks
	reach    reach
	census   census
	regain   regaining

	mu       sync.Mutex
	calendar *calendar.Calendar // of the version in it
	raw      uint32
}

// New makes an office, and removes from the spool the parcels that no act came to send. Nothing runs before Background.
func New(c Config) *Office {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Wake == nil {
		c.Wake = func(replication.Name) {}
	}
	if c.Progress == nil {
		c.Progress = func(replication.Name, replication.Queued) (p replication.Progress) { return p }
	}
	if c.Ring == nil {
		c.Ring = identity.NewRing(c.Identity)
	}
	o := &Office{Config: c, report: make(chan struct{}, 1), handing: make(chan struct{}, 1), window: handOverWindow, checks: newChecks()}
	if c.Offices != nil {
		o.regain.first = make(chan struct{})
	}
	o.sweepSpool()
	return o
}

// key is what the office signs with now.
func (o *Office) key() *record.Key { return o.Ring.Now().Sign }

// self is the office's name on the network.
func (o *Office) self() replication.Name { return replication.Name(o.Code) }

func (o *Office) today() directory.Date { return directory.DateOf(o.Now()) }

// heard notes a word from outside.
func (o *Office) heard() {
	o.noted()
	o.reach.heard()
}

// noted is heard for the answer of one office, which says nothing of whether others are in reach.
func (o *Office) noted() { o.contact.Store(o.Now().UnixMilli()) }

// days returns the calendar in force.
func (o *Office) days() (*calendar.Calendar, error) {
	pub, ok := o.Directory.Calendar()
	if !ok {
		return nil, directory.Errorf("due date", directory.NotFound, "no calendar in edition %d: connect this node to the directory, or read a newer edition from a stick", o.Directory.Number())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.calendar != nil && o.raw == pub.Version {
		return o.calendar, nil
	}
	c, err := calendar.New(pub)
	if err != nil {
		return nil, fmt.Errorf("due date: %w; have the directory publish a calendar", err)
	}
	o.calendar, o.raw = c, pub.Version
	return c, nil
}

// due computes a due date and its explanation.
func (o *Office) due(received time.Time, l directory.Limit) (time.Time, calendar.Explanation, error) {
	c, err := o.days()
	if err != nil {
		return time.Time{}, calendar.Explanation{}, err
	}
	return c.Due(received, l)
}

// ref names an office as it is named on a date.
func (o *Office) ref(code string, on directory.Date) Ref {
	r := Ref{Code: directory.OfficeCode(code), Name: directory.Text{VI: code}}
	if f, ok := o.Directory.Office(r.Code); ok {
		r.Name = f.NameOn(on)
	}
	return r
}

// keyOf returns the signing key that an office had. What was signed after the key was revoked is refused.
func (o *Office) keyOf(office string, at int64, signer digest.Digest) (*record.PublicKey, error) {
	if own := o.key().Public(); office == string(o.Code) && signer == own.ID() {
		return own, nil
	}
	p, ok := o.Directory.Signer(signer)
	if !ok || p.Keys == nil {
		return nil, fmt.Errorf("key %s is not in edition %d: %w", signer.Short(), o.Directory.Number(), replication.ErrUnknown)
	}
	if string(p.Name) != office {
		return nil, fmt.Errorf("key %s is %s's, not %s's: %w", signer.Short(), p.Name, office, record.ErrSignature)
	}
	if !p.Trusted(time.UnixMilli(at)) {
		return nil, fmt.Errorf("%s: %w", office, errRevoked)
	}
	return p.Keys.Sign, nil
}

var errRevoked = errors.New("its key was revoked before it signed this")

// act is who does something now.
func (o *Office) act(a directory.Account) dossier.Act {
	return dossier.Act{
		At: o.Now().UnixMilli(), Account: a.ID, Name: a.Name, Roles: o.Roles(a),
		Office: string(o.Code), Edition: o.Directory.Number(),
	}
}

// system is the node acting by itself.
func (o *Office) system() dossier.Act { return o.act(directory.Account{}) }

// Roles are those that an account has in this office today.
func (o *Office) Roles(a directory.Account) (out []directory.Role) {
	for _, r := range []directory.Role{directory.DeskOfficer, directory.Specialist, directory.Signatory, directory.Admin} {
		if a.Has(o.Code, r, o.today()) {
			out = append(out, r)
		}
	}
	return out
}

// staff refuses an account without a role in this office.
func (o *Office) staff(op string, a directory.Account) error {
	if len(o.Roles(a)) == 0 {
		return directory.Errorf(op, directory.Denied, "the account has no role in office %s", o.Code)
	}
	return nil
}

// missing turns the store's word for nothing there into the directory's, which pages know.
func missing(op string, err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, blob.ErrNotFound) {
		return directory.Errorf(op, directory.NotFound, "no such dossier, submission or file at this office")
	}
	return err
}
