package client

import (
	"testing"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
)

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func token() directory.Token {
	g := directorytest.Genesis(2)
	return directory.Token{Office: "H32.22327", Secret: [16]byte{1, 2, 3}, Genesis: g.Digest()}
}

func enrolment(t testing.TB) EnrolRequest {
	t.Helper()
	q, err := application(token(), Applicant{Identity: directorytest.Identity(100), Addr: "10.1.0.1:7400", Portal: "https://xa.example"})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// messages are one of each that crosses the wire.
func messages(t testing.TB) []directorytest.Format {
	return []directorytest.Format{
		{Name: "request", Bytes: marshal(t, Request{Op: OpLookup, ID: [16]byte{9}, Body: marshal(t, "H32.1-1"), AtLeast: 4})},
		{Name: "response", Bytes: marshal(t, Response{Body: []byte{1}, Index: 4})},
		{Name: "response-failure", Bytes: marshal(t, Response{Failure: directory.Errorf("lookup", directory.NotFound, "none")})},
		{Name: "edition-wish", Bytes: marshal(t, EditionWish{Have: 3, Wait: 500})},
		{Name: "place", Bytes: marshal(t, Place{Addr: "10.0.0.1:1", Portal: "https://x"})},
		{Name: "proof", Bytes: marshal(t, Proof{Code: "N4K7", Check: directory.TrackCheck("N4K7", "1234")})},
		{Name: "enrol-request", Bytes: marshal(t, enrolment(t))},
		{Name: "enrol-response", Bytes: marshal(t, EnrolResponse{Genesis: []byte{1}, Edition: []byte{2}})},
		{Name: "sign-in", Bytes: marshal(t, SignIn{Login: "an.nguyen", Verifier: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"})},
	}
}

func TestFormatsStay(t *testing.T) { directorytest.Golden(t, messages(t)) }

func TestAServerThatLiesAtEnrolmentIsNotBelieved(t *testing.T) {
	other := directorytest.Genesis(3)
	b, err := other.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]EnrolResponse{
		"another genesis": {Genesis: b},
		"no genesis":      {},
		"no edition":      {Genesis: genesisBytes(t)},
	} {
		if _, err := r.verify(token()); err == nil {
			t.Errorf("%s is believed", what)
		}
	}
}

func genesisBytes(t *testing.T) []byte {
	t.Helper()
	b, err := directorytest.Genesis(2).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzMessages reads whatever comes as each message a peer may send.
func FuzzMessages(f *testing.F) {
	for _, m := range messages(f) {
		f.Add(m.Bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{new(Request), new(Response), new(EditionWish), new(Place), new(Proof), new(EnrolRequest), new(EnrolResponse), new(SignIn)} {
			_ = wire.Unmarshal(b, v)
		}
		var q EnrolRequest
		var a Application
		if wire.Unmarshal(b, &q) == nil && wire.Unmarshal(q.Application.Body, &a) == nil {
			if keys, err := a.Identity.Keys(); err == nil {
				_ = q.Application.Verify(keys.Sign, EnrolLabel)
			}
		}
	})
}
