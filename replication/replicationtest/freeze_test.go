package replicationtest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestFreeze sees that a frozen folder is the folder.
func TestFreeze(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "kept")
	holes := make([]byte, 300<<10)
	copy(holes[200<<10:], "kept")
	for name, b := range map[string][]byte{"empty": nil, "holes": holes, "deep/small": []byte("secret")} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(from, name)), 0o700), os.WriteFile(filepath.Join(from, name), b, 0o600)); err != nil {
			t.Fatal(err)
		}
		defer func() {
			got, err := os.ReadFile(filepath.Join(to, name))
			info, _ := os.Stat(filepath.Join(to, name))
			if err != nil || !bytes.Equal(got, b) || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %d bytes, want %d: %v", name, len(got), len(b), err)
			}
		}()
	}
	if err := Freeze(from, to); err != nil {
		t.Fatal(err)
	}
}
