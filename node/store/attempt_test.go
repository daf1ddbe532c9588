package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/replication"
)

// TestAttemptsOutliveARestart: how often a parcel was tried, and why it failed last, is known after a stop, and after a crash as of half a
// minute before; of the parcels tried last, where there are too many. A spoilt file is passed over.
func TestAttemptsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	now := time.Unix(1_796_000_000, 0)
	try := func(parcel string, after time.Duration) {
		s.Outbox().Attempted(t.Context(), name(parcel), now.Add(after), replication.Unreachable)
	}
	try("a", 0)
	try("a", time.Second)
	crashed := open(t, copyFolder(t, dir))
	if a, ok := crashed.Attempt(name("a")); !ok || a.Count != 1 {
		t.Errorf("after a crash: %+v %v", a, ok)
	}
	for i := range maxAttempts {
		try(fmt.Sprint(i), time.Minute)
	}
	try("a", time.Hour)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if a, ok := s.Attempt(name("a")); !ok || a != (Attempt{now.Add(time.Hour), replication.Unreachable, 3}) {
		t.Errorf("after a restart: %+v %v", a, ok)
	}
	if len(s.attempts) != maxAttempts {
		t.Errorf("%d are kept", len(s.attempts))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, attemptsFile), []byte("spoilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s = open(t, dir); len(s.attempts) != 0 {
		t.Errorf("of a spoilt file: %v", s.attempts)
	}
}

// TestAttemptFormatStays holds the bytes of the file.
func TestAttemptFormatStays(t *testing.T) {
	b, err := wire.Marshal([]attemptRow{{name("a"), 1_796_000_000, replication.Unreachable, 3}})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "attempts", b)
}
