package blob

import (
	"errors"
	"io"

	"motcua/crypto/seal"
)

// reader opens chunks as they are read. It holds one plain chunk.
type reader struct {
	f      io.ReadSeekCloser
	c      *seal.Cipher
	sealed int64 // ciphertext bytes
	size   int64 // plain bytes
	at     int64 // plain offset of the next read
	next   int64 // chunk the file stands at, -1 when unknown
	index  int64 // of the chunk in plain, -1 for none
	plain  []byte
	buf    []byte
}

func newReader(f io.ReadSeekCloser, k seal.Key) (*reader, error) {
	sealed, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	n := (sealed + sealedChunk - 1) / sealedChunk
	size := sealed - n*seal.Overhead
	if n == 0 || size < 0 || sealed-(n-1)*sealedChunk < seal.Overhead {
		return nil, seal.ErrOpen
	}
	return &reader{f: f, c: seal.NewCipher(k), sealed: sealed, size: size, next: -1, index: -1, buf: make([]byte, sealedChunk)}, nil
}

// Read yields only what has been authenticated. The end is reported only after the last chunk has been, so a file cut off
// at a chunk is an error, not a shorter file.
func (r *reader) Read(p []byte) (int, error) {
	if r.at > r.size || r.at == r.size && r.index == r.last() {
		return 0, io.EOF
	}
	i := min(r.at/ChunkSize, r.last())
	if i != r.index {
		if err := r.load(i); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.plain[r.at-i*ChunkSize:])
	r.at += int64(n)
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (r *reader) last() int64 { return (r.sealed - 1) / sealedChunk }

func (r *reader) load(i int64) error {
	r.index = -1
	if r.next != i {
		if _, err := r.f.Seek(i*sealedChunk, io.SeekStart); err != nil {
			return err
		}
	}
	r.next = -1
	b := r.buf[:min(sealedChunk, r.sealed-i*sealedChunk)]
	if _, err := io.ReadFull(r.f, b); err != nil {
		return err
	}
	plain, err := r.c.Open(uint64(i), i == r.last(), b)
	if err != nil {
		return err
	}
	r.plain, r.index, r.next = plain, i, i+1
	return nil
}

// Seek moves the next read, and costs nothing until then.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	default:
		return 0, errors.New("seek attachment: unknown whence")
	}
	if offset < 0 {
		return 0, errors.New("seek attachment: before its start")
	}
	r.at = offset
	return offset, nil
}

func (r *reader) Close() error { return r.f.Close() }
