package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// protect makes a folder read-only, even for root, until the test is over: it is mounted once more over itself. Where that is not
// permitted, its files are replaced by sealed ones in memory, which nobody can write to.
func protect(t *testing.T, dir string) {
	t.Helper()
	err := unix.Mount(dir, dir, "", unix.MS_BIND, "")
	if err == nil {
		t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
		err = unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
	if errors.Is(err, syscall.EPERM) {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal("nothing to protect", err)
		}
		for _, f := range files {
			seal(t, f)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("write to what is read-only: %v", err)
	}
}

// seal replaces a file by a link to sealed memory with the same bytes.
func seal(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.MemfdCreate("sealed", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "sealed")
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join("/proc", itoa(os.Getpid()), "fd", itoa(int(f.Fd())))
	if err := errors.Join(os.Remove(path), os.Symlink(name, path)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0); err == nil {
		t.Fatal("what is sealed can be emptied")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(b) {
		t.Fatalf("what is sealed does not read: %v", err)
	}
}

// TestSealedFilesAreReadOnly shows the second way of protect, which the first hides where mounting is permitted.
func TestSealedFilesAreReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.bundle")
	if err := os.WriteFile(path, []byte("bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	seal(t, path)
	if found, err := bundlesIn([]string{filepath.Dir(path)}); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}
