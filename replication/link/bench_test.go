package link_test

import (
	"context"
	"io"
	"net"
	"testing"

	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// realLink opens a link on a socket of this machine that everybody in the book knows.
func realLink(t testing.TB, book *replicationtest.Book, name replication.Name) *link.Link {
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	sock, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	book.Add(name, sock.LocalAddr().String(), id.Public())
	l, err := link.New(link.Config{Name: name, Identity: id, Resolver: book, Conn: sock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// BenchmarkAsk is a stream opened, a message of 2 KiB each way, and its end, 32 at a time.
func BenchmarkAsk(b *testing.B) {
	book := replicationtest.NewBook()
	x, y := realLink(b, book, "X"), realLink(b, book, "Y")
	y.Handle("echo/1", link.Known, echo)
	text := string(make([]byte, 2<<10))
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := ask(b.Context(), x, "Y", text); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkBytes is one stream that carries as much as it can.
func BenchmarkBytes(b *testing.B) {
	book := replicationtest.NewBook()
	x, y := realLink(b, book, "X"), realLink(b, book, "Y")
	got := make(chan int64, 1)
	y.Handle("sink/1", link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) {
		n, _ := io.Copy(io.Discard, s)
		got <- n
	})
	s, err := x.Dial(b.Context(), "Y", "sink/1")
	if err != nil {
		b.Fatal(err)
	}
	piece := make([]byte, 1<<20)
	b.SetBytes(int64(len(piece)))
	for b.Loop() {
		if _, err := s.Write(piece); err != nil {
			b.Fatal(err)
		}
	}
	s.CloseWrite()
	<-got
}
