package replicationtest

import (
	"fmt"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/replication"
)

// Book is a Resolver that a test writes.
type Book struct {
	mu     sync.Mutex
	peers  map[replication.Name]replication.Peer
	byTLS  map[digest.Digest]replication.Name
	former map[digest.Digest]replication.Peer // by signing key
	tls    map[digest.Digest]replication.Peer // retired ones, by TLS key
}

// NewBook makes an empty book.
func NewBook() *Book {
	return &Book{
		peers: map[replication.Name]replication.Peer{}, byTLS: map[digest.Digest]replication.Name{},
		former: map[digest.Digest]replication.Peer{}, tls: map[digest.Digest]replication.Peer{},
	}
}

// Add binds a name to an address and keys, replacing what was bound before: other keys that it had count as revoked from now on.
func (b *Book) Add(name replication.Name, addr string, p identity.Public) {
	keys, err := p.Keys()
	if err != nil {
		panic(err) // a test made it
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old, ok := b.peers[name]; ok && old.Keys.ID != keys.ID {
		if old.Revoked.IsZero() {
			old.Revoked = time.Now()
		}
		b.former[old.Keys.Sign.ID()] = old
	}
	b.forget(name)
	b.peers[name] = replication.Peer{Name: name, Addr: addr, Keys: keys}
	b.byTLS[identity.TLSID(p.TLS)] = name
}

// Rotate binds a name to the keys that it has itself put in the place of its old ones, which count as retired from now on.
func (b *Book) Rotate(name replication.Name, old, next identity.Public) {
	b.mu.Lock()
	p := b.peers[name]
	b.mu.Unlock()
	b.Add(name, p.Addr, next)
	p.Retired = time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.former[p.Keys.Sign.ID()] = p
	b.tls[identity.TLSID(old.TLS)] = p
}

// Revoke marks the key of a name as revoked at a time.
func (b *Book) Revoke(name replication.Name, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.peers[name]
	p.Revoked = at
	b.peers[name] = p
}

// RevokeKey marks a former key, by its signing key, as revoked at a time.
func (b *Book) RevokeKey(sign digest.Digest, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.former[sign]
	p.Revoked = at
	b.former[sign] = p
}

// Remove forgets a name.
func (b *Book) Remove(name replication.Name) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(name)
	delete(b.peers, name)
}

func (b *Book) forget(name replication.Name) {
	for id, n := range b.byTLS {
		if n == name {
			delete(b.byTLS, id)
		}
	}
}

// Resolve implements replication.Resolver.
func (b *Book) Resolve(name replication.Name) (replication.Peer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.peers[name]
	if !ok {
		return p, fmt.Errorf("%s: %w", name, replication.ErrUnknown)
	}
	return p, nil
}

// Signer implements replication.Signers.
func (b *Book) Signer(key digest.Digest) (replication.Peer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.peers {
		if p.Keys.Sign.ID() == key {
			return p, true
		}
	}
	p, ok := b.former[key]
	return p, ok
}

// Identify implements replication.Resolver.
func (b *Book) Identify(tlsID digest.Digest) (replication.Peer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.tls[tlsID]; ok {
		return p, nil
	}
	name, ok := b.byTLS[tlsID]
	if !ok {
		return replication.Peer{}, fmt.Errorf("key %s: %w", tlsID.Short(), replication.ErrUnknown)
	}
	return b.peers[name], nil
}
