package cluster

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
)

// TestAFileOfTheLogReadsTheSame writes the same to a file as it is and to one that is written ahead, with a stop in the middle.
func TestAFileOfTheLogReadsTheSame(t *testing.T) {
	const size = 2*writtenAhead + 1000
	read := func(v types.VFS) []byte {
		dir := t.TempDir()
		f, err := v.Create(dir, "a", size)
		if err != nil {
			t.Fatal(err)
		}
		at := int64(0)
		for i := range 30 { // the last goes beyond the size
			b := bytes.Repeat([]byte{byte(i + 1)}, size/29)
			if n, err := f.WriteAt(b, at); err != nil || n != len(b) {
				t.Fatal(n, err)
			}
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			if at += int64(len(b)); i == 15 {
				f.Close()
				if f, err = v.OpenWriter(dir, "a"); err != nil {
					t.Fatal(err)
				}
			}
		}
		f.Close()
		out, err := os.ReadFile(filepath.Join(dir, "a"))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if !bytes.Equal(read(newLogFiles()), read(fs.New())) {
		t.Error("a file that is written ahead does not read as one that is not")
	}
}
