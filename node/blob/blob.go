package blob

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/seal"
)

// ChunkSize is the plain size of every chunk but the last, in bytes.
const ChunkSize = 64 << 10

const sealedChunk = ChunkSize + seal.Overhead

// Sealed describes a file that was put.
type Sealed struct {
	Blob   digest.Digest // of the ciphertext: the file's name
	Plain  digest.Digest // of the plain bytes
	Size   int64         // plain bytes
	Sealed int64         // ciphertext bytes
	Key    []byte        // whoever has it and the file can read it
	// MediaType is that of Sniff, "" for a kind it does not know.
	MediaType string
}

// Store seals files onto a shelf and opens them. It is safe for concurrent use.
type Store struct {
	shelf Shelf

	mu   sync.Mutex
	used map[digest.Digest]time.Time // when this process last said yes about a file; older ones are forgotten by Sweep
}

// New makes a store on a shelf.
func New(s Shelf) *Store { return &Store{shelf: s, used: make(map[digest.Digest]time.Time)} }

// Open opens the store of a local folder. Close it.
func Open(dir string) (*Store, error) {
	f, err := OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	return New(f), nil
}

// Close closes the shelf, if it is one that is closed.
func (s *Store) Close() error {
	if c, ok := s.shelf.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// PutPaper is Put for files from the public: it refuses with ErrKind, before storing anything, what Sniff does not know.
func (s *Store) PutPaper(ctx context.Context, r io.Reader, maxBytes int64) (Sealed, error) {
	br := bufio.NewReaderSize(r, sniffSize)
	head, err := br.Peek(sniffSize)
	if err != nil && err != io.EOF {
		return Sealed{}, fmt.Errorf("read attachment: %w", err)
	}
	if _, ok := Sniff(head); !ok {
		return Sealed{}, fmt.Errorf("attachment: %w: give a PDF, JPEG, PNG, DOCX or ODT file", ErrKind)
	}
	return s.Put(ctx, br, maxBytes)
}

// Put seals the bytes of r, at most maxBytes, under a fresh key. It fails with ErrTooLarge or ErrFull, and then nothing is
// stored.
func (s *Store) Put(ctx context.Context, r io.Reader, maxBytes int64) (Sealed, error) {
	out, err := s.put(ctx, r, maxBytes)
	if err != nil {
		return Sealed{}, fmt.Errorf("store attachment: %w", err)
	}
	return out, nil
}

func (s *Store) put(ctx context.Context, r io.Reader, maxBytes int64) (Sealed, error) {
	p, err := s.shelf.Create(ctx)
	if err != nil {
		return Sealed{}, err
	}
	defer p.Drop()
	key := seal.NewKey()
	in := &meter{r: io.LimitReader(r, maxBytes+1), hash: sha256.New()}
	sum, sealed := sha256.New(), int64(0)
	size, err := seal.NewCipher(key).Encrypt(in, ChunkSize, func(chunk []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		sum.Write(chunk)
		sealed += int64(len(chunk))
		_, err := p.Write(chunk)
		return err
	})
	if err != nil {
		return Sealed{}, err
	}
	if size > maxBytes {
		return Sealed{}, fmt.Errorf("more than %d bytes: %w", maxBytes, ErrTooLarge)
	}
	kind, _ := Sniff(in.head)
	out := Sealed{Blob: digest.Digest(sum.Sum(nil)), Plain: digest.Digest(in.hash.Sum(nil)), Size: size, Sealed: sealed, Key: key[:], MediaType: kind}
	s.use(out.Blob)
	return out, p.Keep(out.Blob)
}

// use keeps a file from being swept for a while, before anybody is told that it is there.
func (s *Store) use(blob digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[blob] = time.Now()
}

// meter hashes what is read through it and remembers its beginning.
type meter struct {
	r    io.Reader
	hash hash.Hash
	head []byte
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.hash.Write(b[:n])
	if miss := sniffSize - len(m.head); miss > 0 {
		m.head = append(m.head, b[:min(n, miss)]...)
	}
	return n, err
}

// PutSealed stores ciphertext that arrives from elsewhere, after checking that it is size bytes and has the digest it was
// announced by (else ErrMismatch). One that is held already is not read again.
func (s *Store) PutSealed(ctx context.Context, r io.Reader, want digest.Digest, size int64) error {
	if held, err := s.Has(ctx, want); err != nil || held {
		return err
	}
	p, err := s.shelf.Create(ctx)
	if err != nil {
		return fmt.Errorf("store attachment %s: %w", want.Short(), err)
	}
	defer p.Drop()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(p, sum), io.LimitReader(&withContext{ctx, r}, size+1))
	if err == nil && (n != size || !bytes.Equal(sum.Sum(nil), want[:])) {
		err = ErrMismatch
	}
	if err == nil {
		s.use(want)
		err = p.Keep(want)
	}
	if err != nil {
		return fmt.Errorf("store attachment %s: %w", want.Short(), err)
	}
	return nil
}

type withContext struct {
	ctx context.Context
	r   io.Reader
}

func (c *withContext) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// Has tells whether a file is held. One that is will not be swept for a while.
func (s *Store) Has(ctx context.Context, blob digest.Digest) (bool, error) {
	s.use(blob)
	f, err := s.Raw(ctx, blob)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// Raw returns the ciphertext of a file, ErrNotFound if there is none. Close it.
func (s *Store) Raw(ctx context.Context, blob digest.Digest) (io.ReadSeekCloser, error) {
	return s.shelf.Open(ctx, blob)
}

// Open returns the plain bytes of a file, ErrNotFound if there is none, seal.ErrKey for a malformed key. Reads fail with
// seal.ErrOpen where the file does not open under the key. Close it.
func (s *Store) Open(ctx context.Context, blob digest.Digest, key []byte) (io.ReadSeekCloser, error) {
	if len(key) != seal.KeySize {
		return nil, fmt.Errorf("open attachment %s: %w", blob.Short(), seal.ErrKey)
	}
	f, err := s.shelf.Open(ctx, blob)
	if err != nil {
		return nil, err
	}
	r, err := newReader(f, seal.Key(key))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open attachment %s: %w", blob.Short(), err), f.Close())
	}
	return r, nil
}

// Sweep removes the files that nobody keeps and that were last written, or said to be held, before a time, so that one whose
// act is not yet committed is spared: an hour ago is right. It returns how many went.
func (s *Store) Sweep(ctx context.Context, before time.Time, keep func(digest.Digest) (bool, error)) (removed int, err error) {
	err = s.shelf.Each(ctx, func(e Entry) error {
		if !e.Modified.Before(before) {
			return nil
		}
		if needed, err := keep(e.Name); err != nil || needed {
			return err
		}
		gone, err := s.remove(ctx, e.Name, before)
		if gone {
			removed++
		}
		return err
	})
	s.forget(before)
	if err != nil {
		err = fmt.Errorf("sweep attachments: %w", err)
	}
	return removed, err
}

// remove removes a file unless somebody was told meanwhile that it is there.
func (s *Store) remove(ctx context.Context, blob digest.Digest, before time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.used[blob]; ok && !at.Before(before) {
		return false, nil
	}
	err := s.shelf.Remove(ctx, blob)
	return err == nil, err
}

func (s *Store) forget(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.used, func(_ digest.Digest, at time.Time) bool { return at.Before(before) })
}

// Each calls fn for every file that is held, in no order, until it fails.
func (s *Store) Each(ctx context.Context, fn func(Entry) error) error { return s.shelf.Each(ctx, fn) }
