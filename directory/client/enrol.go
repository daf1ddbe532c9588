package client

import (
	"context"
	"errors"
	"fmt"

	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/edition"
	"motcua/replication/link"
)

// Enrolment is what a node has once it is enrolled: keep both, the genesis where only the node's owner reads.
type Enrolment struct {
	Genesis directory.Genesis
	Edition []byte // verified; install it in the replica
}

// Enrol makes this machine the node of the token's office: at addr (UDP host:port), for people at portal (base URL). It
// tries the token's servers in turn. Nothing is believed that the token does not vouch for: the servers by their keys,
// the genesis by its digest, the edition by the members in it. Done again after a lost answer it returns the same.
func Enrol(ctx context.Context, l *link.Link, id *identity.Private, t directory.Token, addr, portal string) (Enrolment, error) {
	q, err := application(id, t, addr, portal)
	if err != nil {
		return Enrolment{}, fmt.Errorf("enrol %s: %w", t.Office, err)
	}
	var errs []error
	for _, s := range t.Servers {
		r, err := applyAt(ctx, l, s, q)
		if err == nil {
			return r.verify(t)
		}
		if f, ok := errors.AsType[*directory.Error](err); ok && f.Code != directory.NoLeader {
			return Enrolment{}, fmt.Errorf("enrol %s: %w", t.Office, f)
		}
		errs = append(errs, fmt.Errorf("%s: %w", s.Addr, err))
	}
	return Enrolment{}, fmt.Errorf("enrol %s: no server of the directory answered: %w; check the line and try again, the token stays good", t.Office, errors.Join(errs...))
}

func application(id *identity.Private, t directory.Token, addr, portal string) (EnrolRequest, error) {
	b, err := wire.Marshal(Application{
		Version: 1, Genesis: t.Genesis, Token: t.Hash(), Office: t.Office, Identity: id.Public(), Addr: addr, Portal: portal,
	})
	if err != nil {
		return EnrolRequest{}, err
	}
	r, err := record.SignOne(id.Sign, EnrolLabel, b)
	return EnrolRequest{Application: r, Secret: t.Secret}, err
}

func applyAt(ctx context.Context, l *link.Link, at directory.TokenServer, q EnrolRequest) (r EnrolResponse, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := l.DialPinned(ctx, at.Addr, at.TLSID, EnrolProtocol)
	if err != nil {
		return r, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	if err := s.Send(q); err != nil {
		return r, err
	}
	if err := s.Receive(&r, MaxResponse+directory.MaxGenesis); err != nil {
		return r, err
	}
	if r.Failure != nil {
		return r, r.Failure
	}
	return r, nil
}

// verify checks the answer against the token.
func (r EnrolResponse) verify(t directory.Token) (Enrolment, error) {
	g, err := directory.ReadGenesis(r.Genesis)
	if err != nil {
		return Enrolment{}, fmt.Errorf("enrol %s: %w", t.Office, err)
	}
	if g.Digest() != t.Genesis {
		return Enrolment{}, fmt.Errorf("enrol %s: the server sent another genesis than the token names: do not trust it, and tell the province", t.Office)
	}
	s, err := edition.Read(r.Edition)
	if err == nil {
		_, err = s.Verify(edition.Trust{Genesis: t.Genesis, Members: g.Members})
	}
	if err != nil {
		return Enrolment{}, fmt.Errorf("enrol %s: %w", t.Office, err)
	}
	return Enrolment{Genesis: g, Edition: r.Edition}, nil
}
