package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLockIsForOne(t *testing.T) {
	dir := t.TempDir()
	f, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("want ErrInUse that names the folder, have %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Lock(dir)
	if err != nil {
		t.Fatalf("after the first is gone: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestFilesAreReplacedWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"a long first text", "short"} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("have %q, want %q: %v", b, text, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	blocked := filepath.Join(dir, "folder")
	if err := os.Mkdir(blocked, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(blocked, []byte("x")); err == nil {
		t.Error("a file has replaced a folder")
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestFullDiskIsNamed(t *testing.T) {
	for _, err := range []error{syscall.ENOSPC, fmt.Errorf("write x: %w", syscall.EDQUOT)} {
		if got := Full(err); !errors.Is(got, ErrFull) || !errors.Is(got, err) || !strings.Contains(got.Error(), "free some space") {
			t.Errorf("%v becomes %v", err, got)
		}
	}
	if got := Full(syscall.EIO); errors.Is(got, ErrFull) {
		t.Errorf("another error becomes %v", got)
	}
	if Full(nil) != nil {
		t.Error("no error becomes one")
	}
	left := func(n uint64) func(string) (uint64, error) { return func(string) (uint64, error) { return n, nil } }
	if err := Room("x", 100, left(99)); !errors.Is(err, ErrFull) {
		t.Errorf("99 of 100 bytes: %v", err)
	}
	if err := Room("x", 100, left(100)); err != nil {
		t.Errorf("100 of 100 bytes: %v", err)
	}
	if n, err := Free(t.TempDir()); err != nil || n == 0 {
		t.Errorf("%d bytes free: %v", n, err)
	}
}
