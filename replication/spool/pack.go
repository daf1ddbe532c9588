package spool

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
	"motcua/replication"
)

// Draft is what the sender says of a parcel.
type Draft struct {
	From, To replication.Name
	Created  time.Time
	Expires  time.Time
	Edition  uint64
}

// Pack makes a parcel: content encrypted under a fresh key, the key sealed to the recipient, the manifest signed. Its
// chunks are durable when Pack returns. The file readers are read once, and must be what their digests say.
func (s *Spool) Pack(d Draft, signer *record.Key, to *seal.PublicKey, body []byte, files []replication.File) (replication.Parcel, error) {
	p, err := s.pack(d, signer, to, body, files)
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w: the disk is full; free some space: %w", ErrNoRoom, err)
	}
	if err != nil {
		return replication.Parcel{}, fmt.Errorf("pack parcel for %s: %w", d.To, err)
	}
	return p, nil
}

func (s *Spool) pack(d Draft, signer *record.Key, to *seal.PublicKey, body []byte, files []replication.File) (p replication.Parcel, err error) {
	m := replication.Manifest{Version: 1, From: d.From, To: d.To, Created: d.Created.Unix(), Expires: d.Expires.Unix(), Edition: d.Edition}
	rand.Read(m.Nonce[:])
	key := seal.NewKey()
	if m.Key, err = seal.SealKey(to, purpose, key); err != nil {
		return p, err
	}
	prefix, h, err := encodeHeader(body, files)
	if err != nil {
		return p, err
	}
	c := plain{prefix, h.size(int64(len(prefix))), body, files}
	if c.size <= maxSmallPlain {
		return s.packSmall(m, key, c, signer)
	}
	return s.packLarge(m, key, c, signer)
}

// plain is a content before it is encrypted. Size is that of prefix, body and files together.
type plain struct {
	prefix []byte
	size   int64
	body   []byte
	files  []replication.File
}

// maxSmallPlain is how much content makes a small parcel: two chunks at most.
const maxSmallPlain = replication.MaxSmall - 2*seal.Overhead

// packSmall encrypts in memory and writes together with others.
func (s *Spool) packSmall(m replication.Manifest, key seal.Key, c plain, signer *record.Key) (p replication.Parcel, err error) {
	all, err := io.ReadAll(io.LimitReader(c.reader(), c.size+1))
	if err != nil {
		return p, err
	}
	if int64(len(all)) != c.size {
		return p, c.wrongSize(int64(len(all)))
	}
	cipher := seal.NewCipher(key)
	var sealed []byte
	for i, last := uint64(0), false; !last; i++ {
		n := min(len(all), replication.ChunkSize)
		last = n == len(all)
		b := cipher.Seal(i, last, all[:n])
		m.Chunks = append(m.Chunks, replication.Chunk{Hash: digest.Of(b), Size: uint32(len(b))})
		sealed, all = append(sealed, b...), all[n:]
	}
	b, err := encode(m)
	if err != nil {
		return p, err
	}
	r, err := s.smalls.sign(signer, b, sealed)
	if err != nil {
		return p, err
	}
	return replication.Read(r)
}

// packLarge encrypts into a file, a chunk in memory at a time.
func (s *Spool) packLarge(m replication.Manifest, key seal.Key, c plain, signer *record.Key) (p replication.Parcel, err error) {
	f, err := os.CreateTemp(s.outDir(), temporaryPrefix+"*")
	if err != nil {
		return p, err
	}
	defer os.Remove(f.Name()) // has no effect once it is renamed
	m.Chunks, err = c.writeChunks(f, key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return p, err
	}
	if p, err = sign(m, signer); err != nil {
		return p, err
	}
	// A crash before the rename leaves a temporary file, one after it an orphan: Sweep removes both.
	if err := os.Rename(f.Name(), s.outPath(p.ID())); err != nil {
		return p, err
	}
	return p, disk.SyncDir(s.outDir())
}

func encode(m replication.Manifest) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return wire.Marshal(m)
}

func sign(m replication.Manifest, signer *record.Key) (replication.Parcel, error) {
	b, err := encode(m)
	if err != nil {
		return replication.Parcel{}, err
	}
	r, err := record.SignAmong(signer, replication.ManifestLabel, b)
	if err != nil {
		return replication.Parcel{}, err
	}
	return replication.Read(r)
}

// reader reads the whole content, once.
func (c plain) reader() io.Reader {
	parts := []io.Reader{bytes.NewReader(c.prefix), bytes.NewReader(c.body)}
	for _, f := range c.files {
		parts = append(parts, &lazy{file: f})
	}
	return io.MultiReader(parts...)
}

func (c plain) wrongSize(n int64) error {
	return fmt.Errorf("read %d bytes of content, expected %d", n, c.size)
}

func (c plain) writeChunks(w io.Writer, key seal.Key) (chunks []replication.Chunk, err error) {
	n, err := seal.NewCipher(key).Encrypt(c.reader(), replication.ChunkSize, func(b []byte) error {
		chunks = append(chunks, replication.Chunk{Hash: digest.Of(b), Size: uint32(len(b))})
		_, err := w.Write(b)
		return err
	})
	if err == nil && n != c.size {
		err = c.wrongSize(n)
	}
	return chunks, err
}

// lazy opens a file when it is first read, closes it at its end, and checks that it is what was announced.
type lazy struct {
	file replication.File
	rc   io.ReadCloser
	r    io.Reader
	n    int64
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.r == nil {
		rc, err := l.file.Open()
		if err != nil {
			return 0, fmt.Errorf("open file %s: %w", l.file.Digest.Short(), err)
		}
		l.rc = rc
		l.r = &checked{r: rc, want: l.file.Digest, hash: sha256.New()}
	}
	n, err := l.r.Read(p)
	l.n += int64(n)
	if l.n > l.file.Size || err == io.EOF && l.n != l.file.Size {
		err = fmt.Errorf("file %s is not of %d bytes", l.file.Digest.Short(), l.file.Size)
	}
	if err != nil {
		l.rc.Close()
	}
	return n, err
}
