package ceremony_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"motcua/cmd/ceremony"
	"motcua/crypto/record"
	"motcua/crypto/recovery"
)

// TestSharesAreReadBack: what is written down opens the key, the remark left aside, and no folder is written twice.
func TestSharesAreReadBack(t *testing.T) {
	signer, err := record.NewKey(bytes.Repeat([]byte{9}, record.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	r, shares, err := recovery.NewKey(1, 3, 2, time.Unix(1, 0), signer)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "shares")
	if err := ceremony.Write(dir, "a remark", r, shares); err != nil {
		t.Fatal(err)
	}
	var read []recovery.Share
	for _, name := range []string{"share-1.txt", "share-3.txt"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.HasPrefix(text, []byte("# a remark\n")) {
			t.Fatalf("%s, %v", text, err)
		}
		s, err := recovery.ParseShare(string(text))
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, s)
	}
	if _, err := recovery.Combine(read); err != nil {
		t.Error(err)
	}
	if ceremony.Write(dir, "", r, shares) == nil {
		t.Error("the folder was written twice")
	}
}
