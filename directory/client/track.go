package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"motcua/directory"
	"motcua/directory/command"
)

// The measures of a report of everything that waits. A part fits the stream that calls share, so that all parts travel on one.
const (
	partBytes   = 48 << 10
	partsAtOnce = 4
	partTime    = 20 * time.Second // 200 KiB of parts take 4 s at 512 kbit/s
)

// ReportAll brings all tracks that wait to the directory in one exchange: a week's 20,000 in some hundred parts, a few of them on the
// way at once. Pending returns at most n tracks whose codes come after one ("" for the first), in their order, and is asked until it
// has no more. Sent is called with each part that is decided and durable on a majority of servers, one at a time, while pending may be
// asked for the next.
//
// On an error what was not sent still waits, and the next exchange goes on from there. A part that is sent again by the same client
// carries the id it had, and has no second effect.
func (c *Client) ReportAll(ctx context.Context, pending func(after string, n int) ([]directory.Track, error), sent func([]directory.Track) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	x := &exchange{c: c, cancel: cancel, sent: sent, room: make(chan struct{}, partsAtOnce)}
	for after := ""; ctx.Err() == nil; {
		page, err := pending(after, directory.MaxTrackBatch)
		if err != nil || len(page) == 0 {
			x.end(err)
			break
		}
		after = page[len(page)-1].Code
		for len(page) > 0 && ctx.Err() == nil {
			n := fitting(page)
			x.put(ctx, page[:n:n])
			page = page[n:]
		}
	}
	x.work.Wait()
	if x.err == nil {
		x.err = ctx.Err()
	}
	return x.err
}

// fitting is how many of the tracks fit a part; one always does.
func fitting(tracks []directory.Track) int {
	size := 0
	for i, t := range tracks {
		if size += trackBytes(t); size > partBytes && i > 0 {
			return i
		}
	}
	return len(tracks)
}

// trackBytes is at least the bytes of a track on the way.
func trackBytes(t directory.Track) int {
	return 40 + len(t.Code) + len(t.Alias) + len(t.Root) + len(t.Holder) + len(t.State) + len(t.Applicant) + 35*len(t.Checks)
}

// exchange is one report of everything.
type exchange struct {
	c      *Client
	cancel context.CancelFunc
	sent   func([]directory.Track) error
	room   chan struct{}
	work   sync.WaitGroup

	mu  sync.Mutex // held while sent runs
	err error      // the first
}

func (x *exchange) end(err error) {
	if err == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = err
	}
	x.cancel()
}

// put sends a part once there is room.
func (x *exchange) put(ctx context.Context, part []directory.Track) {
	select {
	case x.room <- struct{}{}:
	case <-ctx.Done():
		return
	}
	x.work.Go(func() {
		defer func() { <-x.room }()
		call, cancel := context.WithTimeout(ctx, partTime)
		defer cancel()
		err := x.c.reportAlone(call, part)
		if err == nil {
			x.mu.Lock()
			err = x.sent(part)
			x.mu.Unlock()
		}
		if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
			x.end(err)
		}
	})
}

// idOf is the id of a report: the same for the same bytes from this client, and nobody else's to guess.
func (c *core) idOf(body []byte) command.RequestID {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := sha256.New()
	h.Write(c.salt[:])
	h.Write(body)
	return command.RequestID(h.Sum(nil)[:16])
}

func (c *core) resalt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	rand.Read(c.salt[:])
}
