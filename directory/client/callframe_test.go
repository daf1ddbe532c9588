package client

import (
	"bytes"
	"testing"

	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
)

func TestFramesStay(t *testing.T) {
	q := marshal(t, Request{Op: OpLookup, ID: [16]byte{9}, Body: marshal(t, "H32.1-1"), AtLeast: 4, Fresh: Linearizable})
	golden.Check(t, "request-fresh", q)
	golden.Check(t, "calls", marshal(t, Calls{[]Call{{7, q}, {8, []byte{1}}}}))
	golden.Check(t, "answers", marshal(t, Answers{Answers: []Answer{{Number: 7, Response: marshal(t, Response{Index: 4})}, {Number: 8, Alone: true}}, Leader: "dir-2"}))
	golden.Check(t, "answers-beat", marshal(t, Answers{}))
}

// TestAFullFrameIsRead: what FitsFrame lets into a frame is never more than its reader takes.
func TestAFullFrameIsRead(t *testing.T) {
	for _, size := range []int{1, 100, maxFrameItems - 1, MaxSessionItem} {
		var c Calls
		for total := 0; FitsFrame(len(c.Calls), total); total += size {
			c.Calls = append(c.Calls, Call{1<<63 + uint64(len(c.Calls)), bytes.Repeat([]byte{1}, size)})
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%d calls of %d bytes: %v", len(c.Calls), size, err)
		}
		if b := marshal(t, c); len(b) > MaxFrame {
			t.Errorf("%d calls of %d bytes make a frame of %d, at most %d", len(c.Calls), size, len(b), MaxFrame)
		}
	}
	for _, bad := range []Calls{{make([]Call, MaxSessionCalls+1)}, {[]Call{{1, make([]byte, MaxSessionItem+1)}}}} {
		if directory.CodeOf(bad.Validate()) != directory.Exhausted {
			t.Errorf("a frame of %d calls is taken that nobody may send", len(bad.Calls))
		}
	}
}

// FuzzFrames reads whatever comes as a frame of either side, and as far as that goes, its items.
func FuzzFrames(f *testing.F) {
	for _, name := range []string{"calls", "answers", "answers-beat"} {
		f.Add(golden.Read(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Calls
		if wire.Unmarshal(b, &c) == nil && c.Validate() == nil {
			for _, call := range c.Calls {
				_ = wire.Unmarshal(call.Request, new(Request))
			}
		}
		var a Answers
		if wire.Unmarshal(b, &a) == nil {
			for _, answer := range a.Answers {
				_, _ = answer.response()
			}
		}
	})
}
