package digest_test

import (
	"bytes"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
)

func TestADigestIsAByteStringOfItsSize(t *testing.T) {
	d := digest.Of([]byte("x"))
	plain, err := wire.Marshal([digest.Size]byte(d))
	if err != nil {
		t.Fatal(err)
	}
	b, err := wire.Marshal(d)
	if err != nil || !bytes.Equal(b, plain) {
		t.Errorf("encoded as %x, want %x: %v", b, plain, err)
	}
	var again digest.Digest
	if err := wire.Unmarshal(b, &again); err != nil || again != d {
		t.Errorf("read as %s: %v", again, err)
	}
	short, _ := wire.Marshal(d[:31])
	list, _ := wire.Marshal(make([]uint8, 0))
	text, _ := wire.Marshal(string(make([]byte, digest.Size)))
	for _, bad := range [][]byte{b[:33], append(b[:34:34], 0), short, list, text, {0xf6}, {0x18, 0x20}, nil} {
		if wire.UnmarshalKept(bad, &again) == nil {
			t.Errorf("%x was read as a digest", bad)
		}
	}
}
