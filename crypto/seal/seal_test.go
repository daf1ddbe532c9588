package seal

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"motcua/crypto/golden"
)

func testKey() Key {
	var k Key
	for i := range k {
		k[i] = byte(i)
	}
	return k
}

const chunkSize = 16

// seal encrypts into its chunks.
func sealAll(t testing.TB, plain []byte) [][]byte {
	t.Helper()
	var out [][]byte
	n, err := NewCipher(testKey()).Encrypt(bytes.NewReader(plain), chunkSize, func(b []byte) error { out = append(out, b); return nil })
	if err != nil || n != int64(len(plain)) {
		t.Fatalf("%d bytes: %v", n, err)
	}
	return out
}

func open(chunks ...[]byte) ([]byte, error) {
	return io.ReadAll(NewCipher(testKey()).Decrypter(bytes.NewReader(slices.Concat(chunks...)), chunkSize))
}

func TestGoldenChunks(t *testing.T) {
	golden.Check(t, "chunks-40-bytes", slices.Concat(sealAll(t, []byte("forty bytes of a paper in three chunks.."))...))
	golden.Check(t, "chunks-empty", slices.Concat(sealAll(t, nil)...))
}

// TestGoldenSealedKey opens a key sealed when the format was fixed: sealing is random, opening is for ever.
func TestGoldenSealedKey(t *testing.T) {
	private, err := ParsePrivateKey(golden.Read(t, "private-key"))
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "public-key", private.Public().Bytes())
	if k, err := private.OpenKey("parcel", golden.Read(t, "sealed-key")); err != nil || k != testKey() {
		t.Fatalf("the kept sealed key does not open: %v", err)
	}
}

func TestRoundTripOfAnySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 5*chunkSize).Draw(t, "plain")
		if rapid.Bool().Draw(t, "whole chunks") {
			plain = plain[:len(plain)/chunkSize*chunkSize]
		}
		var sealed []byte
		c := NewCipher(testKey())
		if _, err := c.Encrypt(iotest.OneByteReader(bytes.NewReader(plain)), chunkSize, func(b []byte) error { sealed = append(sealed, b...); return nil }); err != nil {
			t.Fatal(err)
		}
		if chunks := max(1, (len(plain)+chunkSize-1)/chunkSize); len(sealed) != len(plain)+chunks*Overhead {
			t.Fatalf("%d bytes sealed to %d", len(plain), len(sealed))
		}
		got, err := io.ReadAll(c.Decrypter(iotest.HalfReader(bytes.NewReader(sealed)), chunkSize))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%x came back as %x: %v", plain, got, err)
		}
	})
}

func TestTamperedChunksDoNotOpen(t *testing.T) {
	plain := bytes.Repeat([]byte("0123456789abcdef"), 3) // three full chunks
	c := sealAll(t, plain)
	longer := sealAll(t, append(slices.Clone(plain), "more"...))
	flipped := slices.Clone(c[1])
	flipped[3] ^= 1
	empty := NewCipher(testKey()).Seal(3, true, nil)
	for what, chunks := range map[string][][]byte{
		"nothing at all":             nil,
		"a flipped bit":              {c[0], flipped, c[2]},
		"chunks swapped":             {c[1], c[0], c[2]},
		"a chunk repeated":           {c[0], c[0], c[1], c[2]},
		"a chunk dropped":            {c[0], c[2]},
		"the last dropped":           {c[0], c[1]},
		"the first alone":            {c[0]},
		"the last cut off":           {c[0], c[1], c[2][:10]},
		"the last but one bit":       {c[0], c[1], c[2][:len(c[2])-1]},
		"a byte more":                {c[0], c[1], c[2], {0}},
		"a chunk more":               {c[0], c[1], c[2], c[2]},
		"a chunk of a longer file":   {longer[0], longer[1], longer[2]},
		"an empty chunk at the end":  {longer[0], longer[1], longer[2], empty},
		"the end of another file":    {c[0], c[1], longer[3]},
		"only the overhead, altered": {make([]byte, Overhead)},
	} {
		got, err := open(chunks...)
		if !errors.Is(err, ErrOpen) {
			t.Errorf("%s: want ErrOpen, have %v", what, err)
		}
		if !bytes.HasPrefix(append(slices.Clone(plain), "more"...), got) {
			t.Errorf("%s: yields bytes that were never sealed there: %q", what, got)
		}
	}
}

func TestReadErrorsComeThrough(t *testing.T) {
	broken := errors.New("broken pipe")
	c, sealed := NewCipher(testKey()), slices.Concat(sealAll(t, make([]byte, 3*chunkSize))...)
	for n := range len(sealed) {
		r := io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(broken))
		if _, err := io.ReadAll(c.Decrypter(r, chunkSize)); !errors.Is(err, broken) {
			t.Fatalf("broken after %d bytes: %v", n, err)
		}
		if _, err := c.Encrypt(io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(broken)), chunkSize, func([]byte) error { return nil }); !errors.Is(err, broken) {
			t.Fatalf("sealing, broken after %d bytes: %v", n, err)
		}
	}
}

func TestSealedKeyOpensForItsPurposeAlone(t *testing.T) {
	private, err := GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := SealKey(private.Public(), "parcel", testKey())
	if err != nil {
		t.Fatal(err)
	}
	if k, err := private.OpenKey("parcel", sealed); err != nil || k != testKey() {
		t.Fatal(err)
	}
	refuse := func(what string, p *PrivateKey, purpose string, b []byte) {
		t.Helper()
		if _, err := p.OpenKey(purpose, b); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: want ErrOpen, have %v", what, err)
		}
	}
	refuse("another purpose", private, "backup", sealed)
	refuse("another key", other, "parcel", sealed)
	refuse("nothing", private, "parcel", nil)
	for i := range sealed {
		if i > 40 && i < len(sealed)-60 && i%31 != 0 {
			continue
		}
		bad := slices.Clone(sealed)
		bad[i] ^= 0x80
		refuse("a flipped bit", private, "parcel", bad)
		refuse("cut off", private, "parcel", sealed[:i])
	}
}

func TestMalformedKeys(t *testing.T) {
	private, err := GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	pub := private.Public().Bytes()
	for what, b := range map[string][]byte{"nothing": nil, "short": pub[1:], "long": append(slices.Clone(pub), 0), "coefficients out of range": bytes.Repeat([]byte{255}, len(pub))} {
		if _, err := ParsePublicKey(b); !errors.Is(err, ErrKey) {
			t.Errorf("public key, %s: want ErrKey, have %v", what, err)
		}
	}
	if _, err := ParsePrivateKey([]byte("short")); !errors.Is(err, ErrKey) {
		t.Errorf("private key: want ErrKey, have %v", err)
	}
}

func FuzzDecrypter(f *testing.F) {
	plain := make([]byte, 3*chunkSize)
	f.Add(slices.Concat(sealAll(f, plain)...))
	f.Add(slices.Concat(sealAll(f, nil)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := open(b)
		if err == nil && !bytes.Equal(got, plain) && len(got) > 0 {
			t.Fatalf("forged: %x", got)
		}
	})
}

func BenchmarkSealChunk(b *testing.B) {
	c, plain := NewCipher(testKey()), make([]byte, 256<<10)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		c.Seal(0, false, plain)
	}
}

func BenchmarkSealKey(b *testing.B) {
	private, err := GeneratePrivateKey()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := SealKey(private.Public(), "parcel", testKey()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenKey(b *testing.B) {
	private, err := GeneratePrivateKey()
	if err != nil {
		b.Fatal(err)
	}
	sealed, err := SealKey(private.Public(), "parcel", testKey())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := private.OpenKey("parcel", sealed); err != nil {
			b.Fatal(err)
		}
	}
}
