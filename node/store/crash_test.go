package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/record"
)

// act is one use case in small: an event, its row and an outgoing note, all or nothing.
func act(s *Store, writer, n int, note []byte) error {
	return s.Update(context.Background(), func(tx *Tx) error {
		chain := name(fmt.Sprint(writer, "/", n))
		number, err := tx.NextNumber("H32", "261124")
		if err != nil {
			return err
		}
		r := record.Record{Body: note, Signer: chain, Signature: note, Size: 1}
		return errors.Join(
			tx.PutSubmission(r),
			tx.PutRow(Row{Chain: chain, Kind: RowRoot, Code: fmt.Sprintf("H32-261124-%04d", number), Bucket: "today", Due: int64(n), Updated: int64(n)}),
			tx.SetOnce(fmt.Sprint(writer, "/", n), fmt.Sprint(number)),
		)
	})
}

// checkAct fails unless the act is there whole.
func checkAct(tx *Tx, writer, n int) error {
	number, done, err := tx.Once(fmt.Sprint(writer, "/", n))
	if err != nil || !done {
		return fmt.Errorf("act %d/%d was acknowledged and is lost: %v", writer, n, err)
	}
	row, err := tx.Row(name(fmt.Sprint(writer, "/", n)))
	if err != nil {
		return fmt.Errorf("act %d/%d is half there: %w", writer, n, err)
	}
	if !strings.HasSuffix(row.Code, fmt.Sprintf("%04s", number)) {
		return fmt.Errorf("act %d/%d: code %s, answer %s", writer, n, row.Code, number)
	}
	return nil
}

// checkWhole checks that every act that is there at all is there whole, and that no code was given twice.
func checkWhole(tx *Tx) (count int, err error) {
	seen := map[digest.Digest]bool{}
	for from := Cursor(""); ; {
		rows, next, err := tx.ByBucket("today", from, 100)
		if err != nil {
			return count, err
		}
		for _, r := range rows {
			if byCode, err := tx.RowByCode(r.Code); err != nil || byCode.Chain != r.Chain || seen[r.Chain] {
				return count, fmt.Errorf("code %s: %w", r.Code, err)
			}
			seen[r.Chain] = true
			count++
		}
		if from = next; from == "" {
			break
		}
	}
	last, _, err := load[uint32](tx, tCounter.named("H32").text("261124"))
	if int(last) != count {
		err = errors.Join(err, fmt.Errorf("%d codes given, %d rows", last, count))
	}
	return count, err
}

// TestPowerCut copies the folder as it is on the disk in the middle of the work, opens the copy, and looks for
// everything that had been acknowledged when the copy began.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var stop atomic.Bool
	var done [4]atomic.Int64 // acts acknowledged, by writer
	var all sync.WaitGroup
	for w := range done {
		all.Go(func() {
			for n := 0; !stop.Load(); n++ {
				if err := act(s, w, n, []byte(fmt.Sprint(w, n))); err != nil {
					t.Error(err)
					return
				}
				done[w].Store(int64(n + 1))
			}
		})
	}
	for range 4 {
		before := done[0].Load()
		for done[0].Load() < before+15 {
			if t.Failed() {
				t.FailNow()
			}
		}
		acknowledged := [len(done)]int64{}
		for w := range done {
			acknowledged[w] = done[w].Load()
		}
		copied := open(t, copyFolder(t, dir))
		view(t, copied, func(tx *Tx) error {
			for w, n := range acknowledged {
				for i := range int(n) {
					if err := checkAct(tx, w, i); err != nil {
						return err
					}
				}
			}
			_, err := checkWhole(tx)
			return err
		})
		if err := act(copied, 9, 0, []byte("after")); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	all.Wait()
}

// copyFolder copies a folder file by file, logs last, as the database writes them.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return copySparse(path, filepath.Join(to, rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// copySparse leaves out pages of zeros: the logs are mapped at their full size.
func copySparse(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer dst.Close()
	var zero, page [64 << 10]byte
	size := int64(0)
	for {
		n, err := io.ReadFull(src, page[:])
		if page != zero {
			if _, err := dst.WriteAt(page[:n], size); err != nil {
				return err
			}
		}
		size += int64(n)
		clear(page[:])
		if err != nil {
			return dst.Truncate(size)
		}
	}
}

const childFolder = "MOTCUA_TEST_STORE"

// TestKilled runs writers in another process, with memtables so small that tables are written out all the time, kills it
// hard after some acknowledgements, and opens what it left. Three times over the same folder.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(childFolder); dir != "" {
		work(dir)
	}
	dir := filepath.Join(t.TempDir(), "store")
	acknowledged := map[[2]int]bool{}
	for round := range 3 {
		for _, a := range killedChild(t, dir, round) {
			acknowledged[a] = true
		}
		s := open(t, dir)
		view(t, s, func(tx *Tx) error {
			for a := range acknowledged {
				if err := checkAct(tx, a[0], a[1]); err != nil {
					return err
				}
			}
			count, err := checkWhole(tx)
			if count < len(acknowledged) {
				t.Errorf("%d acknowledged, %d there", len(acknowledged), count)
			}
			return err
		})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// work is the other process: it acts until it is killed, and prints what was acknowledged.
func work(dir string) {
	o := quiet()
	o.memtable = 256 << 10
	s, err := Open(dir, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mu sync.Mutex
	for w := range 8 {
		go func() {
			for n := 0; ; n++ {
				id := w + 8*len(os.Getenv(childFolder+"_ROUND"))
				if err := act(s, id, n, []byte(strings.Repeat(fmt.Sprint(w, n, "."), 300))); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println(id, n)
				mu.Unlock()
			}
		}()
	}
	select {}
}

func killedChild(t *testing.T, dir string, round int) (acknowledged [][2]int) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	c.Env = append(os.Environ(), childFolder+"="+dir, childFolder+"_ROUND="+strings.Repeat("x", round))
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var a [2]int
		if _, err := fmt.Sscan(lines.Text(), &a[0], &a[1]); err == nil {
			acknowledged = append(acknowledged, a)
		}
		if len(acknowledged) == 600 {
			_ = c.Process.Kill() // what it still prints before it dies counts too
		}
	}
	_ = c.Wait() // killed
	if len(acknowledged) < 600 {
		t.Fatalf("the writer stopped by itself after %d acts: %s", len(acknowledged), complaint.String())
	}
	return acknowledged
}
