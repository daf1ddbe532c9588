package client

import (
	"motcua/crypto/wire"
	"motcua/directory"
)

// SessionProtocol is for enrolled nodes with many questions: one long-lived stream carries them and their answers, batched as
// they come and answered in any order. A call that would hold up the others has a stream of [Protocol] to itself.
const SessionProtocol = "directory/2"

// Calls is what a node sends on a session. Numbers grow within a session.
type Calls struct {
	Calls []Call `cbor:"1,keyasint"`
}

// Call is one request. Its bytes stand for themselves: one that the server cannot read fails alone.
type Call struct {
	Number  uint64 `cbor:"1,keyasint"`
	Request []byte `cbor:"2,keyasint"` // wire encoding of Request
}

// Answers is what a server sends on a session: at its beginning, when there are answers, and while calls wait every
// [Beat], so that a server which is at work is told apart from one that is gone.
type Answers struct {
	Answers []Answer `cbor:"1,keyasint"`
	// Leader is the server that decides changes, as far as this one knows; "" while there is none.
	Leader string `cbor:"2,keyasint,omitempty"`
}

// Answer is the answer to the call of the number. One that is too large for a session has no response: the same request, put
// by itself, gets it.
type Answer struct {
	Number   uint64 `cbor:"1,keyasint"`
	Response []byte `cbor:"2,keyasint,omitempty"` // wire encoding of Response
	Alone    bool   `cbor:"3,keyasint,omitempty"` // put the request by itself
}

// Bounds of a session. Sizes are bytes of requests and responses.
const (
	MaxSessionCalls = 1024     // without an answer yet
	MaxSessionOpen  = 1 << 20  // of their requests
	MaxSessionItem  = 64 << 10 // of one request or response
	maxFrameItems   = 64 << 10 // in a frame, besides its last
	MaxFrame        = maxFrameItems + MaxSessionItem + MaxSessionCalls*24 + 1024
)

// FitsFrame tells whether an item may still be put into a frame that holds size bytes in n items.
func FitsFrame(n, size int) bool { return n < MaxSessionCalls && size < maxFrameItems }

// Validate checks the bounds.
func (c Calls) Validate() error {
	if len(c.Calls) > MaxSessionCalls {
		return directory.Errorf("session", directory.Exhausted, "%d calls in a frame, at most %d", len(c.Calls), MaxSessionCalls)
	}
	for _, call := range c.Calls {
		if len(call.Request) > MaxSessionItem {
			return directory.Errorf("session", directory.Exhausted, "request of %d bytes, at most %d", len(call.Request), MaxSessionItem)
		}
	}
	return nil
}

// response reads what an answer brings: a failure is an error.
func (a Answer) response() (r Response, err error) {
	if err := wire.Unmarshal(a.Response, &r); err != nil {
		return r, err
	}
	if r.Failure != nil {
		return r, r.Failure
	}
	return r, nil
}
