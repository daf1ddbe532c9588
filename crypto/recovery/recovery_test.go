package recovery

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"motcua/crypto/golden"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
)

// slow is the textbook multiplication: shift and add, then reduce.
func slow(a, b byte) byte {
	p := 0
	for i := range 8 {
		if b>>i&1 == 1 {
			p ^= int(a) << i
		}
	}
	for i := 14; i >= 8; i-- {
		if p>>i&1 == 1 {
			p ^= 0x11b << (i - 8)
		}
	}
	return byte(p)
}

func TestField(t *testing.T) {
	if multiply(0x57, 0x83) != 0xc1 || multiply(0x57, 0x13) != 0xfe { // the examples of FIPS 197, section 4.2
		t.Error("not the field of FIPS 197")
	}
	for a := range 256 {
		for b := range 256 {
			if multiply(byte(a), byte(b)) != slow(byte(a), byte(b)) {
				t.Fatalf("%x × %x", a, b)
			}
		}
		if a != 0 && multiply(byte(a), invert(byte(a))) != 1 {
			t.Fatalf("1/%x", a)
		}
	}
}

func TestAnyThresholdOfSharesGiveTheSecretBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "secret")
		k := rapid.IntRange(2, 8).Draw(t, "k")
		n := rapid.IntRange(k, 12).Draw(t, "n")
		random := rapid.SliceOfN(rapid.Byte(), len(secret)*(k-1), len(secret)*(k-1)).Draw(t, "random")
		ys, err := split(secret, n, k, bytes.NewReader(random))
		if err != nil {
			t.Fatal(err)
		}
		var xs []byte
		var some [][]byte
		for _, i := range rapid.Permutation(numbers(n)).Draw(t, "who")[:k] {
			xs, some = append(xs, byte(i+1)), append(some, ys[i])
		}
		if !bytes.Equal(combine(xs, some), secret) {
			t.Fatal("another secret")
		}
	})
}

func numbers(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// TestFewerSharesTellNothing: with one share missing, every value of a byte of the secret fits as well as any other.
func TestFewerSharesTellNothing(t *testing.T) {
	seen := map[byte]bool{}
	ys, err := split([]byte{42}, 3, 3, bytes.NewReader([]byte{7, 99}))
	if err != nil {
		t.Fatal(err)
	}
	for third := range 256 {
		seen[combine([]byte{1, 2, 3}, [][]byte{ys[0], ys[1], {byte(third)}})[0]] = true
	}
	if len(seen) != 256 {
		t.Errorf("two of three shares leave %d values", len(seen))
	}
}

func TestSplitIntoTooMany(t *testing.T) {
	for _, v := range [][2]int{{1, 1}, {5, 1}, {2, 3}, {51, 3}} {
		if _, err := split([]byte{1}, v[0], v[1], bytes.NewReader(make([]byte, 100))); err == nil {
			t.Errorf("%d of %d", v[1], v[0])
		}
	}
}

func sampleShare() Share {
	return Share{Key: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Shares: 5, Threshold: 3, X: 4, Y: bytes.Repeat([]byte{0xa5}, secretSize)}
}

func TestShareInWriting(t *testing.T) {
	s := sampleShare()
	text := s.String()
	golden.Check(t, "share", []byte(text))
	typed := "# phần số 4\n" + strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(text, "-", " "), "0", "o")) + "\n"
	got, err := ParseShare(typed)
	if err != nil || got.String() != text {
		t.Fatal(got, err)
	}
	for i := range text {
		for _, c := range "0Z7" {
			wrong := text[:i] + string(c) + text[i+1:]
			if misread.Replace(wrong) == misread.Replace(text) || text[i] == '-' {
				continue
			}
			if got, err := ParseShare(wrong); err == nil && got.String() != text {
				t.Fatalf("mistyped at %d and taken", i)
			}
		}
	}
}

// TestCeremony: five officials, of whom any three open what a machine has sealed, for the machine that asks.
func TestCeremony(t *testing.T) {
	province, err := record.NewKey(bytes.Repeat([]byte{7}, record.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	r, shares, err := NewKey(3, 5, 3, time.Unix(1700000000, 0), province)
	if err != nil {
		t.Fatal(err)
	}
	k, sealing, err := ReadKey(r, province.Public())
	if err != nil || k.Number != 3 {
		t.Fatal(k, err)
	}
	data := seal.NewKey()
	sealed, err := seal.SealKey(sealing, "backup", data)
	if err != nil {
		t.Fatal(err)
	}
	machine, other := mustIdentity(t), mustIdentity(t)
	q := Request{Version: 1, Office: "H32.1", Machine: machine.Public(), Key: sealing.ID(), Sealed: sealed, Purpose: "backup"}
	b, err := wire.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if q, err = ReadRequest(b); err != nil {
		t.Fatal(err)
	}
	private, err := Combine([]Share{shares[4], shares[1], shares[1], shares[2]})
	if err != nil {
		t.Fatal(err)
	}
	a, err := q.Answer(private)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenAnswer(a, machine); err != nil || got != data {
		t.Fatal(err)
	}
	if _, err := OpenAnswer(a, other); err == nil {
		t.Error("an answer to another machine opens")
	}
	altered := shares[0]
	altered.Y = bytes.Clone(altered.Y)
	altered.Y[0] ^= 1
	_, strangers, err := NewKey(4, 5, 3, time.Unix(1700000000, 0), province)
	if err != nil {
		t.Fatal(err)
	}
	for what, bad := range map[string][]Share{
		"none": {}, "two": shares[:2], "one three times": {shares[0], shares[0], shares[0]},
		"an altered one": {altered, shares[1], shares[2]}, "two with one number": {altered, shares[0], shares[1], shares[2]},
		"one of another key": {shares[0], shares[1], strangers[2]},
	} {
		if _, err := Combine(bad); !errors.Is(err, ErrShare) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if wrong, err := Combine(strangers[:3]); err != nil {
		t.Error(err)
	} else if _, err := q.Answer(wrong); err == nil {
		t.Error("answered with another key")
	}
	if _, _, err := ReadKey(r, machine.Sign.Public()); !errors.Is(err, ErrKey) {
		t.Errorf("signed by somebody else: %v", err)
	}
}

func mustIdentity(t *testing.T) *identity.Private {
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestGolden holds what is signed and what is carried on a stick.
func TestGolden(t *testing.T) {
	id := identity.Public{Sign: []byte("sign"), Seal: []byte("seal"), TLS: []byte("tls")}
	for name, v := range map[string]any{
		"key":     Key{Version: 1, Number: 2, Seal: []byte("seal"), Shares: 5, Threshold: 3, Made: 1700000000},
		"request": Request{Version: 1, Office: "H32.1", Machine: id, Sealed: []byte("sealed"), Purpose: "backup", Until: 1700000000},
		"answer":  Answer{Version: 1, Sealed: []byte("sealed")},
	} {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, b)
	}
}

// FuzzParseShare: what a person types is a share that is written the same way, or an error.
func FuzzParseShare(f *testing.F) {
	f.Add(sampleShare().String())
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseShare(text); err == nil {
			if again, err := ParseShare(s.String()); err != nil || again.String() != s.String() {
				t.Fatal(again, err)
			}
		}
	})
}

// FuzzRequest: whatever comes on a stick as a request or as an answer is an error, or opens nothing without its keys.
func FuzzRequest(f *testing.F) {
	key, err := seal.GeneratePrivateKey()
	if err != nil {
		f.Fatal(err)
	}
	id, err := identity.Generate()
	if err != nil {
		f.Fatal(err)
	}
	request, err := wire.Marshal(Request{Version: 1, Office: "H32.1", Machine: id.Public(), Key: key.Public().ID(), Sealed: []byte("s"), Purpose: "p"})
	if err != nil {
		f.Fatal(err)
	}
	answer, err := wire.Marshal(Answer{Version: 1, Machine: id.Public().ID(), Sealed: []byte("s")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	f.Add(answer)
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := ReadRequest(b); err == nil {
			if _, err := q.Answer(key); err == nil {
				t.Fatal("a key that was never sealed was opened")
			}
		}
		if _, err := OpenAnswer(b, id); err == nil {
			t.Fatal("an answer that nobody gave was opened")
		}
	})
}
