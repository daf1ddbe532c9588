package office

import (
	"context"
	"fmt"
	"slices"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/session"
	"motcua/node/store"
)

// standing is what this node alone knows of an account: who is signed in here, and how far its second factors were used. The
// directory does not hear of every sign-in, so a code is good once at each node, and staff show codes at their own office.
type standing struct {
	Version uint8 `cbor:"1,keyasint"` // 1
	// Since: sessions issued before are over at this node, Unix seconds.
	Since   int64             `cbor:"2,keyasint,omitempty"`
	SignIns []signIn          `cbor:"3,keyasint,omitempty"`
	Steps   map[string]int64  `cbor:"4,keyasint,omitempty"` // last step used of each authenticator, by factor
	Counts  map[string]uint32 `cbor:"5,keyasint,omitempty"` // signatures counted of each key, by factor
	Used    []digest.Digest   `cbor:"6,keyasint,omitempty"` // recovery codes used here
	Last    map[string]int64  `cbor:"7,keyasint,omitempty"` // when each factor was last used, Unix seconds
}

// signIn is one sign-in here. Agent and Place are what the browser and the connection said.
type signIn struct {
	Nonce [8]byte `cbor:"1,keyasint"`
	At    int64   `cbor:"2,keyasint"` // Unix seconds
	Until int64   `cbor:"3,keyasint"`
	Agent string  `cbor:"4,keyasint,omitempty"`
	Place string  `cbor:"5,keyasint,omitempty"`
	Ended bool    `cbor:"6,keyasint,omitempty"`
}

// maxSignIns bounds the sign-ins that are listed; the oldest go first. maxAgent bounds what a browser says of itself, in bytes.
const (
	maxSignIns = 20
	maxAgent   = 40
)

func standingName(id directory.AccountID) string { return "standing/" + string(id) }

func readStanding(t *store.Tx, id directory.AccountID) (s standing, err error) {
	b, ok, err := t.Get(standingName(id))
	if err != nil || !ok {
		return standing{Version: 1}, err
	}
	if err := wire.UnmarshalVersioned(b, &s, 1); err != nil {
		return s, fmt.Errorf("standing of account %s: %w", id, err)
	}
	return s, nil
}

func (o *Office) standing(id directory.AccountID) (s standing, err error) {
	err = o.Store.View(func(t *store.Tx) (err error) { s, err = readStanding(t, id); return err })
	return s, err
}

// stand changes the standing of an account, durably. A change that says no leaves it as it was.
func (o *Office) stand(ctx context.Context, id directory.AccountID, change func(*standing) bool) (done bool, err error) {
	err = o.Store.Update(ctx, func(t *store.Tx) error {
		s, err := readStanding(t, id)
		if err != nil {
			return err
		}
		if done = change(&s); !done {
			return nil
		}
		b, err := wire.Marshal(s)
		if err != nil {
			return err
		}
		return t.Set(standingName(id), b)
	})
	return done && err == nil, err
}

// From is where somebody signs in: the browser in a word or two, and the address.
type From struct{ Agent, Place string }

// SignedIn notes a sign-in here, so that its owner sees it and can end it.
func (o *Office) SignedIn(ctx context.Context, s session.Session, from From) error {
	now := o.Now().Unix()
	_, err := o.stand(ctx, s.Account, func(st *standing) bool {
		st.SignIns = slices.DeleteFunc(st.SignIns, func(x signIn) bool { return x.Until <= now || x.Nonce == s.Nonce })
		agent := from.Agent[:min(len(from.Agent), maxAgent)]
		st.SignIns = append(st.SignIns, signIn{Nonce: s.Nonce, At: s.Issued, Until: s.Expires, Agent: agent, Place: from.Place})
		st.SignIns = st.SignIns[max(0, len(st.SignIns)-maxSignIns):]
		return true
	})
	return err
}

// Over tells whether a session that has not expired is over all the same: because the password was changed or access taken,
// or because its owner ended it here.
func (o *Office) Over(a directory.Account, s session.Session) bool {
	if s.Issued < a.Since {
		return true
	}
	st, err := o.standing(s.Account)
	if err != nil {
		o.Log.Error("standing not read", "account", s.Account, "err", err)
		return true
	}
	return s.Issued < st.Since || slices.ContainsFunc(st.SignIns, func(x signIn) bool { return x.Nonce == s.Nonce && x.Ended })
}

// SignInView is one sign-in at this node that has not ended.
type SignInView struct {
	ID           string // of the session
	At           time.Time
	Agent, Place string
}

// SignIns are the sign-ins of an account at this node that hold, newest first.
func (o *Office) SignIns(id directory.AccountID) (out []SignInView, err error) {
	st, err := o.standing(id)
	for _, x := range slices.Backward(st.SignIns) {
		if !x.Ended && x.At >= st.Since && x.Until > o.Now().Unix() {
			out = append(out, SignInView{signInID(x.Nonce), time.Unix(x.At, 0), x.Agent, x.Place})
		}
	}
	return out, err
}

func signInID(nonce [8]byte) string { return fmt.Sprintf("%x", nonce[:]) }

// SignInID names a session as SignIns does.
func SignInID(s session.Session) string { return signInID(s.Nonce) }

// EndSignIn ends one of an account's sessions at this node.
func (o *Office) EndSignIn(ctx context.Context, id directory.AccountID, which string) error {
	_, err := o.stand(ctx, id, func(st *standing) (found bool) {
		for i, x := range st.SignIns {
			if signInID(x.Nonce) == which {
				st.SignIns[i].Ended, found = true, true
			}
		}
		return found
	})
	return err
}

// EndSignIns ends all of them, those signed elsewhere and shown here too: what is issued from now on holds.
func (o *Office) EndSignIns(ctx context.Context, id directory.AccountID) error {
	_, err := o.stand(ctx, id, func(st *standing) bool {
		// One that was issued in this very second is listed and ended by itself.
		for i := range st.SignIns {
			st.SignIns[i].Ended = true
		}
		st.Since = o.Now().Unix()
		return true
	})
	return err
}
