package spool

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"motcua/crypto/digest"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
	"motcua/replication"
)

// The plain bytes of a content are: the length of the header (4 bytes, big endian), the header, the body, the files.

// purpose binds the sealed data key to parcels.
const purpose = "parcel"

// maxHeader keeps the header within the first chunk.
const maxHeader = 64 << 10

// header says where body and files are.
type header struct {
	Version uint8   `cbor:"1,keyasint"` // 1
	Body    uint32  `cbor:"2,keyasint"` // bytes
	Files   []entry `cbor:"3,keyasint,omitempty"`
}

type entry struct {
	Digest digest.Digest `cbor:"1,keyasint"`
	Size   uint64        `cbor:"2,keyasint"`
}

// maxFile bounds a file, so that sizes add up without overflow.
const maxFile = replication.MaxChunks * replication.ChunkSize

// size is how many plain bytes the header and what it describes take; prefix is the first part of that.
func (h header) size(prefix int64) int64 {
	n := prefix + int64(h.Body)
	for _, e := range h.Files {
		n += int64(e.Size)
	}
	return n
}

// encodeHeader returns the bytes that come before the body.
func encodeHeader(body []byte, files []replication.File) ([]byte, header, error) {
	h := header{Version: 1, Body: uint32(len(body))}
	if len(body) > replication.MaxBody || len(files) > replication.MaxFiles {
		return nil, h, fmt.Errorf("body of %d bytes and %d files, at most %d and %d", len(body), len(files), replication.MaxBody, replication.MaxFiles)
	}
	for _, f := range files {
		if f.Size < 0 || f.Size > maxFile {
			return nil, h, fmt.Errorf("file of %d bytes, at most %d", f.Size, int64(maxFile))
		}
		h.Files = append(h.Files, entry{f.Digest, uint64(f.Size)})
	}
	b, err := wire.Marshal(h)
	if err != nil {
		return nil, h, err
	}
	prefix := append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	if total := h.size(int64(len(prefix))); total > maxFile {
		return nil, h, fmt.Errorf("content of %d bytes, at most %d: send it in parts", total, int64(maxFile))
	}
	return prefix, h, nil
}

// decodeHeader reads the header from the start of a content of total plain bytes, and returns where the body starts.
func decodeHeader(first []byte, total int64) (header, int64, error) {
	var h header
	if len(first) < 4 {
		return h, 0, fmt.Errorf("content of %d bytes: %w", total, ErrUnreadable)
	}
	n := int64(binary.BigEndian.Uint32(first))
	if n > maxHeader || n > int64(len(first))-4 {
		return h, 0, fmt.Errorf("content header of %d bytes: %w", n, ErrUnreadable)
	}
	err := wire.UnmarshalVersioned(first[4:4+n], &h, 1)
	switch {
	case errors.Is(err, replication.ErrTooNew):
		return h, 0, fmt.Errorf("content header: %w", err) // not ErrUnreadable: it will be read after the upgrade
	case err != nil:
		return h, 0, fmt.Errorf("content header: %w: %w", ErrUnreadable, err)
	case h.Version != 1:
		return h, 0, fmt.Errorf("content of format %d: %w", h.Version, ErrUnreadable)
	}
	if h.Body > replication.MaxBody || len(h.Files) > replication.MaxFiles {
		return h, 0, fmt.Errorf("body of %d bytes and %d files: %w", h.Body, len(h.Files), ErrUnreadable)
	}
	for _, e := range h.Files {
		if e.Size > maxFile {
			return h, 0, fmt.Errorf("file of %d bytes: %w", e.Size, ErrUnreadable)
		}
	}
	if want := h.size(4 + n); want != total {
		return h, 0, fmt.Errorf("content of %d bytes says that it has %d: %w", total, want, ErrUnreadable)
	}
	return h, 4 + n, nil
}

// Unpack opens the content of a parcel all of whose chunks are here, with the key that OpenKey has found. Files stay in the
// spool and are read from it, so the content is good until Drop. The error wraps ErrUnreadable if the content will never open, or
// replication.ErrTooNew if a later version reads it; others are of this machine.
func (s *Spool) Unpack(p replication.Parcel, key seal.Key) (replication.Content, error) {
	fail := func(err error) (replication.Content, error) {
		return replication.Content{}, fmt.Errorf("unpack parcel %s: %w", p.ID().Short(), err)
	}
	v := &view{s: s, p: p, cipher: seal.NewCipher(key)}
	first, err := v.chunk(0)
	if err != nil {
		return fail(err)
	}
	h, at, err := decodeHeader(first, p.Manifest.Bytes()-int64(seal.Overhead*len(p.Manifest.Chunks)))
	if err != nil {
		return fail(err)
	}
	c := replication.Content{Body: make([]byte, h.Body)}
	if _, err := io.ReadFull(&span{v: v, at: at, left: int64(h.Body), buf: first[at:]}, c.Body); err != nil {
		return fail(err)
	}
	at += int64(h.Body)
	for _, e := range h.Files {
		start := at
		c.Files = append(c.Files, replication.File{Digest: e.Digest, Size: int64(e.Size), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(&checked{r: v.reader(start, int64(e.Size)), want: e.Digest, hash: sha256.New()}), nil
		}})
		at += int64(e.Size)
	}
	return c, nil
}

// OpenKey opens the data key of a parcel from its manifest. The error wraps ErrOtherKey if it is sealed to another key.
func OpenKey(p replication.Parcel, key *seal.PrivateKey) (seal.Key, error) {
	k, err := key.OpenKey(purpose, p.Manifest.Key)
	if err != nil {
		return k, fmt.Errorf("parcel %s: %w: %w", p.ID().Short(), ErrOtherKey, err)
	}
	return k, nil
}

// view reads the plain bytes of a parcel.
type view struct {
	s      *Spool
	p      replication.Parcel
	cipher *seal.Cipher
}

func (v *view) chunk(i int) ([]byte, error) {
	b, err := v.s.Chunk(v.p.ID(), i)
	if err != nil {
		return nil, err
	}
	plain, err := v.cipher.Open(uint64(i), i == len(v.p.Manifest.Chunks)-1, b)
	switch {
	case err == nil:
		return plain, nil
	case !v.p.Manifest.Fits(i, b):
		return nil, fmt.Errorf("chunk %d is damaged on disk", i)
	}
	return nil, fmt.Errorf("chunk %d: %w: %w", i, ErrUnreadable, err)
}

func (v *view) reader(at, size int64) io.Reader { return &span{v: v, at: at, left: size} }

// span reads a run of plain bytes.
type span struct {
	v    *view
	at   int64
	left int64
	buf  []byte
}

func (r *span) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if len(r.buf) == 0 {
		b, err := r.v.chunk(int(r.at / replication.ChunkSize))
		if err != nil {
			return 0, err
		}
		if skip := int(r.at % replication.ChunkSize); skip < len(b) {
			r.buf = b[skip:]
		} else {
			return 0, fmt.Errorf("content ends early: %w", ErrUnreadable)
		}
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.buf)
	r.buf, r.at, r.left = r.buf[n:], r.at+int64(n), r.left-int64(n)
	return n, nil
}

// checked reports the end only if the bytes were those of the digest.
type checked struct {
	r    io.Reader
	want digest.Digest
	hash hash.Hash
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && !bytes.Equal(c.hash.Sum(nil), c.want[:]) {
		return n, fmt.Errorf("file %s is not what its digest says: %w", c.want.Short(), ErrUnreadable)
	}
	return n, err
}
