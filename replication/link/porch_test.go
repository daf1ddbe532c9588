package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"

	"motcua/crypto/identity"
)

// A caller that begins handshakes and ends none is cut short by their number and by time; others come in meanwhile.
func TestUnendedHandshakesByTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		w.net.BlockUDP(addrB, true)
		dial := w.net.DialTCP(addrC)
		var open atomic.Int64
		for range 3 * maxHandshakesFrom {
			c, err := dial(t.Context(), addrB)
			if err != nil {
				t.Fatal(err)
			}
			open.Add(1)
			go func() {
				c.Read(make([]byte, 1))
				open.Add(-1)
			}()
		}
		synctest.Wait()
		if n := open.Load(); n != maxHandshakesFrom {
			t.Errorf("%d handshakes from one address are under way, want %d", n, maxHandshakesFrom)
		}
		over(t, a, "B", false, time.Second)
		time.Sleep(handshakeTime + time.Second)
		if n := open.Load(); n != 0 {
			t.Errorf("%d of them are still there", n)
		}
		porchEmpties(t, b)
	})
}

func porchEmpties(t *testing.T, l *Link) {
	t.Helper()
	synctest.Wait()
	l.porch.mu.Lock()
	defer l.porch.mu.Unlock()
	if l.porch.all != 0 || len(l.porch.from) != 0 {
		t.Errorf("%d handshakes from %d addresses are still counted", l.porch.all, len(l.porch.from))
	}
}

func TestUnendedHandshakesByUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		stuck := &quic.Transport{Conn: w.net.Listen(addrC)}
		defer stuck.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cfg := dialTLS(a.certs, identity.TLSID(w.ids["B"].Public().TLS))
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			<-ctx.Done() // never shows who it is
			return nil, ctx.Err()
		}
		var open atomic.Int64
		to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addrB))
		for range 3 * maxHandshakesFrom {
			open.Add(1)
			go func() {
				stuck.Dial(ctx, to, cfg, &quic.Config{HandshakeIdleTimeout: time.Hour})
				open.Add(-1)
			}()
		}
		time.Sleep(5 * time.Second)
		b.porch.mu.Lock()
		n := b.porch.all
		b.porch.mu.Unlock()
		if n == 0 || n > maxHandshakesFrom {
			t.Errorf("%d handshakes from one address are under way, want at most %d", n, maxHandshakesFrom)
		}
		over(t, a, "B", true, time.Second)
		time.Sleep(2 * handshakeTime)
		porchEmpties(t, b)
		cancel()
		synctest.Wait()
		if n := open.Load(); n != 0 {
			t.Errorf("%d dials have not ended", n)
		}
	})
}

// Whoever sends in another's name is not to keep that one out: from calmFrom on, a caller shows first that it is there.
func TestPorch(t *testing.T) {
	p := porch{most: maxHandshakes, mostFrom: maxHandshakesFrom}
	victim := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addrA))
	var leaves []func()
	for i := range maxHandshakesFrom {
		if got, want := p.crowded(victim), i >= calmFrom; got != want {
			t.Errorf("after %d: crowded %t, want %t", i, got, want)
		}
		leave, ok := p.enter(victim)
		if !ok {
			t.Fatalf("the %d-th may not enter", i+1)
		}
		leaves = append(leaves, leave)
	}
	if _, ok := p.enter(victim); ok {
		t.Error("too many enter from one address")
	}
	for i := maxHandshakesFrom; i < maxHandshakes; i++ {
		from := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(fmt.Sprintf("[2001:db8:%x::%x]:1", i/16, i)))
		leave, ok := p.enter(from)
		if !ok {
			t.Fatalf("the %d-th may not enter", i+1)
		}
		leaves = append(leaves, leave)
	}
	if _, ok := p.enter(net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addrB))); ok {
		t.Error("too many enter in all")
	}
	for _, leave := range leaves {
		leave()
		leave()
	}
	if p.all != 0 || len(p.from) != 0 {
		t.Errorf("%d handshakes from %d addresses are still counted", p.all, len(p.from))
	}
}
