package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"motcua/crypto/identity"
	"motcua/node/office"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// pair is two links that know each other.
func pair(t *testing.T) (asking, answering *link.Link) {
	t.Helper()
	book := replicationtest.NewBook()
	open := func(name replication.Name) *link.Link {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		book.Add(name, conn.LocalAddr().String(), id.Public())
		l, err := link.New(link.Config{Name: name, Identity: id, Resolver: book, Conn: conn})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	return open("H32.1"), open("H32.2")
}

// TestFilesAreWholeOrFail: a file that the other node breaks off, however it does, is never taken for a shorter one.
func TestFilesAreWholeOrFail(t *testing.T) {
	asking, answering := pair(t)
	whole := bytes.Repeat([]byte("giấy tờ "), 40_000)
	for name, c := range map[string]struct {
		sent int
		end  func(*link.Stream)
		fine bool
	}{
		"whole":                {len(whole), func(*link.Stream) {}, true},
		"ended early":          {len(whole) / 2, func(*link.Stream) {}, false},
		"broken off":           {len(whole) / 2, (*link.Stream).Cancel, false},
		"nothing but the head": {0, func(*link.Stream) {}, false},
	} {
		answering.Handle(office.Protocol, link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) {
			var q office.Question
			if err := s.Receive(&q, office.MaxQuestion); err != nil {
				t.Error(err)
			}
			s.Send(office.Answer{Version: 1, File: &office.FileHead{Name: "a", Size: int64(len(whole))}})
			s.Write(whole[:c.sent])
			c.end(s)
		})
		a, r, err := peers{asking}.Ask(t.Context(), "H32.2", office.Question{Version: 1, Kind: office.AskFile})
		if err != nil || a.File == nil {
			if c.fine || err == nil { // a stream that was reset may lose its head too
				t.Errorf("%s: %+v %v", name, a, err)
			}
			continue
		}
		got, err := io.ReadAll(r)
		r.Close()
		if (err == nil) != c.fine || c.fine && !bytes.Equal(got, whole) {
			t.Errorf("%s: %d bytes, error %v", name, len(got), err)
		}
		if name == "ended early" && !errors.Is(err, errShort) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnswersWithoutFile: an error and a line come back as they are, and no reader with them.
func TestAnswersWithoutFile(t *testing.T) {
	asking, answering := pair(t)
	answering.Handle(office.Protocol, link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) {
		var q office.Question
		s.Receive(&q, office.MaxQuestion)
		s.Send(office.Answer{Version: 1, Procedure: q.Code})
	})
	a, r, err := peers{asking}.Ask(t.Context(), "H32.2", office.Question{Version: 1, Kind: office.AskLine, Code: "c"})
	if err != nil || r != nil || a.Procedure != "c" {
		t.Errorf("%+v %v %v", a, r, err)
	}
	if _, _, err := (peers{asking}).Ask(t.Context(), "H32.3", office.Question{Version: 1}); !errors.Is(err, replication.ErrUnknown) {
		t.Errorf("asking nobody: %v", err)
	}
}
