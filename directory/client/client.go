// Package client asks the directory's servers on behalf of a node. Any server will do: the one that leads, or that answered
// last, is asked first, and when it is slow or silent the next beside it. Calls that run side by side share a stream.
//
// # What it promises
//
// A change ([Client.Register], [Client.Report], [Client.Announce]) that returns without an error is decided and durable
// on a majority of servers. It is made once, however often it is sent on the way. A reader sees what it has written; who
// needs it fresher, or may have it older, says so: see [Freshness] and [Client.With].
//
// # Without the directory
//
// A call then fails with the code NoLeader, within the time of its context or a dozen seconds. Nothing an office needs to
// go on working depends on these calls.
package client

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/replication/link"
)

// Replica is what a client needs to know of a node's copy of the public tables.
type Replica interface {
	Members() []directory.Member
	// Epoch numbers the set of members.
	Epoch() uint64
}

// Client asks. It is safe for concurrent use.
type Client struct {
	*core
	fresh Freshness
}

// core is what clients of every freshness share.
type core struct {
	link    *link.Link
	replica Replica
	log     *slog.Logger

	mu     sync.Mutex
	good   string // server that answered last
	leader string // server that leads, as far as one has told
	seen   uint64 // place in the log of our last change

	sessions sessions
	reports  reports
	salt     [16]byte // of the ids of reports
}

// New makes a client, whose calls go over the link to the members that the replica knows.
func New(l *link.Link, r Replica) *Client {
	c := &core{link: l, replica: r, log: slog.New(slog.DiscardHandler), sessions: newSessions()}
	rand.Read(c.salt[:])
	return &Client{core: c}
}

// With returns the same client whose questions are answered as fresh as is said. What one of the two writes the other reads.
func (c *Client) With(f Freshness) *Client { return &Client{core: c.core, fresh: f} }

// LogTo has the client say which servers do not answer. Call it before the first question.
func (c *Client) LogTo(log *slog.Logger) *Client {
	c.log = log
	return c
}

func request(op Op, body any) (Request, error) {
	q := Request{Op: op}
	if body == nil {
		return q, nil
	}
	b, err := wire.Marshal(body)
	q.Body = b
	return q, err
}

func (c *Client) ask(ctx context.Context, name string, op Op, body, out any) error {
	q, err := request(op, body)
	if err != nil {
		return err
	}
	return c.call(ctx, name, q, 0, out)
}

// Register makes a citizen's or business's account and returns it as it now stands. A login that is taken is a Conflict,
// an identity number that has an account already is Known; the same account again is neither.
func (c *Client) Register(ctx context.Context, a directory.Account) (directory.Account, error) {
	var out directory.Account
	err := c.ask(ctx, "register account", OpJoin, a, &out)
	return out, err
}

// SignIn returns the account of a login, with its verifier, to an office whose visitor knows the password; staff only to an
// office that they have a role in. Derive makes the verifier from the password and the parameters it is given
// (PHC form with an empty sum), which say nothing of whether the login exists. The error is Denied for a wrong login or
// password, Exhausted after too many of them; one of derive is returned as it is.
func (c *Client) SignIn(ctx context.Context, login string, derive func(ctx context.Context, params string) (verifier string, err error)) (directory.Account, error) {
	return c.Enter(ctx, login, Device{}, derive)
}

// AccountByID returns an account without its verifier; NotFound if there is none, or if it is of staff with no role in the
// caller's office. One that has become part of another is disabled and names the other as Merged.
func (c *Client) AccountByID(ctx context.Context, id directory.AccountID) (directory.Account, error) {
	var out directory.Account
	err := c.ask(ctx, "account", OpPerson, id, &out)
	return out, err
}

// Staff returns the accounts of the roster of the caller's office; any other office is Denied.
func (c *Client) Staff(ctx context.Context, office directory.OfficeCode) ([]directory.Account, error) {
	r, err := c.Roster(ctx, office)
	return r.Accounts, err
}

// ReportOpen tells how many dossiers are in progress here, by procedure and version, in place of what was told before.
func (c *Client) ReportOpen(ctx context.Context, counts []directory.OpenCount) error {
	return c.ask(ctx, "report open dossiers", OpReportOpen, counts, nil)
}

// Lookup returns the track of a dossier or submission code, without its checks and applicant; NotFound if there is none.
func (c *Client) Lookup(ctx context.Context, code string) (directory.Track, error) {
	var out directory.Track
	err := c.ask(ctx, "lookup", OpLookup, code, &out)
	return out, err
}

// Prove tells whether the last four digits that a person who is not signed in has typed fit the code. Too many wrong
// answers for a code are Exhausted for an hour.
func (c *Client) Prove(ctx context.Context, code, lastFour string) (bool, error) {
	var out bool
	err := c.ask(ctx, "prove", OpProve, Proof{code, directory.TrackCheck(code, lastFour)}, &out)
	return out, err
}

// Mine returns the tracks of an applicant's dossiers at all offices, newest first, at most state.MaxMine. An office may name
// anybody as applicant: what a track says is only certain once its root office has confirmed it.
func (c *Client) Mine(ctx context.Context, id directory.AccountID) ([]directory.Track, error) {
	var out []directory.Track
	err := c.ask(ctx, "mine", OpMine, id, &out)
	return out, err
}

// Announce tells the directory where this node is: UDP host:port, and the base URL that people use.
func (c *Client) Announce(ctx context.Context, addr, portal string) error {
	return c.ask(ctx, "announce", OpAnnounce, Place{addr, portal}, nil)
}
