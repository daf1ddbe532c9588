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
	f, err := os.CreateTemp(s.outDir(), temporaryPrefix+"*")
	if err != nil {
		return p, err
	}
	defer os.Remove(f.Name()) // has no effect once it is renamed
	m.Chunks, err = writeChunks(f, key, body, files)
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

func sign(m replication.Manifest, signer *record.Key) (replication.Parcel, error) {
	if err := m.Validate(); err != nil {
		return replication.Parcel{}, err
	}
	b, err := wire.Marshal(m)
	if err != nil {
		return replication.Parcel{}, err
	}
	r, err := record.SignOne(signer, replication.ManifestLabel, b)
	if err != nil {
		return replication.Parcel{}, err
	}
	return replication.Read(r)
}

func writeChunks(w io.Writer, key seal.Key, body []byte, files []replication.File) ([]replication.Chunk, error) {
	prefix, h, err := encodeHeader(body, files)
	if err != nil {
		return nil, err
	}
	parts := []io.Reader{bytes.NewReader(prefix), bytes.NewReader(body)}
	for _, f := range files {
		parts = append(parts, &lazy{file: f})
	}
	var chunks []replication.Chunk
	n, err := seal.NewCipher(key).Encrypt(io.MultiReader(parts...), replication.ChunkSize, func(c []byte) error {
		chunks = append(chunks, replication.Chunk{Hash: digest.Of(c), Size: uint32(len(c))})
		_, err := w.Write(c)
		return err
	})
	if err == nil && n != h.size(int64(len(prefix))) {
		err = fmt.Errorf("read %d bytes of content, expected %d", n, h.size(int64(len(prefix))))
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
