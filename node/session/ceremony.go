package session

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"motcua/directory"
)

func newCeremony(options any, data *webauthn.SessionData, s Site, u keyUser) (*Ceremony, error) {
	b, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("ask security key: %w", err)
	}
	return &Ceremony{string(b), *data, s, u}, nil
}

// The bounds of what is begun and not ended.
const (
	ceremonyLife  = 5 * time.Minute
	maxCeremonies = 2000
)

// Ceremonies keeps those that have begun at a node. It is safe for concurrent use and forgets all when the program stops: the
// person asks again.
type Ceremonies struct {
	now func() time.Time

	mu   sync.Mutex
	open map[string]opened
}

type opened struct {
	*Ceremony
	until time.Time
}

// NewCeremonies keeps none yet, on a clock.
func NewCeremonies(now func() time.Time) *Ceremonies {
	return &Ceremonies{now: now, open: map[string]opened{}}
}

// Keep remembers a ceremony and returns its name, for a form.
func (s *Ceremonies) Keep(c *Ceremony) string {
	var b [16]byte
	rand.Read(b[:])
	name := hex.EncodeToString(b[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for k, o := range s.open {
		if now.After(o.until) || len(s.open) >= maxCeremonies {
			delete(s.open, k)
		}
	}
	s.open[name] = opened{c, now.Add(ceremonyLife)}
	return name
}

// Take returns a ceremony of an account and forgets it: an answer is good once. Nil: there is none, or no longer.
func (s *Ceremonies) Take(name string, account directory.AccountID) *Ceremony {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.open[name]
	if !ok || o.user.ID != account {
		return nil
	}
	delete(s.open, name)
	if s.now().After(o.until) {
		return nil
	}
	return o.Ceremony
}
