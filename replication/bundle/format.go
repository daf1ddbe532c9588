package bundle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"motcua/replication"
)

// magic is the first line, up to the version.
const (
	magic   = "MOTCUA BUNDLE "
	version = "1"
)

// kind is the kind of a section. Append only.
type kind byte

const (
	kindIndex   kind = 1
	kindEdition kind = 2
	kindReceipt kind = 3
	kindParcel  kind = 4
	kindChunk   kind = 5
	kindEnd     kind = 6
)

// Bounds in bytes of a section, and in number of what the index announces.
const (
	MaxEdition = 64 << 20
	maxIndex   = 64 << 10
	MaxParts   = 100_000
	maxNames   = 512
)

func (k kind) max() (bytes uint32, known bool) {
	switch k {
	case kindIndex:
		return maxIndex, true
	case kindEdition:
		return MaxEdition, true
	case kindReceipt:
		return replication.MaxReceipt, true
	case kindParcel:
		return replication.MaxRecord, true
	case kindChunk:
		return replication.ChunkSize + 16, true
	case kindEnd:
		return 0, true
	}
	return 0, false
}

// Index says what a bundle is and for whom.
type Index struct {
	From     replication.Name   `cbor:"1,keyasint"`
	To       []replication.Name `cbor:"2,keyasint"`
	Created  int64              `cbor:"3,keyasint"` // Unix seconds of the writer's clock
	Parcels  uint32             `cbor:"4,keyasint"`
	Receipts uint32             `cbor:"5,keyasint"`
	Edition  uint64             `cbor:"6,keyasint,omitempty"` // number of the edition inside, 0: none
}

// For tells whether the bundle has something for a name: a parcel or a receipt, or an edition, which is for all.
func (i Index) For(name replication.Name) bool {
	for _, n := range i.To {
		if n == name {
			return true
		}
	}
	return i.Edition != 0
}

func (i Index) validate() error {
	if i.From == "" || len(i.From) > 64 || len(i.To) > maxNames || i.Parcels > MaxParts || i.Receipts > MaxParts {
		return fmt.Errorf("its index is out of bounds: %w", ErrDamaged)
	}
	return nil
}

// Errors of files that are no good bundles.
var (
	ErrNotBundle = errors.New("this is not a bundle: choose a file named *" + Suffix)
	ErrNewer     = errors.New("the bundle was written by a newer version: upgrade this node")
	ErrTruncated = errors.New("the bundle is cut off: copy it again, and eject the stick before pulling it out")
	ErrDamaged   = errors.New("the bundle is damaged: write it again, on another stick if it happens twice")
)

// sectionHead is how many bytes come before those of a section.
const sectionHead = 5

func writeSection(w io.Writer, k kind, b []byte) error {
	if most, _ := k.max(); uint64(len(b)) > uint64(most) {
		return fmt.Errorf("section %d of %d bytes, at most %d", k, len(b), most)
	}
	head := binary.BigEndian.AppendUint32([]byte{byte(k)}, uint32(len(b)))
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

// readMagic reads the first line.
func readMagic(r *bufio.Reader) error {
	line := make([]byte, 0, 24)
	for len(line) < cap(line) {
		b, err := r.ReadByte()
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF || b == '\n' {
			break
		}
		line = append(line, b)
	}
	switch s := string(line); {
	case s == magic+version:
		return nil
	case len(s) > len(magic) && s[:len(magic)] == magic:
		return fmt.Errorf("format %q: this version reads format %s: %w", s[len(magic):], version, ErrNewer)
	}
	return ErrNotBundle
}

// readHead reads the head of a section.
func readHead(r *bufio.Reader) (kind, uint32, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, 0, cutOff(err)
	}
	k, n := kind(head[0]), binary.BigEndian.Uint32(head[1:])
	most, known := k.max()
	switch {
	case !known:
		return k, n, fmt.Errorf("section of kind %d, which this version does not know: %w", k, ErrNewer)
	case n > most:
		return k, n, fmt.Errorf("section %d of %d bytes, at most %d: %w", k, n, most, ErrDamaged)
	}
	return k, n, nil
}

// readBody reads the bytes of a section. Memory grows with what is there, not with what is announced.
func readBody(r *bufio.Reader, n uint32) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && uint32(len(b)) < n {
		err = ErrTruncated
	}
	return b, err
}

func cutOff(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrTruncated
	}
	return err
}
