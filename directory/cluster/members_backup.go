package cluster

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/state"
)

// backupMagic begins a backup; its number is the version of the format. After it come the length of the head (4 bytes), the
// head, and the SHA-256 of all before; then the tables, in the form in which servers send them, which ends with a checksum
// of its own, and nothing more.
const backupMagic = "motcua directory backup 1\n"

// bufferSize is that of a reader of tables, which then makes no other buffer over it and reads nothing beyond them.
const bufferSize = 1 << 20

// maxHead bounds the head, in bytes.
const maxHead = 128 << 10

// BackupHead says what a backup is of.
type BackupHead struct {
	Version uint8  `cbor:"1,keyasint"` // 1
	Genesis []byte `cbor:"2,keyasint"` // directory.Genesis.Bytes
	Index   uint64 `cbor:"3,keyasint"` // where the tables stand in the log, at least
	Created int64  `cbor:"4,keyasint"` // Unix milliseconds
	Edition uint64 `cbor:"5,keyasint"` // newest complete
	Epoch   uint64 `cbor:"6,keyasint"`
	Program string `cbor:"7,keyasint"` // version that wrote it
	Size    uint64 `cbor:"8,keyasint"` // of the tables, in bytes
}

// Backup is a backup that is being read.
type Backup struct {
	Head BackupHead
	Rows uint64 // counted by Check
	r    *bufio.Reader
}

// Backup writes the tables as they are now to a stream, from which a directory can be restored that has nothing left. It
// tells how much it will write, head included, before it begins. It holds secrets: those of the genesis and of the servers,
// and everybody's account with the verifier of the password.
func (c *Cluster) Backup(size func(int64), to io.Writer) error {
	genesis, err := c.cfg.Genesis.Bytes()
	if err != nil {
		return err
	}
	f, n, index, err := c.places.writeOut()
	if err != nil {
		return err
	}
	defer f.Close()
	h := BackupHead{Version: 1, Genesis: genesis, Index: index, Created: c.cfg.Now().UnixMilli(), Program: c.cfg.Version, Size: uint64(n)}
	err = c.local(func(r state.Reader, _ uint64) error {
		done, err := state.Complete(r)
		if err != nil {
			return err
		}
		at, err := state.StandingOf(r)
		h.Edition, h.Epoch = done.Number, at.Epoch
		return err
	})
	if err != nil {
		return err
	}
	head, err := h.bytes()
	if err != nil {
		return err
	}
	size(int64(len(head)) + n)
	if _, err = to.Write(head); err == nil {
		_, err = io.Copy(to, f)
	}
	return err
}

func (h BackupHead) bytes() ([]byte, error) {
	b, err := wire.Marshal(h)
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint32([]byte(backupMagic), uint32(len(b)))
	out = append(out, b...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// ReadBackup reads the head of a backup.
func ReadBackup(r io.Reader) (*Backup, error) {
	b := &Backup{r: bufio.NewReaderSize(r, bufferSize)}
	start := make([]byte, len(backupMagic)+4)
	if _, err := io.ReadFull(b.r, start); err != nil {
		return nil, fmt.Errorf("read backup: it is cut short: %w", err)
	}
	if magic, _, _ := bytes.Cut(start, []byte("\n")); string(magic)+"\n" != backupMagic {
		return nil, directory.Errorf("read backup", directory.Newer, "it begins with %.40q, this version reads %q: take the file that motcua directory backup wrote, and if its number is higher, upgrade", magic, backupMagic[:len(backupMagic)-1])
	}
	n := binary.BigEndian.Uint32(start[len(backupMagic):])
	if n > maxHead {
		return nil, fmt.Errorf("read backup: a head of %d bytes, at most %d: it is damaged", n, maxHead)
	}
	rest := make([]byte, int(n)+sha256.Size)
	if _, err := io.ReadFull(b.r, rest); err != nil {
		return nil, fmt.Errorf("read backup: it is cut short: %w", err)
	}
	if sum := sha256.Sum256(append(start, rest[:n]...)); !bytes.Equal(sum[:], rest[n:]) {
		return nil, errors.New("read backup: the checksum of its head does not match: it is damaged")
	}
	if err := wire.UnmarshalVersioned(rest[:n], &b.Head, 1); err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	return b, nil
}

// Genesis is that of the directory that the backup is of.
func (b *Backup) Genesis() (directory.Genesis, error) { return directory.ReadGenesis(b.Head.Genesis) }

// tables is the rest of the backup, to be read once.
func (b *Backup) tables() io.ReadCloser { return io.NopCloser(b.r) }

// Check reads all tables of the backup and counts their rows, without keeping them. The backup cannot be read again.
func (b *Backup) Check() error {
	s, _, err := openSnapshot(b.r)
	if err == nil {
		err = s.each(func(_, _ []byte) error { b.Rows++; return nil })
	}
	if err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	if _, err := b.r.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.New("read backup: more follows after its end: it is damaged")
	}
	return nil
}
