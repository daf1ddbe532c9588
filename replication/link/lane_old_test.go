package link

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"

	"motcua/crypto/identity"
	"motcua/replication/replicationtest"
)

// TestAPeerThatKnowsNoLanes: one of an older version connects, and there is no lane to it.
func TestAPeerThatKnowsNoLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		b := w.open("B", addrB, true)
		a := w.open("A", addrA, true)
		a.Close()
		old := &quic.Transport{Conn: w.net.Listen(addrA)}
		defer old.Close()
		to, err := Lookup(t.Context(), addrB)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			speaks []string
			lanes  int
		}{{[]string{alpn}, 0}, {[]string{alpnLanes, alpn}, 1}} {
			config := dialTLS(a.certs, identity.TLSID(b.cfg.Identity.Public().TLS))
			config.NextProtos = c.speaks
			q, err := old.Dial(t.Context(), to, config, quicConfig())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if n := len(b.laneConns()); n != c.lanes {
				t.Errorf("%v: %d lanes, want %d", c.speaks, n, c.lanes)
			}
			q.CloseWithError(0, "")
			time.Sleep(time.Second)
		}
	})
}

// laneDeaf is a socket before which something drops what is not QUIC.
type laneDeaf struct{ net.PacketConn }

func (d laneDeaf) WriteTo(b []byte, to net.Addr) (int, error) {
	if b[0] == laneMark {
		return len(b), nil
	}
	return d.PacketConn.WriteTo(b, to)
}

// TestPlainStreamsWherePacketsOfLanesDoNotPass: after some seconds of doubt bulk goes as plain streams.
func TestPlainStreamsWherePacketsOfLanesDoNotPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.net.SetWeather(replicationtest.Weather{Latency: 50 * time.Millisecond})
		a := w.openOn(laneDeaf{w.net.Listen(addrA)}, "A", addrA, true)
		w.open("B", addrB, true)
		var err error
		began := time.Now()
		for range 5 {
			var s *Stream
			if s, err = a.BeginBulk(t.Context(), "B", "copy/1"); err != nil {
				continue
			}
			s.SetStall(20 * time.Second)
			if _, err = s.Write([]byte("x")); err == nil {
				_, err = s.Read(make([]byte, 1))
			}
			if s.Close(); err == nil {
				if d := time.Since(began); d > 30*time.Second {
					t.Errorf("only after %v", d)
				}
				return
			}
		}
		t.Error(err)
	})
}
