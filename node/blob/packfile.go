package blob

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
)

// A pack is its files one after the other, each with a head before it: a mark, the name, when it came (Unix nanoseconds), its
// length, and the CRC-32C of its bytes; numbers are big endian. A file that was removed has another mark, and its bytes are gone.
const (
	packMark     = 'F'
	packRemoved  = 'x'
	packHeadSize = 1 + digest.Size + 8 + 4 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errRemoved is returned for a file that was removed.
var errRemoved = errors.New("file was removed")

type packHead struct {
	name digest.Digest
	at   time.Time
	size uint32
	sum  uint32
}

func (h packHead) append(b []byte) []byte {
	b = append(append(b, packMark), h.name[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.at.UnixNano()))
	b = binary.BigEndian.AppendUint32(b, h.size)
	return binary.BigEndian.AppendUint32(b, h.sum)
}

// readPackHead reads the head at a place: io.EOF where there is none, errRemoved, with the head, for one that was removed.
func readPackHead(r io.ReaderAt, at int64) (h packHead, err error) {
	var b [packHeadSize]byte
	if _, err := r.ReadAt(b[:], at); err != nil {
		return h, err
	}
	mark, rest := b[0], b[1+digest.Size:]
	h.name = digest.Digest(b[1 : 1+digest.Size])
	h.at = time.Unix(0, int64(binary.BigEndian.Uint64(rest)))
	h.size, h.sum = binary.BigEndian.Uint32(rest[8:]), binary.BigEndian.Uint32(rest[12:])
	switch {
	case mark != packMark && mark != packRemoved || h.size > packable:
		return h, io.EOF
	case mark == packRemoved:
		err = errRemoved
	}
	return h, err
}

// indexed is a file in the index of a pack.
type indexed struct {
	key uint64 // the beginning of its name
	at  uint32 // where its head is
}

// scanPack finds the files of a pack, up to where a crash has cut it off: what was acknowledged is before that. Those that are not
// whole were not acknowledged, or are half removed.
func scanPack(path string) (keys []indexed, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body := make([]byte, packable)
	for at := int64(0); ; {
		h, err := readPackHead(f, at)
		if err != nil && err != errRemoved {
			return keys, unlessEOF(err)
		}
		n, bad := f.ReadAt(body[:h.size], at+packHeadSize)
		if n < int(h.size) {
			return keys, unlessEOF(bad)
		}
		if err == nil && crc32.Checksum(body[:n], castagnoli) == h.sum {
			keys = append(keys, indexed{packKey(h.name), uint32(at)})
		}
		at += packHeadSize + int64(h.size)
	}
}

func unlessEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// eachOf calls fn for the files of a pack at some places.
func eachOf(path string, places []uint32, fn func(Entry) error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // all were removed meanwhile
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for _, at := range places {
		h, err := readPackHead(f, int64(at))
		if err == errRemoved || err == io.EOF {
			continue
		}
		if err == nil {
			err = fn(Entry{h.name, int64(h.size), h.at})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// erase marks a file as removed and gives its bytes back to the disk.
func erase(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	h, err := readPackHead(f, at)
	if err == nil {
		_, err = f.WriteAt([]byte{packRemoved}, at)
	}
	if err == nil {
		err = disk.Punch(f, at+packHeadSize, int64(h.size))
	}
	return errors.Join(err, f.Close())
}

// An index lists the files of a pack that is no more written to, so that a start need not read the packs: a line that names the
// format, for each file the first 8 bytes of its name and the place of its head in 4, and the CRC-32C of all that; big endian.
const (
	indexSuffix  = ".index"
	indexTitle   = "motcua pack index 1\n"
	indexedBytes = 8 + 4
)

func writePackIndex(path string, keys []indexed) error {
	b := []byte(indexTitle)
	for _, k := range keys {
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, k.key), k.at)
	}
	return disk.WriteFile(path, binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)))
}

// readPackIndex reads an index, false if there is none that is whole and of this format.
func readPackIndex(path string) (keys []indexed, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil || len(b) < len(indexTitle)+4 {
		return nil, false
	}
	b, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	rows, ok := bytes.CutPrefix(b, []byte(indexTitle))
	if !ok || crc32.Checksum(b, castagnoli) != sum || len(rows)%indexedBytes != 0 {
		return nil, false
	}
	for ; len(rows) > 0; rows = rows[indexedBytes:] {
		keys = append(keys, indexed{binary.BigEndian.Uint64(rows), binary.BigEndian.Uint32(rows[8:])})
	}
	return keys, true
}
