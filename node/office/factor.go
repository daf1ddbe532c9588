package office

import (
	"context"
	"slices"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/session"
	"motcua/node/store"
)

// How often the second factor is asked for again. A page that was opened in time may still be sent for a while.
const (
	// SignFresh is for how long after the second factor a signatory decides without showing it again.
	SignFresh = 30 * time.Minute
	// AccountFresh is the same for changes of factors and of other people's accounts.
	AccountFresh = 10 * time.Minute
	// FormGrace is how much longer a form holds that was opened in time.
	FormGrace = 30 * time.Minute
)

// FactorView is a second factor as its owner sees it.
type FactorView struct {
	ID, Label string
	Kind      directory.FactorKind
	RP        string // of a key: the name of the portal it was made for
	Added     time.Time
	Used      time.Time // last used here; zero: not yet
}

// Factors are an account's second factors and how many of its recovery codes are left.
func (o *Office) Factors(a directory.Account) (out []FactorView, left int, err error) {
	st, err := o.standing(a.ID)
	for _, f := range a.Factors {
		v := FactorView{ID: f.ID, Label: f.Label, Kind: f.Kind, RP: f.RP, Added: time.Unix(f.Added, 0)}
		if at := st.Last[f.ID]; at > 0 {
			v.Used = time.Unix(at, 0)
		}
		out = append(out, v)
	}
	for _, h := range a.Recovery {
		if !slices.Contains(st.Used, h) {
			left++
		}
	}
	return out, left, err
}

// ShowCode takes a code of one of an account's authenticators. It is true once for each code, and only after it is durably
// noted as used.
func (o *Office) ShowCode(ctx context.Context, a directory.Account, code string) (bool, error) {
	return o.stand(ctx, a.ID, func(st *standing) bool {
		for _, f := range a.Factors {
			step, ok := session.CheckCode(f.Secret, code, st.Steps[f.ID], o.Now())
			if f.Kind == directory.TOTP && ok {
				st.used(f.ID, o.Now())
				st.Steps = set(st.Steps, f.ID, step)
				return true
			}
		}
		return false
	})
}

// ShowKey takes what a security key has signed: the factor, and how many signatures it has counted. False: the key has been
// copied, or is not the account's.
func (o *Office) ShowKey(ctx context.Context, a directory.Account, factor string, count uint32) (bool, error) {
	i := slices.IndexFunc(a.Factors, func(f directory.Factor) bool { return f.ID == factor && f.Kind == directory.WebAuthn })
	if i < 0 {
		return false, nil
	}
	return o.stand(ctx, a.ID, func(st *standing) bool {
		if session.Copied(max(a.Factors[i].SignCount, st.Counts[factor]), count) {
			o.Log.Warn("security key refused: its count has not grown", "account", a.ID)
			return false
		}
		st.used(factor, o.Now())
		st.Counts = set(st.Counts, factor, count)
		return true
	})
}

// ShowRecovery takes one of an account's recovery codes, once. The directory is told now, or when it is in reach.
func (o *Office) ShowRecovery(ctx context.Context, a directory.Account, code string) (bool, error) {
	h, ok := session.CheckRecovery(a.ID, code, a.Recovery)
	if !ok {
		return false, nil
	}
	done, err := o.stand(ctx, a.ID, func(st *standing) bool {
		if slices.Contains(st.Used, h) {
			return false
		}
		// Codes that are not the account's any more need not be remembered.
		st.Used = slices.DeleteFunc(st.Used, func(d digest.Digest) bool { return !slices.Contains(a.Recovery, d) })
		st.Used = append(st.Used, h)
		return true
	})
	if done {
		o.spend.Store(true)
		o.poke()
	}
	return done, err
}

func (st *standing) used(factor string, now time.Time) { st.Last = set(st.Last, factor, now.Unix()) }

// set is m with a value; a nil map is made.
func set[V any](m map[string]V, key string, v V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

// spent are the recovery codes used here that the directory still has.
func (o *Office) spent(a directory.Account) (out []digest.Digest) {
	err := o.Store.View(func(t *store.Tx) error {
		st, err := readStanding(t, a.ID)
		for _, h := range st.Used {
			if slices.Contains(a.Recovery, h) {
				out = append(out, h)
			}
		}
		return err
	})
	if err != nil {
		o.Log.Error("standing not read", "account", a.ID, "err", err)
	}
	return out
}
