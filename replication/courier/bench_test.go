package courier_test

import (
	"context"
	"net"
	"testing"
	"time"

	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// machine is one office on a real socket and disk.
func machine(b *testing.B, name replication.Name, book *replicationtest.Book) (*courier.Courier, *spool.Spool, *replicationtest.Outbox, *identity.Private) {
	id, err := identity.Generate()
	if err != nil {
		b.Fatal(err)
	}
	sock, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	book.Add(name, sock.LocalAddr().String(), id.Public())
	l, err := link.New(link.Config{Name: name, Identity: id, Resolver: book, Conn: sock})
	if err != nil {
		b.Fatal(err)
	}
	s, err := spool.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	outbox := replicationtest.NewOutbox()
	c := courier.New(courier.Config{
		Self: name, Identity: id, Link: l, Spool: s, Outbox: outbox,
		Inbox: replicationtest.NewInbox(id.Sign), Resolver: book,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	b.Cleanup(func() { cancel(); l.Close(); <-ended })
	return c, s, outbox, id
}

// BenchmarkParcel sends parcels of 20 KiB over loopback UDP: sealed, signed, durable in the spool, received, verified,
// opened, receipted and settled. The stores of outbox and inbox are in memory.
func BenchmarkParcel(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"20KiB", 20 << 10}, {"8MiB", 8 << 20}} {
		b.Run(size.name, func(b *testing.B) {
			book := replicationtest.NewBook()
			a, s, outbox, id := machine(b, "A", book)
			_, _, _, to := machine(b, "B", book)
			file := replicationtest.File(noise(size.bytes))
			b.SetBytes(int64(size.bytes))
			b.ResetTimer()
			for range b.N {
				d := spool.Draft{From: "A", To: "B", Created: time.Now(), Expires: time.Now()}
				p, err := s.Pack(d, id.Sign, to.Seal.Public(), []byte("body"), []replication.File{file})
				if err != nil {
					b.Fatal(err)
				}
				outbox.Put(p)
				a.Wake("B")
			}
			for outbox.Unsettled() > 0 {
				time.Sleep(time.Millisecond)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "parcels/s")
		})
	}
}
