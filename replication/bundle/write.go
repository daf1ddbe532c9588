package bundle

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
)

// Suffix ends the names of bundles.
const Suffix = ".bundle"

// Contents are what is to be carried. Of more than MaxParts parcels or receipts each recipient's first are, in equal shares: the
// others are where they came from, for the next bundle.
type Contents struct {
	From    replication.Name
	Created time.Time
	Parcels []replication.Parcel
	// Chunk returns the chunks of the parcels, as spool.Chunk does.
	Chunk    func(id digest.Digest, i int) ([]byte, error)
	Receipts []record.Record
	// Edition is the bytes of an edition and EditionNumber its number; nil and 0: none.
	Edition       []byte
	EditionNumber uint64
}

// fit leaves out what is more than a number of parcels or receipts.
func (c Contents) fit(most int) Contents {
	c.Parcels = share(c.Parcels, most, func(p replication.Parcel) replication.Name { return p.Manifest.To })
	c.Receipts = share(c.Receipts, most, addressee)
	return c
}

// Part is the n-th of the bundles, 1 for the first, into which the contents are divided so that each is of about most bytes, and how many
// there are. A parcel that is larger has a bundle to itself. Receipts and edition are in each: they are small, and it does not matter
// which stick comes first or not at all.
func (c Contents) Part(n int, most int64) (Contents, int) {
	if most <= 0 {
		return c, 1
	}
	parts, size := [][]replication.Parcel{nil}, int64(0)
	for _, p := range c.Parcels {
		last := len(parts) - 1
		if b := p.Manifest.Bytes(); size+b > most && len(parts[last]) > 0 {
			parts, size, last = append(parts, nil), 0, last+1
		}
		parts[last] = append(parts[last], p)
		size += p.Manifest.Bytes()
	}
	if n < 1 || n > len(parts) {
		c.Parcels = nil
		return c, len(parts)
	}
	c.Parcels = parts[n-1]
	return c, len(parts)
}

// share keeps at most most of the parts, in their order: each recipient's first.
func share[T any](parts []T, most int, to func(T) replication.Name) []T {
	if len(parts) <= most {
		return parts
	}
	by := map[replication.Name]int{}
	for _, p := range parts {
		by[to(p)] = 0
	}
	var out []T
	for _, p := range parts {
		n := to(p)
		if by[n]++; by[n] <= most/len(by) {
			out = append(out, p)
		}
	}
	return out
}

func addressee(r record.Record) replication.Name {
	v, _ := replication.ReadReceipt(r) // what cannot be read is found by index
	return v.To
}

// index says for whom the contents are.
func (c Contents) index() (Index, error) {
	ix := Index{
		From: c.From, Created: c.Created.Unix(), To: []replication.Name{},
		Parcels: uint32(len(c.Parcels)), Receipts: uint32(len(c.Receipts)),
	}
	if len(c.Edition) > 0 {
		ix.Edition = c.EditionNumber
	}
	for _, p := range c.Parcels {
		ix.To = append(ix.To, p.Manifest.To)
	}
	for _, r := range c.Receipts {
		v, err := replication.ReadReceipt(r)
		if err != nil {
			return ix, err
		}
		ix.To = append(ix.To, v.To)
	}
	slices.Sort(ix.To)
	ix.To = slices.Compact(ix.To)
	return ix, ix.validate()
}

// Size is how many bytes the bundle of the contents has.
func (c Contents) Size() (int64, error) {
	var n counter
	err := c.write(&n, func(p replication.Parcel) error {
		n += counter(p.Manifest.Bytes()) + counter(len(p.Manifest.Chunks)*sectionHead)
		return nil
	})
	return int64(n), err
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// Write writes a bundle. A chunk is in memory at a time.
func Write(w io.Writer, c Contents) error {
	out := bufio.NewWriter(w)
	err := c.write(out, func(p replication.Parcel) error { return writeChunks(out, c, p) })
	if err := errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

// write writes all but the chunks of parcels, and calls for those.
func (c Contents) write(out io.Writer, chunks func(replication.Parcel) error) error {
	c = c.fit(MaxParts)
	ix, err := c.index()
	if err != nil {
		return err
	}
	put := func(k kind, v any) {
		if err == nil {
			var b []byte
			if b, err = wire.Marshal(v); err == nil {
				err = writeSection(out, k, b)
			}
		}
	}
	_, err = io.WriteString(out, magic+version+"\n")
	put(kindIndex, ix)
	if err == nil && len(c.Edition) > 0 {
		err = writeSection(out, kindEdition, c.Edition)
	}
	for _, r := range c.Receipts {
		put(kindReceipt, r)
	}
	for _, p := range c.Parcels {
		put(kindParcel, p.Record)
		if err == nil {
			err = chunks(p)
		}
	}
	if err == nil {
		err = writeSection(out, kindEnd, nil)
	}
	return err
}

func writeChunks(w io.Writer, c Contents, p replication.Parcel) error {
	for i := range p.Manifest.Chunks {
		b, err := c.Chunk(p.ID(), i)
		if err == nil && !p.Manifest.Fits(i, b) {
			err = fmt.Errorf("chunk %d of parcel %s is damaged in the spool", i, p.ID().Short())
		}
		if err == nil {
			err = writeSection(w, kindChunk, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// FileName suggests a name for a bundle: motcua-FROM-yyyymmdd-hhmm.bundle, in the time zone of the time.
func FileName(from replication.Name, at time.Time) string {
	safe := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, string(from))
	return "motcua-" + safe + "-" + at.Format("20060102-1504") + Suffix
}

// Create writes a bundle as a new file into a folder, whole or not at all, and returns its path. When it returns the
// file is on the medium.
func Create(dir string, c Contents) (string, error) {
	return create(dir, c.From, c.Created, func(w io.Writer) error { return Write(w, c) })
}

// Save is Create for a bundle that comes from a reader, as a node streams it to a tool. It is checked to be whole, and what
// is in it is told.
func Save(dir string, from replication.Name, at time.Time, r io.Reader) (path string, rep Report, err error) {
	path, err = create(dir, from, at, func(w io.Writer) (err error) {
		rep, err = Read(context.Background(), io.TeeReader(r, w), passing{})
		if err == nil && !rep.Complete {
			err = ErrTruncated
		}
		return err
	})
	return path, rep, err
}

// passing is the sink of a bundle that is only looked through.
type passing struct{}

func (passing) Index(Index) error                            { return nil }
func (passing) Edition(context.Context, []byte) error        { return nil }
func (passing) Receipt(context.Context, record.Record) error { return nil }
func (passing) Parcel(context.Context, replication.Parcel, func(int) ([]byte, error)) error {
	return nil
}

func create(dir string, from replication.Name, at time.Time, write func(io.Writer) error) (path string, err error) {
	path = filepath.Join(dir, FileName(from, at))
	for n := 2; exists(path); n++ {
		path = filepath.Join(dir, strings.TrimSuffix(FileName(from, at), Suffix)+fmt.Sprintf("-%d", n)+Suffix)
	}
	f, err := os.CreateTemp(dir, "motcua-*.part")
	if err != nil {
		return "", medium(dir, err)
	}
	defer os.Remove(f.Name()) // has no effect once it is renamed
	err = write(f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", medium(dir, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", medium(dir, err)
	}
	return path, medium(dir, syncDir(dir))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// medium says what is wrong with a stick.
func medium(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("write bundle to %s: it cannot be written to: unlock or change the stick: %w", dir, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("write bundle to %s: it is full: make room or change the stick: %w", dir, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("write bundle to %s: there is no such folder, or the stick was pulled out: %w", dir, err)
	}
	return fmt.Errorf("write bundle to %s: %w", dir, err)
}

// syncDir is disk.SyncDir, where the stick's file system can.
func syncDir(dir string) error {
	err := disk.SyncDir(dir)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
