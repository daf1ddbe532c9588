package identity

import (
	"slices"
	"sync"
	"sync/atomic"

	"motcua/crypto/digest"
)

// Ring is the identity that a machine acts under now, and those it had before: they open what is still sealed to them, and sign
// nothing any more. It is safe for concurrent use.
type Ring struct {
	mu  sync.Mutex // held while replacing
	now atomic.Pointer[ring]
}

type ring struct {
	now    *Private
	former []*Private // newest first
}

// NewRing makes a ring of the identity in use and the former ones, newest first.
func NewRing(now *Private, former ...*Private) *Ring {
	r := &Ring{}
	r.now.Store(&ring{now, without(former, now.Public().ID())}) // a crash may have left it in both places
	return r
}

// Now is the identity in use.
func (r *Ring) Now() *Private { return r.now.Load().now }

// All are the identity in use and, after it, the former ones.
func (r *Ring) All() []*Private {
	v := r.now.Load()
	return append([]*Private{v.now}, v.former...)
}

// Replace takes another identity into use. The one before it becomes a former one.
func (r *Ring) Replace(next *Private) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.now.Load()
	if v.now.Public().ID() == next.Public().ID() {
		return
	}
	r.now.Store(&ring{next, append([]*Private{v.now}, without(v.former, next.Public().ID())...)})
}

// Add adds an identity that opens what is sealed to it and signs nothing, as one that will take the place of the present one.
func (r *Ring) Add(p *Private) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.now.Load()
	r.now.Store(&ring{v.now, append([]*Private{p}, without(v.former, p.Public().ID())...)})
}

// Forget drops a former identity: nothing sealed to it is under way any more.
func (r *Ring) Forget(id digest.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.now.Load()
	r.now.Store(&ring{v.now, without(v.former, id)})
}

func without(all []*Private, id digest.Digest) []*Private {
	return slices.DeleteFunc(slices.Clone(all), func(p *Private) bool { return p.Public().ID() == id })
}
