package bundle

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"
)

func TestSaveKeepsWholeBundlesOnly(t *testing.T) {
	var whole bytes.Buffer
	c := Contents{From: "H32.22693", Created: time.Unix(1764000000, 0).UTC()}
	if err := Write(&whole, c); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, _, err := Save(dir, c.From, c.Created, bytes.NewReader(whole.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, whole.Bytes()) {
		t.Fatalf("%s holds other bytes than were sent (%v)", path, err)
	}
	for n := range whole.Len() {
		_, _, err := Save(dir, c.From, c.Created, bytes.NewReader(whole.Bytes()[:n]))
		if !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrNotBundle) {
			t.Fatalf("cut off after %d bytes: %v", n, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, want the whole one alone (%v)", len(entries), err)
	}
}
