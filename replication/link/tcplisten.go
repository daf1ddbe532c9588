package link

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// alpnTCP names the version of this package's use of TLS over TCP.
const alpnTCP = "motcua-tcp/1"

// acceptTCP takes the connections of those for whom UDP does not pass.
func (l *Link) acceptTCP() {
	for {
		c, err := l.cfg.Listener.Accept()
		switch {
		case l.ctx.Err() != nil:
			return
		case err != nil:
			l.log.Warn("a connection by TCP could not be taken; trying again", "err", err)
			select { // out of file descriptors, most likely: others give some back
			case <-time.After(time.Second):
			case <-l.ctx.Done():
			}
			continue
		}
		leave, ok := l.admitTCP(c)
		if !ok {
			c.Close()
			continue
		}
		l.work.Go(func() { l.greet(c, leave) })
	}
}

// admitTCP counts a connection like one over UDP, and turns away what is over the bounds.
func (l *Link) admitTCP(c net.Conn) (leave func(), ok bool) {
	if l.incoming.Add(1) > maxIncoming {
		l.incoming.Add(-1)
		return nil, false
	}
	if leave, ok = l.porch.enter(c.RemoteAddr()); !ok {
		l.incoming.Add(-1)
	}
	return leave, ok
}

// greet takes an incoming connection through its handshake, within the time that one may take, and serves it.
func (l *Link) greet(c net.Conn, leave func()) {
	defer l.incoming.Add(-1)
	s, err := l.receive(c)
	leave()
	if err != nil {
		c.Close()
		return
	}
	l.welcome(s)
	<-s.ended
}

// receive makes a session of an incoming connection.
func (l *Link) receive(c net.Conn) (*tcpSession, error) {
	cfg := listenTLS(l.certs)
	cfg.NextProtos = []string{alpnTCP}
	t := tls.Server(l.newTCPConn(c), cfg)
	if err := l.shake(l.ctx, t); err != nil {
		return nil, err
	}
	_, id, err := tlsIDOf(t.ConnectionState())
	if err != nil {
		return nil, err
	}
	_, unknown := l.cfg.Resolver.Identify(id)
	return l.newTCPSession(t, false, unknown == nil)
}

// shake does a handshake within its time. Both sides must name the same protocol.
func (l *Link) shake(ctx context.Context, t *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	if t.ConnectionState().NegotiatedProtocol != alpnTCP {
		return errors.New("the other side does not speak " + alpnTCP)
	}
	return nil
}
