package link

import (
	"math/rand/v2"
	"slices"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/replication"
)

// The times of connections that carry nothing.
const (
	unusedTime = time.Minute      // without a stream, after which a connection is closed by the side that dialled
	stayFirst  = 15 * time.Second // how often those that are kept are looked after; twice as long each time one cannot be had
	stayLast   = 2 * time.Minute
)

// Stay keeps connections to these names open from now on, and dials again where one has ended. names is asked again and again, and
// must not block. Others reach a machine behind NAT through the connections that it keeps.
func (l *Link) Stay(names func() []replication.Name) {
	l.work.Go(func() {
		wait := stayFirst
		for {
			if l.tend(names()) {
				wait = stayFirst
			} else {
				wait = min(2*wait, stayLast)
			}
			select {
			case <-time.After(wait*3/4 + rand.N(wait/2)):
			case <-l.ctx.Done():
				return
			}
		}
	})
}

// tend dials the names to which no connection is open. It tells whether all are connected now.
func (l *Link) tend(names []replication.Name) bool {
	all := true
	ids := map[digest.Digest]bool{}
	for _, name := range names {
		t, err := l.target(name)
		if err != nil {
			continue // not known yet, or no more
		}
		ids[t.id] = true
		if l.open(t.id) != nil {
			continue
		}
		if _, err := l.connect(l.ctx, t); err != nil {
			l.log.Debug("kept connection cannot be had", "peer", name, "err", err)
			all = false
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stays = ids
	return all
}

// target finds out whom to dial for a name.
func (l *Link) target(to replication.Name) (target, error) {
	p, err := l.cfg.Resolver.Resolve(to)
	if err != nil {
		return target{}, err
	}
	if !p.Revoked.IsZero() {
		return target{}, ErrRevoked
	}
	point, err := p.Keys.TLS.Bytes()
	if err != nil {
		return target{}, err
	}
	t := target{name: to, id: identity.TLSID(point)}
	if p.Addr != "" {
		t.addrs = append(t.addrs, p.Addr)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.hints[to]; h != "" && h != p.Addr {
		t.addrs = append(t.addrs, h)
	}
	return t, nil
}

// watch waits for the end of a connection, and brings it about if this side dialled and needs it no more: keeping a hundred
// connections alive would cost a line more than what they carry.
func (l *Link) watch(c *conn) {
	defer l.forget(c)
	if !c.dialled {
		<-c.s.Context().Done()
		return
	}
	for idle := time.Duration(0); ; {
		select {
		case <-c.s.Context().Done():
			return
		case <-time.After(unusedTime - min(idle, unusedTime-time.Second)):
		}
		l.mu.Lock()
		kept := l.stays[c.id] && slices.Index(l.conns[c.id], c) == len(l.conns[c.id])-1
		l.mu.Unlock()
		if idle = c.idle(); idle >= unusedTime && !kept {
			c.s.Close(codeClosed, "")
		}
	}
}
