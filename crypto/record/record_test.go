package record

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/wire"
)

const label = "motcua test v1"

// seed is a fixed secret: n in the last byte of the scalar and of the lattice seed.
func seed(n byte) []byte {
	s := make([]byte, SeedSize)
	s[scalarSize-1], s[SeedSize-1] = n, n
	return s
}

func newKey(t testing.TB, n byte) *Key {
	t.Helper()
	k, err := NewKey(seed(n))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, k *Key, bodies ...[]byte) []Record {
	t.Helper()
	rs, err := Sign(k, label, bodies...)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGoldenFormats(t *testing.T) {
	k := newKey(t, 7)
	golden.Check(t, "public-key", k.Public().Bytes())
	golden.Check(t, "record-alone", encode(t, sign(t, k, []byte("một cửa"))[0]))
	batch := sign(t, k, []byte("a"), []byte("b"), []byte("c"), []byte("d"), []byte("e"))
	golden.Check(t, "record-batch-3-of-5", encode(t, batch[2]))
	golden.Check(t, "record-batch-5-of-5", encode(t, batch[4]))
}

// TestGoldenVerifies reads the kept bytes as a stranger would who has only the public key.
func TestGoldenVerifies(t *testing.T) {
	k, err := ParsePublicKey(golden.Read(t, "public-key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"record-alone": "một cửa", "record-batch-3-of-5": "c", "record-batch-5-of-5": "e"} {
		var r Record
		if err := wire.Unmarshal(golden.Read(t, name), &r); err != nil {
			t.Fatal(err)
		}
		if err := r.Verify(k, label); err != nil || string(r.Body) != body {
			t.Errorf("%s: body %q: %v", name, r.Body, err)
		}
	}
}

func mustRefuse(t *testing.T, what string, r Record, k *PublicKey, label string) {
	t.Helper()
	if err := r.Verify(k, label); !errors.Is(err, ErrSignature) {
		t.Errorf("%s: want ErrSignature, have %v", what, err)
	}
}

func TestForgeriesAreRefused(t *testing.T) {
	k, other := newKey(t, 7), newKey(t, 8)
	r := sign(t, k, []byte("approved"))[0]
	if err := r.Verify(k.Public(), label); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, "another label", r, k.Public(), "motcua other v1")
	mustRefuse(t, "another key", r, other.Public(), label)

	claimed := sign(t, other, []byte("approved"))[0]
	claimed.Signer = k.Public().ID()
	mustRefuse(t, "another's signature under this name", claimed, k.Public(), label)

	changed := r
	changed.Body = []byte("rejected")
	mustRefuse(t, "another body", changed, k.Public(), label)

	for _, n := range []int{0, ecdsaSize, SignatureSize - 1, SignatureSize + 1} {
		cut := r
		cut.Signature = append(slices.Clone(r.Signature), 0)[:n]
		mustRefuse(t, fmt.Sprintf("signature of %d bytes", n), cut, k.Public(), label)
	}
}

// TestHalfSignedIsRefused joins one true half with one that somebody else could make, or with none.
func TestHalfSignedIsRefused(t *testing.T) {
	k, other := newKey(t, 7), newKey(t, 8)
	body := []byte("approved")
	mine, theirs := sign(t, k, body)[0], sign(t, other, body)[0]
	halves := map[string][]byte{
		"classic half only":              slices.Concat(mine.Signature[:ecdsaSize], theirs.Signature[ecdsaSize:]),
		"lattice half only":              slices.Concat(theirs.Signature[:ecdsaSize], mine.Signature[ecdsaSize:]),
		"classic half and zeros":         slices.Concat(mine.Signature[:ecdsaSize], make([]byte, SignatureSize-ecdsaSize)),
		"zeros and lattice half":         slices.Concat(make([]byte, ecdsaSize), mine.Signature[ecdsaSize:]),
		"lattice half with r and s of 1": slices.Concat(append(make([]byte, scalarSize-1), 1), append(make([]byte, scalarSize-1), 1), mine.Signature[ecdsaSize:]),
	}
	for what, sig := range halves {
		r := mine
		r.Signature = sig
		mustRefuse(t, what, r, k.Public(), label)
	}
}

// TestEveryBitCounts flips each byte of an encoded batch record: it must no longer decode, or no longer verify, or say
// the same under the same key. The last can only be the signature's second form, which ECDSA allows (r, n−s); no
// single flip makes it, so here nothing may pass.
func TestEveryBitCounts(t *testing.T) {
	k := newKey(t, 7)
	b := encode(t, sign(t, k, []byte("a"), []byte("approved"), []byte("c"))[1])
	for i := range b {
		if i > 200 && i < len(b)-120 && i%17 != 0 {
			continue // the long middle is lattice signature: a sample will do
		}
		bad := slices.Clone(b)
		bad[i] ^= 1 << (i % 8)
		var r Record
		if wire.Unmarshal(bad, &r) == nil && r.Verify(k.Public(), label) == nil {
			t.Fatalf("byte %d flipped and the record still verifies", i)
		}
	}
}

// slowRoot is the definition of RFC 6962, section 2.1, written as it stands there.
func slowRoot(leaves [][]byte) digest.Digest {
	if len(leaves) == 1 {
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	l, r := slowRoot(leaves[:k]), slowRoot(leaves[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, l[:], r[:]))
}

func TestPathsProveTheirLeafAndNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bodies := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 9), 1, 70).Draw(t, "bodies")
		leaves, paths := make([]digest.Digest, len(bodies)), make([][]digest.Digest, len(bodies))
		for i, b := range bodies {
			leaves[i] = leaf(b)
		}
		root := tree(leaves, paths)
		if want := slowRoot(bodies); root != want {
			t.Fatalf("root of %d leaves is not that of RFC 6962", len(bodies))
		}
		size := uint32(len(bodies))
		i := uint32(rapid.IntRange(0, len(bodies)-1).Draw(t, "leaf"))
		if h, err := climb(leaves[i], i, size, paths[i]); err != nil || h != root {
			t.Fatalf("path of leaf %d of %d does not lead to the root: %v", i, size, err)
		}
		wrongIndex := rapid.Uint32Range(0, size+2).Draw(t, "wrong index")
		if h, err := climb(leaves[i], wrongIndex, size, paths[i]); err == nil && h == root && wrongIndex != i && leaves[i] != leaves[min(wrongIndex, size-1)] {
			t.Fatalf("leaf %d of %d also proves itself as leaf %d", i, size, wrongIndex)
		}
		if _, err := climb(leaves[i], i, size, append(slices.Clone(paths[i]), root)); err == nil {
			t.Fatal("a path too long is taken")
		}
		if n := len(paths[i]); n > 0 {
			if h, err := climb(leaves[i], i, size, paths[i][:n-1]); err == nil && h == root {
				t.Fatal("a path too short leads to the root")
			}
		}
	})
}

// TestBatchSizeIsSigned: a path may fit a tree of another size, so the size is part of what is signed.
func TestBatchSizeIsSigned(t *testing.T) {
	k := newKey(t, 7)
	for i, r := range sign(t, k, []byte("a"), []byte("b"), []byte("c")) {
		for size := range uint32(9) {
			r.Size = size
			if size != 3 {
				mustRefuse(t, fmt.Sprintf("leaf %d of 3 as one of %d", i, size), r, k.Public(), label)
			}
		}
		r.Size, r.Index = 3, uint32(i+1)%3
		mustRefuse(t, "another index", r, k.Public(), label)
	}
}

func TestSignBoundsTheBatch(t *testing.T) {
	k := newKey(t, 7)
	if _, err := Sign(k, label); err == nil {
		t.Error("an empty batch is signed")
	}
	if _, err := Sign(k, label, make([][]byte, MaxBatch+1)...); err == nil {
		t.Error("a batch beyond the bound is signed")
	}
	rs := sign(t, k, make([][]byte, MaxBatch)...)
	if err := rs[MaxBatch-1].Verify(k.Public(), label); err != nil {
		t.Errorf("the largest batch: %v", err)
	}
}

func TestMalformedKeys(t *testing.T) {
	good := newKey(t, 7).Public().Bytes()
	offCurve := slices.Clone(good)
	offCurve[40] ^= 1
	for what, b := range map[string][]byte{
		"nothing": nil, "too short": good[:PublicKeySize-1], "too long": append(slices.Clone(good), 0), "a point off the curve": offCurve,
		"the point at infinity": make([]byte, PublicKeySize),
	} {
		if _, err := ParsePublicKey(b); !errors.Is(err, ErrKey) {
			t.Errorf("%s: want ErrKey, have %v", what, err)
		}
	}
	for what, s := range map[string][]byte{"short": seed(1)[1:], "zero scalar": make([]byte, SeedSize), "scalar above the order": bytes.Repeat([]byte{255}, SeedSize)} {
		if _, err := NewKey(s); !errors.Is(err, ErrKey) {
			t.Errorf("seed, %s: want ErrKey, have %v", what, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	k := newKey(f, 7)
	for _, r := range sign(f, k, []byte("a"), []byte("b"), []byte("c")) {
		f.Add(encode(f, r))
	}
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Record
		if err := wire.Unmarshal(b, &r); err != nil {
			if !errors.Is(err, wire.ErrMalformed) {
				t.Fatalf("a decoding error that is not ErrMalformed: %v", err)
			}
			return
		}
		if !bytes.Equal(encode(t, r), b) {
			t.Fatal("decoded bytes that are not what Marshal writes")
		}
		if r.Verify(k.Public(), label) == nil && !slices.Contains([]string{"a", "b", "c"}, string(r.Body)) {
			t.Fatalf("forged: %q", r.Body)
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(newKey(f, 7).Public().Bytes())
	f.Add([]byte{4})
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParsePublicKey(b)
		if err == nil && !bytes.Equal(k.Bytes(), b) {
			t.Fatal("one key has two encodings")
		}
	})
}

func BenchmarkSign(b *testing.B) {
	k := newKey(b, 7)
	for i := 0; b.Loop(); i++ {
		if _, err := SignOne(k, label, fmt.Append(nil, i)); err != nil { // signing time depends on the message
			b.Fatal(err)
		}
	}
}

func BenchmarkSignBatchOf64(b *testing.B) {
	k, bodies := newKey(b, 7), make([][]byte, 64)
	for i := 0; b.Loop(); i++ {
		bodies[0] = fmt.Append(nil, i)
		if _, err := Sign(k, label, bodies...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	k := newKey(b, 7)
	r := sign(b, k, []byte("a"))[0]
	for b.Loop() {
		if err := r.Verify(k.Public(), label); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSignedAmongOthers: whoever signs at the same moment gets a record of its own that verifies, under few signatures.
func TestSignedAmongOthers(t *testing.T) {
	k := newKey(t, 1)
	const n = 200
	out := make([]Record, n)
	var work sync.WaitGroup
	k.gathered.turn.Lock() // until all wait
	for i := range n {
		work.Go(func() {
			l := label
			if i%10 == 0 {
				l = "motcua other v1"
			}
			var err error
			if out[i], err = SignAmong(k, l, []byte(fmt.Sprint("body ", i))); err != nil {
				t.Error(err)
			}
		})
	}
	for waiting := 0; waiting < n; {
		k.gathered.mu.Lock()
		waiting = len(k.gathered.calls)
		k.gathered.mu.Unlock()
	}
	k.gathered.turn.Unlock()
	work.Wait()
	signatures := map[string]bool{}
	for i, r := range out {
		l := label
		if i%10 == 0 {
			l = "motcua other v1"
		}
		if string(r.Body) != fmt.Sprint("body ", i) || r.Verify(k.Public(), l) != nil || r.Verify(k.Public(), l) != nil {
			t.Errorf("record %d does not verify", i)
		}
		if r.Verify(k.Public(), "motcua third v1") == nil || len(r.Path) > 6 {
			t.Errorf("record %d verifies under another label, or has a path of %d", i, len(r.Path))
		}
		signatures[string(r.Signature)] = true
	}
	if len(signatures) > 6 {
		t.Errorf("%d signatures for %d statements", len(signatures), n)
	}
}

// TestWhatVerifiedOnceIsNoLicence: a key that remembers a batch takes no altered record of it.
func TestWhatVerifiedOnceIsNoLicence(t *testing.T) {
	k := newKey(t, 1)
	rs := sign(t, k, []byte("a"), []byte("b"), []byte("c"))
	for _, r := range rs {
		if err := r.Verify(k.Public(), label); err != nil {
			t.Fatal(err)
		}
	}
	bad := rs[1]
	bad.Body = []byte("x")
	other := rs[1]
	other.Signature = bytes.Clone(other.Signature)
	other.Signature[5] ^= 1
	moved := rs[1]
	moved.Index = 0
	for what, r := range map[string]Record{"body": bad, "signature": other, "place": moved} {
		if r.Verify(k.Public(), label) == nil {
			t.Errorf("a record with another %s verifies", what)
		}
	}
}
