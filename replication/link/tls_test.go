package link

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// TestCertificatesAreRenewedByThemselves: at sixty of ninety days, for the next connection, without a restart. A transfer that is
// under way goes on.
func TestCertificatesAreRenewedByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, book := replicationtest.NewNetwork(), replicationtest.NewBook()
		var ahead atomic.Int64
		open := func(name replication.Name, addr string) *Link {
			id, err := identity.Generate()
			if err != nil {
				t.Fatal(err)
			}
			book.Add(name, addr, id.Public())
			l, err := New(Config{Name: name, Identity: id, Resolver: book, Conn: net.Listen(addr)})
			if err != nil {
				t.Fatal(err)
			}
			l.certs.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			return l
		}
		a, b, c := open("A", "10.0.0.1:7400"), open("B", "10.0.0.2:7400"), open("C", "10.0.0.3:7400")
		defer a.Close()
		defer b.Close()
		defer c.Close()
		a.Handle("echo/1", Known, func(_ context.Context, _ Caller, s *Stream) { io.Copy(s, s) })
		long, first := dial(t, b)
		echo(t, long, "before")
		for _, days := range []int{30, 59} {
			ahead.Store(int64(time.Duration(days) * 24 * time.Hour))
			if cert, err := a.certs.get(); err != nil || !bytes.Equal(cert.Certificate[0], first.Raw) {
				t.Errorf("another certificate after %d days: %v", days, err)
			}
		}
		ahead.Store(int64(61 * 24 * time.Hour))
		_, second := dial(t, c)
		if left := second.NotAfter.Sub(time.Now().Add(time.Duration(ahead.Load()))); second.Equal(first) || left < 89*24*time.Hour || left > 91*24*time.Hour {
			t.Errorf("after 61 days a certificate is presented that ends in %v", left)
		}
		echo(t, long, "after")
		if _, again := dial(t, b); !again.Equal(first) {
			t.Error("a connection that is open was not used")
		}
	})
}

// TestAPeerThatKnowsOnlyTheOldKeysIsMet: it is shown the certificate it asks for, and nobody else's.
func TestAPeerThatKnowsOnlyTheOldKeysIsMet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := replicationtest.NewNetwork()
		behind, ahead := replicationtest.NewBook(), replicationtest.NewBook()
		ids := map[replication.Name]*identity.Private{}
		open := func(name replication.Name, addr string, knows *replicationtest.Book) *Link {
			id, err := identity.Generate()
			if err != nil {
				t.Fatal(err)
			}
			ids[name] = id
			behind.Add(name, addr, id.Public())
			ahead.Add(name, addr, id.Public())
			l, err := New(Config{Name: name, Identity: id, Ring: identity.NewRing(id), Resolver: knows, Conn: net.Listen(addr)})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		a, b, c := open("A", "10.0.0.1:7400", ahead), open("B", "10.0.0.2:7400", behind), open("C", "10.0.0.3:7400", ahead)
		defer a.Close()
		defer b.Close()
		defer c.Close()
		a.Handle("echo/1", Known, func(_ context.Context, _ Caller, s *Stream) { io.Copy(s, s) })
		next, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		ahead.Rotate("A", ids["A"].Public(), next.Public())
		a.cfg.Ring.Replace(next)
		for l, want := range map[*Link]*identity.Private{b: ids["A"], c: next} {
			s, cert := dial(t, l)
			echo(t, s, "hello")
			if point, err := identity.PeerPoint([][]byte{cert.Raw}); err != nil || !bytes.Equal(point, want.Public().TLS) {
				t.Errorf("%s is shown another key: %v", l.cfg.Name, err)
			}
		}
		a.cfg.Ring.Forget(ids["A"].Public().ID())
		if cert, err := a.certs.wanted(serverName(identity.TLSID(ids["A"].Public().TLS))); err != nil || cert.PrivateKey != next.TLS {
			t.Errorf("a key that was forgotten is presented: %v", err)
		}
	})
}

// dial opens a stream to A, and returns the certificate that A has presented.
func dial(t *testing.T, l *Link) (*Stream, *x509.Certificate) {
	t.Helper()
	s, err := l.Dial(t.Context(), "A", "echo/1")
	if err != nil {
		t.Fatal(err)
	}
	return s, s.c.s.TLS().PeerCertificates[0]
}

func echo(t *testing.T, s *Stream, text string) {
	t.Helper()
	got := make([]byte, len(text))
	s.SetDeadline(time.Now().Add(time.Minute))
	if _, err := s.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, got); err != nil || string(got) != text {
		t.Errorf("%q came back: %v", got, err)
	}
}
