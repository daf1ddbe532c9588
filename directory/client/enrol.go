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

// Applicant is the machine that wants to be an office's node.
type Applicant struct {
	Identity *identity.Private // the one the link was opened with
	Addr     string            // UDP host:port at which peers reach it
	Portal   string            // base URL that people use; "" for none
}

// Welcome is what a node has once it is enrolled: keep both, the genesis where only the node's owner reads.
type Welcome struct {
	Genesis directory.Genesis
	Edition []byte // verified; install it in the replica
}

// Enrol makes the applicant the node of the token's office. It tries the token's servers in turn. Nothing is believed that the token does not vouch for: the servers by their keys,
// the genesis by its digest, the edition by the members in it. Done again after a lost answer it returns the same.
func Enrol(ctx context.Context, l *link.Link, t directory.Token, a Applicant) (Welcome, error) {
	q, err := application(t, a)
	if err != nil {
		return Welcome{}, fmt.Errorf("enrol %s: %w", t.Office, err)
	}
	var errs []error
	for _, s := range t.Servers {
		r, err := applyAt(ctx, l, s, q)
		if err == nil {
			return r.verify(t)
		}
		if f, ok := errors.AsType[*directory.Error](err); ok && f.Code != directory.NoLeader {
			return Welcome{}, fmt.Errorf("enrol %s: %w", t.Office, f)
		}
		errs = append(errs, fmt.Errorf("%s: %w", s.Addr, err))
	}
	return Welcome{}, fmt.Errorf("enrol %s: no server of the directory answered: %w; check the line and try again, the token stays good", t.Office, errors.Join(errs...))
}

func application(t directory.Token, a Applicant) (EnrolRequest, error) {
	b, err := wire.Marshal(Application{
		Version: 1, Genesis: t.Genesis, Token: t.Hash(), Office: t.Office,
		Identity: a.Identity.Public(), Addr: a.Addr, Portal: a.Portal,
	})
	if err != nil {
		return EnrolRequest{}, err
	}
	r, err := record.SignOne(a.Identity.Sign, EnrolLabel, b)
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
func (r EnrolResponse) verify(t directory.Token) (Welcome, error) {
	g, err := directory.ReadGenesis(r.Genesis)
	if err != nil {
		return Welcome{}, fmt.Errorf("enrol %s: %w", t.Office, err)
	}
	if g.Digest() != t.Genesis {
		return Welcome{}, fmt.Errorf("enrol %s: the server sent another genesis than the token names: do not trust it, and tell the province", t.Office)
	}
	s, err := edition.Read(r.Edition)
	if err == nil {
		_, err = s.Verify(edition.Trust{Genesis: t.Genesis, Members: g.Members})
	}
	if err != nil {
		return Welcome{}, fmt.Errorf("enrol %s: %w", t.Office, err)
	}
	return Welcome{Genesis: g, Edition: r.Edition}, nil
}
