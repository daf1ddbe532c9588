package server_test

import (
	"bytes"
	"strings"
	"testing"

	"motcua/crypto/golden"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/server"
)

func welcome(t testing.TB) server.Welcome {
	g := directorytest.Genesis(3)
	b, err := g.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	chain := []edition.SignedSuccession{directorytest.Succeed(t, edition.TrustOf(g), []byte{1, 2, 4}, 1, 2)}
	return server.Welcome{Version: 1, Genesis: b, Chain: chain, Self: directorytest.Member(5)}
}

func TestMemberFormatsStay(t *testing.T) {
	w, err := welcome(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "welcome", w)
	card, err := server.WriteCard(directorytest.Member(5))
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "card", card)
	g, read, err := server.ReadWelcome(w)
	if err != nil || read.Self.Name != "dir-5" || g.Digest() != directorytest.Genesis(3).Digest() {
		t.Errorf("welcome: %+v, %v", read, err)
	}
	alone, err := directorytest.Genesis(3).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if _, none, err := server.ReadWelcome(alone); err != nil || none != nil {
		t.Errorf("a genesis alone: %v, %v", none, err)
	}
	forged := welcome(t)
	forged.Chain[0].Cosignatures = forged.Chain[0].Cosignatures[:1]
	if w, err = forged.Encode(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := server.ReadWelcome(w); err == nil {
		t.Error("a welcome whose succession a minority has signed is taken")
	}
	newer := bytes.Replace(w, []byte("WELCOME V1"), []byte("WELCOME V2"), 2)
	if _, _, err := server.ReadWelcome(newer); err == nil || !strings.Contains(err.Error(), "upgrade") {
		t.Errorf("of a newer version: %v", err)
	}
}

func TestARecoveryKeyIsReadBack(t *testing.T) {
	k, text, err := server.NewRecoveryKey()
	if err != nil {
		t.Fatal(err)
	}
	back, err := server.ReadRecoveryKey(text)
	if err != nil || !bytes.Equal(back.Public().Bytes(), k.Public().Bytes()) {
		t.Fatalf("read back: %v", err)
	}
	g := directorytest.Genesis(3)
	if err := server.CheckRecoveryKey(g, k); err == nil || !strings.Contains(err.Error(), "without a recovery key") {
		t.Errorf("a province without one: %v", err)
	}
	g.Recovery = directorytest.RecoveryKey(9).Public().Bytes()
	if err := server.CheckRecoveryKey(g, k); err == nil || !strings.Contains(err.Error(), "another province") {
		t.Errorf("the key of another province: %v", err)
	}
	for _, bad := range [][]byte{nil, text[:len(text)/2], []byte("x")} {
		if _, err := server.ReadRecoveryKey(bad); err == nil {
			t.Errorf("%.40q is taken for a recovery key", bad)
		}
	}
}

func FuzzReadWelcome(f *testing.F) {
	w, err := welcome(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(w)
	card, err := server.WriteCard(directorytest.Member(5))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(card)
	f.Fuzz(func(_ *testing.T, b []byte) {
		server.ReadWelcome(b)
		server.ReadCard(b)
	})
}
