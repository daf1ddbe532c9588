package client

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/replication"
)

// patience is how long one server is given to answer; hurry is after how long the next is asked beside it.
const (
	patience = 11 * time.Second // in which the link finds a connection dead and makes another
	hurry    = 700 * time.Millisecond
)

// transferTime bounds the transfer of an edition: that of a whole province takes more than two minutes at 512 kbit/s. It may
// take long, but not stand still for longer than patience.
const transferTime = 20 * time.Minute

// anybodys are the questions that any server answers from its own tables.
var anybodys = []Op{OpEdition, OpStaff, OpLookup, OpMine, OpProve, OpSelf, OpParams, OpSignIn}

// order returns the servers' names, the last good one first.
func (c *core) order() []string {
	c.mu.Lock()
	good := c.good
	c.mu.Unlock()
	return c.from(good)
}

// orderFor returns the servers' names in the order in which they are asked: what needs the leader goes to it.
func (c *core) orderFor(q Request) []string {
	c.mu.Lock()
	leader := c.leader
	c.mu.Unlock()
	if leader != "" && (q.Fresh >= Leader || !slices.Contains(anybodys, q.Op)) {
		return c.from(leader)
	}
	return c.order()
}

func (c *core) from(first string) (out []string) {
	for _, m := range c.replica.Members() {
		if m.Name == first {
			out = append([]string{m.Name}, out...)
		} else {
			out = append(out, m.Name)
		}
	}
	return out
}

// led notes who leads, as a server has told; missed, that a server does not answer.
func (c *core) led(leader string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = leader
}

func (c *core) missed(server string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader == server {
		c.leader = ""
	}
	if c.good == server {
		c.good = ""
	}
}

// attempt is what came of asking one server, or is on the way: neither silent nor alone ends it.
type attempt struct {
	server   string
	response Response
	err      error
	raw      *Answer // the response, still to be read
	silent   bool    // it gives no sign of life
	alone    bool    // the request is to be put by itself
}

// conclusive tells whether the attempt ends the call: an answer does, be it a failure; silence, a server that finds no
// leader, or one that is to be upgraded first, does not.
func (a attempt) conclusive() bool {
	f, ok := errors.AsType[*directory.Error](a.err)
	return a.err == nil || ok && f.Code != directory.NoLeader && f.Code != directory.Newer
}

// race is one request on its way to one or more servers: the same request at two of them has one effect.
type race struct {
	c       *Client
	name    string
	q       Request
	wait    time.Duration
	left    []string // servers not asked yet
	running int
	results chan attempt // has room for all that may come
}

// call asks servers until one answers. The next is asked when one fails, is silent, or, unless the answer may take its time
// (an edition), is slow.
func (c *Client) call(ctx context.Context, name string, q Request, wait time.Duration, out any) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if q.ID == (command.RequestID{}) {
		rand.Read(q.ID[:])
	}
	c.mu.Lock()
	q.AtLeast, q.Fresh = c.seen, c.fresh
	c.mu.Unlock()
	left := c.orderFor(q)
	r := &race{c: c, name: name, q: q, wait: wait, left: left, results: make(chan attempt, 3*len(left))}
	a, ok := r.run(ctx)
	if !ok {
		return directory.Errorf(name, directory.NoLeader, "no server of the directory can be reached just now: try again later")
	}
	return c.conclude(a, out)
}

// run returns the attempt that ends the call, if one does.
func (r *race) run(ctx context.Context) (attempt, bool) {
	for r.ask(ctx); r.running > 0 && ctx.Err() == nil; {
		a, came := r.next(ctx)
		switch {
		case !came:
			r.ask(ctx)
			continue
		case a.silent:
			r.c.missed(a.server)
			r.ask(ctx)
			continue
		case a.alone:
			r.askAlone(ctx, a.server)
			continue
		}
		if a.raw != nil {
			a.response, a.err = a.raw.response()
		}
		if a.conclusive() {
			return a, true
		}
		r.running--
		r.c.missed(a.server)
		r.c.log.Debug("directory server did not answer", "peer", a.server, "op", r.name, "error", a.err)
		r.ask(ctx)
	}
	return attempt{}, false
}

// ask asks the next server, if there is one left.
func (r *race) ask(ctx context.Context) {
	if len(r.left) == 0 {
		return
	}
	server := r.left[0]
	r.left = r.left[1:]
	r.running++
	if r.q.Op == OpEdition || !r.c.join(server, r.q, r.results) {
		r.askAlone(ctx, server)
	}
}

func (r *race) askAlone(ctx context.Context, server string) {
	go func() {
		response, err := r.c.askOne(ctx, server, r.q, r.wait)
		r.results <- attempt{server: server, response: response, err: err}
	}()
}

// next waits for something to come; while another server could be asked, only for a moment.
func (r *race) next(ctx context.Context) (attempt, bool) {
	var moment <-chan time.Time
	if r.q.Op != OpEdition && len(r.left) > 0 {
		timer := time.NewTimer(hurry)
		defer timer.Stop()
		moment = timer.C
	}
	select {
	case a := <-r.results:
		return a, true
	case <-moment:
	case <-ctx.Done():
	}
	return attempt{}, false
}

func (c *Client) conclude(a attempt, out any) error {
	if a.err != nil {
		return a.err
	}
	c.mu.Lock()
	c.good = a.server
	c.seen = max(c.seen, a.response.Index)
	c.mu.Unlock()
	return decode(a.response.Body, out)
}

func decode(body []byte, out any) error {
	if out == nil {
		return nil
	}
	return wire.Unmarshal(body, out)
}

// askOne puts a request to a server on a stream of its own.
func (c *Client) askOne(ctx context.Context, server string, q Request, wait time.Duration) (r Response, err error) {
	most := patience
	if q.Op == OpEdition {
		most = transferTime
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	s, err := c.link.Dial(ctx, replication.Name(server), Protocol)
	if err != nil {
		return r, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	s.SetStall(patience + wait)
	if err := s.Send(q); err != nil {
		return r, err
	}
	if err := s.Receive(&r, MaxResponse); err != nil {
		return r, err
	}
	if r.Failure != nil {
		return r, r.Failure
	}
	return r, nil
}
