package session

import (
	"testing"

	"motcua/directory"
)

// FuzzKeyAnswer: whatever a browser sends as a security key's answer, it proves nothing and breaks nothing.
func FuzzKeyAnswer(f *testing.F) {
	for _, s := range []string{"", "{}", `{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA","authenticatorData":"","signature":"","transports":["usb"]}}`} {
		f.Add(s)
	}
	site := Site{Host: "xa.example.vn", Origin: "https://xa.example.vn", Name: "Xã"}
	key := directory.Factor{ID: "k", Kind: directory.WebAuthn, Credential: []byte{1}, PublicKey: []byte{0xa0}, RP: site.Host}
	a := directory.Account{ID: "a1", Login: "hoa", Name: "Hoa", Factors: []directory.Factor{key}}
	begun, err := BeginKey(site, a)
	if err != nil {
		f.Fatal(err)
	}
	proof, err := BeginProof(site, a)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		if _, err := begun.EndKey(answer); err == nil {
			t.Fatal("a key was made of an answer to nothing")
		}
		if _, _, err := proof.EndProof(answer); err == nil {
			t.Fatal("a key was proven by an answer to nothing")
		}
	})
}
