package directory_test

import (
	"strings"
	"testing"

	"motcua/directory"
	"motcua/directory/directorytest"
)

func genesisBytes(t testing.TB) []byte {
	b, err := directorytest.Genesis(3).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func token() directory.Token {
	g := directorytest.Genesis(2)
	t := directory.Token{Office: "H32.22327", Secret: [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, Genesis: g.Digest()}
	for _, m := range g.Members {
		t.Servers = append(t.Servers, directory.TokenServer{Addr: m.Addr, TLSID: m.TLSID()})
	}
	return t
}

func TestFormatsStay(t *testing.T) {
	hash := token().Hash()
	check := directory.TrackCheck("N4K7-Q2MX-8RTD", "1234")
	directorytest.Golden(t, []directorytest.Format{
		{Name: "genesis", Bytes: genesisBytes(t)},
		{Name: "token", Bytes: []byte(token().String())},
		{Name: "token-hash", Bytes: hash[:]},
		{Name: "track-check", Bytes: check[:]},
	})
}

func TestATokenIsReadBackAndEveryMistypingIsNoticed(t *testing.T) {
	text := token().String()
	again, err := directory.ParseToken(" " + text[:20] + "\n\t" + text[20:] + "\r\n")
	if err != nil || again.String() != text || again.Hash() != token().Hash() {
		t.Fatalf("a token broken over lines: %v", err)
	}
	for i := range text {
		for _, c := range "A-_z0." {
			if wrong := text[:i] + string(c) + text[i+1:]; wrong != text {
				if _, err := directory.ParseToken(wrong); err == nil {
					t.Fatalf("character %d mistyped as %q goes unnoticed", i, c)
				}
			}
		}
		if _, err := directory.ParseToken(text[:i]); err == nil {
			t.Fatalf("a token cut after %d characters goes unnoticed", i)
		}
	}
}

func TestAGenesisMustMakeSense(t *testing.T) {
	good := func() directory.Genesis { return directorytest.Genesis(3) }
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	for word, spoil := range map[string]func(*directory.Genesis){
		"upgrade":         func(g *directory.Genesis) { g.Version = 2 },
		"province name":   func(g *directory.Genesis) { g.Province.VI = "" },
		"prefix":          func(g *directory.Genesis) { g.Prefix = "h32" },
		"gossip key":      func(g *directory.Genesis) { g.GossipKey = nil },
		"0 members":       func(g *directory.Genesis) { g.Members = nil },
		"repeated name":   func(g *directory.Genesis) { g.Members[1].Name = "dir-1" },
		"malformed":       func(g *directory.Genesis) { g.Members[1].Name = "H32.1" },
		"address":         func(g *directory.Genesis) { g.Members[1].Addr = "" },
		"another member":  func(g *directory.Genesis) { g.Members[1].Identity = g.Members[0].Identity },
		"member dir-2: i": func(g *directory.Genesis) { g.Members[1].Identity.Sign = []byte{1} },
	} {
		g := good()
		spoil(&g)
		if err := g.Validate(); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("spoilt so that %q is expected: %v", word, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(token().String())
	f.Add("motcua1.AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := directory.ParseToken(s); err == nil && v.String() != strings.Join(strings.Fields(s), "") {
			t.Errorf("one token has two texts")
		}
	})
}

func FuzzReadGenesis(f *testing.F) {
	f.Add(genesisBytes(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := directory.ReadGenesis(b)
		if err != nil {
			return
		}
		if again, err := g.Bytes(); err != nil || string(again) != string(b) {
			t.Errorf("a genesis that is read is not written the same: %v", err)
		}
	})
}
