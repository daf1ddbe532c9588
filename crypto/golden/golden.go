// Package golden holds formats still: a test compares the bytes it makes with those in testdata, written when the format
// was fixed. What is signed or stored must be read for decades, so a difference is a fault of the change, not of the file.
//
// Files are lower-case hexadecimal, 64 digits a line, in testdata/NAME.golden of the package under test. To add a new
// one, run its test with MOTCUA_GOLDEN=new: that writes files that are missing and never changes one that is there.
package golden

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Check fails the test unless got is what the golden file of the name holds.
func Check(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if _, err := os.Stat(path); os.IsNotExist(err) && os.Getenv("MOTCUA_GOLDEN") == "new" {
		write(t, path, got)
	}
	want := Read(t, name)
	if !bytes.Equal(got, want) {
		t.Errorf("%s: the format has changed: bytes differ from %d on (have %d, want %d)\nhave %x", path, differ(got, want), len(got), len(want), got[:min(len(got), 4096)])
	}
}

// Read returns the bytes of a golden file.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: a new format? run this test with MOTCUA_GOLDEN=new, read what it wrote, and commit it", err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return b
}

func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	var text strings.Builder
	for digits := hex.EncodeToString(b); digits != ""; {
		n := min(64, len(digits))
		text.WriteString(digits[:n] + "\n")
		digits = digits[n:]
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
