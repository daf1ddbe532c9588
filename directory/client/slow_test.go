package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// members is a replica that knows one server.
type members []directory.Member

func (m members) Members() []directory.Member { return m }

func (m members) Epoch() uint64 { return 0 }

// TestASlowLineFetchesAnEdition: the edition of a whole province comes over a slow line, after the server has waited for it as
// long as it may. A server that stands still in the middle is given up.
func TestASlowLineFetchesAnEdition(t *testing.T) {
	big := bytes.Repeat([]byte("thủ tục "), 800_000)
	synctest.Test(t, func(t *testing.T) {
		net, book := replicationtest.NewNetwork(), replicationtest.NewBook()
		open := func(name replication.Name, addr string, key byte) *link.Link {
			id := directorytest.Identity(key)
			book.Add(name, addr, id.Public())
			l, err := link.New(link.Config{Name: name, Identity: id, Resolver: book, Conn: net.Listen(addr)})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		node, server := open("H32.1", "10.0.0.1:7400", 100), open("dir-1", "10.0.0.2:7400", 10)
		defer server.Close()
		defer node.Close()
		still := false
		server.Handle(Protocol, link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) {
			var q Request
			s.Receive(&q, MaxRequest)
			time.Sleep(MaxWait * time.Millisecond)
			dribble(t, s, big, still)
		})
		c, start := New(node, members{directorytest.Member(1)}), time.Now()
		got, err := c.AwaitEdition(t.Context(), edition.Held{Number: 1})
		if err != nil || !bytes.Equal(got, big) || time.Since(start) < 2*time.Minute {
			t.Errorf("%d bytes after %v, error %v", len(got), time.Since(start), err)
		}
		still, start = true, time.Now()
		if _, err := c.AwaitEdition(t.Context(), edition.Held{Number: 1}); directory.CodeOf(err) != directory.NoLeader || time.Since(start) > 5*time.Minute {
			t.Errorf("a server that stands still: %v after %v", err, time.Since(start))
		}
	})
}

// dribble answers at the pace of a line of 256 kbit/s; still: it stops in the middle.
func dribble(t *testing.T, s *link.Stream, whole []byte, still bool) {
	body, err := wire.Marshal(whole)
	if err != nil {
		t.Error(err)
	}
	b, err := wire.Marshal(Response{Body: body})
	if err != nil {
		t.Error(err)
	}
	b = append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	half := len(b) / 2
	for len(b) > 0 {
		if still && len(b) < half {
			time.Sleep(10 * time.Minute)
		}
		n, err := s.Write(b[:min(32<<10, len(b))])
		if err != nil {
			return
		}
		b = b[n:]
		time.Sleep(time.Second)
	}
}
