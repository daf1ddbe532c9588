package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"motcua/directory"
	"motcua/directory/edition"
	"motcua/replication"
	"motcua/replication/link"
)

// EditionProtocol is how an edition is asked for, at a server of the directory or at any peer: who brings it does not matter,
// its signatures do.
const EditionProtocol = "edition/2"

// EditionQuestion asks for an edition newer than the one held; if there is none, the other side waits for it at most Wait
// milliseconds.
type EditionQuestion struct {
	Held edition.Held `cbor:"1,keyasint"`
	Wait uint32       `cbor:"2,keyasint,omitempty"`
}

// EditionAnswer is one word in answer. The last has Later unset.
type EditionAnswer struct {
	// Edition is in any form that edition.Receive reads; empty if there is none that is newer.
	Edition []byte `cbor:"1,keyasint,omitempty"`
	// Later: there is none yet, and the other side is still there and waits.
	Later bool `cbor:"2,keyasint,omitempty"`
	// Busy: too many are being served. Another may have it.
	Busy bool `cbor:"3,keyasint,omitempty"`
	// Coming: the next word is the edition, which may take its time.
	Coming bool `cbor:"4,keyasint,omitempty"`
}

// The measures of asking. The edition of a whole province takes more than two minutes at 512 kbit/s: a transfer may take
// long, but not stand still.
const (
	maxEditionQuestion = 128             // bytes
	laterEvery         = 3 * time.Second // a word that the one who waits is still there
	silence            = 7 * time.Second // after which it is not
	standstill         = 30 * time.Second
	asksEach           = 2 // questions of one peer at a time
)

// Shelf is where editions come from.
type Shelf interface {
	// Update returns the newest edition for a reader that holds another, in any form that edition.Receive reads; nil if it is
	// not newer.
	Update(held edition.Held) ([]byte, error)
	// Changed is closed once Update may say otherwise.
	Changed() <-chan struct{}
}

// Editions hands out editions from a shelf. It is safe for concurrent use.
type Editions struct {
	shelf Shelf
	room  chan struct{}

	mu    sync.Mutex
	peers map[replication.Name]int
}

// NewEditions hands out at most so many editions at once.
func NewEditions(s Shelf, atOnce int) *Editions {
	return &Editions{shelf: s, room: make(chan struct{}, atOnce), peers: map[replication.Name]int{}}
}

// Serve answers one question for an edition.
func (e *Editions) Serve(ctx context.Context, from link.Caller, s *link.Stream) error {
	ctx, cancel := context.WithTimeout(ctx, transferTime)
	defer cancel()
	defer context.AfterFunc(ctx, s.Cancel)()
	s.SetStall(patience)
	var q EditionQuestion
	if err := s.Receive(&q, maxEditionQuestion); err != nil {
		return err
	}
	if !e.enter(from.Peer.Name) {
		return s.Send(EditionAnswer{Busy: true})
	}
	defer e.leave(from.Peer.Name)
	b, err := e.await(ctx, s, q)
	if err != nil || len(b) == 0 {
		return errors.Join(err, s.Send(EditionAnswer{}))
	}
	select {
	case e.room <- struct{}{}:
		defer func() { <-e.room }()
		s.SetStall(standstill)
		return errors.Join(s.Send(EditionAnswer{Coming: true}), s.Send(EditionAnswer{Edition: b}))
	default:
		return s.Send(EditionAnswer{Busy: true})
	}
}

// await waits for an edition that is newer, and says every now and then that it does.
func (e *Editions) await(ctx context.Context, s *link.Stream, q EditionQuestion) ([]byte, error) {
	end := time.After(time.Duration(min(q.Wait, MaxWait)) * time.Millisecond)
	word := time.NewTicker(laterEvery)
	defer word.Stop()
	for {
		changed := e.shelf.Changed()
		b, err := e.shelf.Update(q.Held)
		if err != nil || len(b) > 0 {
			return b, err
		}
		select {
		case <-changed:
		case <-word.C:
			if err := s.Send(EditionAnswer{Later: true}); err != nil {
				return nil, err
			}
		case <-end:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (e *Editions) enter(name replication.Name) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.peers[name] >= asksEach {
		return false
	}
	e.peers[name]++
	return true
}

func (e *Editions) leave(name replication.Name) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.peers[name]--; e.peers[name] == 0 {
		delete(e.peers, name)
	}
}

// ErrBusy: the peer hands out too many editions just now.
var ErrBusy = errors.New("it hands out too many editions just now")

// AskEdition asks a server or a peer for an edition newer than the one held, for edition.Receive to read; nil if it has none. The
// other side waits for one as long as is said, at most MaxWait. Coming, unless nil, is called once it begins to come.
func AskEdition(ctx context.Context, l *link.Link, from replication.Name, held edition.Held, wait time.Duration, coming func()) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, transferTime)
	defer cancel()
	s, err := l.Dial(ctx, from, EditionProtocol)
	if err != nil {
		return nil, err
	}
	defer s.Cancel()
	defer context.AfterFunc(ctx, s.Cancel)()
	s.SetStall(silence)
	if err := s.Send(EditionQuestion{Held: held, Wait: uint32(wait.Milliseconds())}); err != nil {
		return nil, err
	}
	for {
		var a EditionAnswer
		if err := s.Receive(&a, edition.MaxSigned+1024); err != nil {
			return nil, err
		}
		switch {
		case a.Busy:
			return nil, fmt.Errorf("ask %s for an edition: %w", from, ErrBusy)
		case a.Coming:
			s.SetStall(standstill)
			if coming != nil {
				coming()
			}
		case !a.Later:
			return a.Edition, nil
		}
	}
}

// AwaitEdition asks the servers of the directory for an edition newer than the one held, for the replica to verify and install; nil
// if there is none within half a minute. A node that asks again and again has each new edition within a second.
func (c *Client) AwaitEdition(ctx context.Context, held edition.Held) ([]byte, error) {
	return c.askEditions(ctx, held, MaxWait*time.Millisecond)
}

// FetchEdition is AwaitEdition without the wait.
func (c *Client) FetchEdition(ctx context.Context, held edition.Held) ([]byte, error) {
	return c.askEditions(ctx, held, 0)
}

func (c *Client) askEditions(ctx context.Context, held edition.Held, wait time.Duration) ([]byte, error) {
	for _, server := range c.order() {
		b, err := AskEdition(ctx, c.link, replication.Name(server), held, wait, nil)
		if r, ok := errors.AsType[*link.Refused](err); ok && r.Why == link.UnknownProtocol {
			b, err = c.askWhole(ctx, server, held, wait)
		}
		if err == nil {
			c.mu.Lock()
			c.good = server
			c.mu.Unlock()
			return b, nil
		}
		if ctx.Err() != nil {
			break
		}
		c.log.Debug("directory server gave no edition", "peer", server, "error", err)
	}
	return nil, directory.Errorf("fetch edition", directory.NoLeader, "no server of the directory can be reached just now: try again later")
}

// askWhole asks a server that is not upgraded yet.
func (c *Client) askWhole(ctx context.Context, server string, held edition.Held, wait time.Duration) (b []byte, err error) {
	q, err := request(OpEdition, EditionWish{Have: held.Number, Wait: uint32(wait.Milliseconds()), Epoch: held.Epoch})
	if err != nil {
		return nil, err
	}
	r, err := c.askOne(ctx, server, q, wait)
	if err != nil {
		return nil, err
	}
	return b, decode(r.Body, &b)
}
