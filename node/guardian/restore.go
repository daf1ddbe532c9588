package guardian

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/recovery"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
	"motcua/node/blob"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/guardian"
	"motcua/replication/link"
)

// Source is where a backup is fetched from, and to. All fields but Progress are required.
type Source struct {
	Dir       string // of what is fetched; its files may be there already in part
	Self      replication.Name
	Identity  *identity.Private
	Link      *link.Link
	Guardians []replication.Name
	Resolver  replication.Resolver
	Blobs     *blob.Store
	// Progress is told how many bytes of how many are here.
	Progress func(done, total int64)
}

// Found is the backup that was fetched.
type Found struct {
	Guardian replication.Name
	Until    time.Time // it has everything up to then
	Segments int
	Files    int    // attachments
	Request  []byte // for the officials: see recovery.ReadRequest
}

const recordsFile = "records"

// ErrNoBackup is returned where no guardian has anything of this office.
var ErrNoBackup = errors.New("no guardian in reach has a backup of this office")

// Fetch fetches the newest backup of this office, still sealed. It goes on where an earlier call broke off.
func (s Source) Fetch(ctx context.Context) (f Found, err error) {
	var best guardian.Head
	errs := []error{ErrNoBackup}
	for _, name := range s.Guardians {
		h, err := s.newest(ctx, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		} else if h.Number > 0 && (f.Guardian == "" || h.Made > best.Made) {
			f.Guardian, best = name, h
		}
	}
	if f.Guardian == "" {
		return f, fmt.Errorf("fetch backup: %w", errors.Join(errs...))
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return f, fmt.Errorf("fetch backup: %w", err)
	}
	if err := s.fetch(ctx, &f, best); err != nil {
		return f, fmt.Errorf("fetch backup from %s: %w", f.Guardian, err)
	}
	return f, nil
}

// newest is the newest stream with anything in it that a guardian has.
func (s Source) newest(ctx context.Context, name replication.Name) (h guardian.Head, err error) {
	c, err := guardian.Dial(ctx, s.Link, name)
	if err != nil {
		return h, err
	}
	defer c.Close()
	heads, _, err := c.Heads(nil)
	for _, o := range heads {
		if o.Number > 0 {
			return o, err
		}
	}
	return h, err
}

func (s Source) fetch(ctx context.Context, f *Found, best guardian.Head) error {
	c, err := guardian.Dial(ctx, s.Link, f.Guardian)
	if err != nil {
		return err
	}
	defer c.Close()
	b, err := s.records(c, best)
	if err != nil {
		return err
	}
	files, err := attachments(c)
	if err != nil {
		return err
	}
	all := append(b.files(), files...)
	done, total := int64(0), int64(0)
	for _, v := range all {
		total += v.Size
	}
	for _, v := range all {
		if err := s.download(ctx, c, v); err != nil {
			return err
		}
		done += v.Size
		if s.Progress != nil {
			s.Progress(done, total)
		}
	}
	f.Segments, f.Files, f.Until = len(b.segments), len(files), time.Unix(b.segments[len(b.segments)-1].Made, 0)
	f.Request, err = wire.Marshal(recovery.Request{
		Version: 1, Office: string(s.Self), Machine: s.Identity.Public(), Key: b.start.Recovery, Sealed: b.start.Province, Purpose: guardian.Purpose, Until: f.Until.Unix(),
	})
	return err
}

// backup is a stream's records, verified.
type backup struct {
	Records  []record.Record `cbor:"1,keyasint"`
	start    guardian.Start
	segments []guardian.Segment
}

// verify reads the records, and checks that the office has signed them and that none is missing in between.
func (b *backup) verify(office replication.Name, r replication.Resolver) error {
	var h guardian.Head
	for i, rec := range b.Records {
		signer, err := replication.SignerOf(r, office, rec.Signer)
		if err != nil || signer.Keys == nil {
			return fmt.Errorf("record %d of the backup: signed by a key that was never this office's: %w", i, errors.Join(err, guardian.ErrMalformed))
		}
		if i == 0 {
			if err := rec.Verify(signer.Keys.Sign, guardian.StartLabel); err != nil {
				return err
			}
			if b.start, err = guardian.ReadStart(rec); err != nil {
				return err
			}
			h = b.start.Head(rec.ID())
			continue
		}
		if err := rec.Verify(signer.Keys.Sign, guardian.SegmentLabel); err != nil {
			return err
		}
		seg, err := guardian.ReadSegment(rec)
		if err != nil {
			return err
		}
		if !seg.Follows(office, h) {
			return fmt.Errorf("record %d of the backup does not follow the one before: %w", i, guardian.ErrMalformed)
		}
		h, b.segments = seg.After(rec.ID()), append(b.segments, seg)
	}
	if len(b.segments) == 0 || b.start.Office != office {
		return fmt.Errorf("a backup of %s without a segment: %w", b.start.Office, guardian.ErrMalformed)
	}
	return nil
}

func (b *backup) files() (out []guardian.File) {
	for _, s := range b.segments {
		out = append(out, guardian.File{Name: s.File, Size: s.Size, Segment: true})
	}
	return out
}

// records fetches the records of a stream up to its head, and keeps them.
func (s Source) records(c *guardian.Session, best guardian.Head) (*backup, error) {
	b := &backup{}
	for uint64(len(b.Records)) <= best.Number {
		more, err := c.Read(guardian.Place{Stream: best.Stream, Number: uint64(len(b.Records))})
		if err != nil {
			return nil, err
		}
		b.Records = append(b.Records, more...)
	}
	b.Records = b.Records[:best.Number+1]
	if err := b.verify(s.Self, s.Resolver); err != nil {
		return nil, err
	}
	kept, err := wire.Marshal(b)
	if err != nil {
		return nil, err
	}
	return b, disk.WriteFile(filepath.Join(s.Dir, recordsFile), kept)
}

func attachments(c *guardian.Session) (out []guardian.File, err error) {
	after := digest.Digest{}
	for {
		part, err := c.Files(after)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
		if len(part) < guardian.MaxNames {
			return out, nil
		}
		after = part[len(part)-1].Name
	}
}

// download fetches a file, from where it broke off. An attachment goes to its shelf.
func (s Source) download(ctx context.Context, c *guardian.Session, v guardian.File) error {
	if !v.Segment {
		if held, err := s.Blobs.Has(ctx, v.Name); err != nil || held {
			return err
		}
	}
	path := filepath.Join(s.Dir, v.Name.String())
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return disk.Full(err)
	}
	defer f.Close()
	from, err := f.Seek(0, io.SeekEnd)
	if err == nil && from < v.Size {
		err = c.Get(v, from, f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return err
	}
	if err := whole(f, v); err != nil {
		os.Remove(path)
		return err
	}
	if v.Segment {
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := s.Blobs.PutSealed(ctx, f, v.Name, v.Size); err != nil {
		return err
	}
	return os.Remove(path)
}

// whole checks that a file is the one its name says.
func whole(f *os.File, v guardian.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err == nil && (n != v.Size || !bytes.Equal(sum.Sum(nil), v.Name[:])) {
		err = fmt.Errorf("file %s is not the one that was streamed; fetch it again, or from another guardian", v.Name.Short())
	}
	return err
}

// Opening is what Open makes a store from.
type Opening struct {
	Dir      string // of what was fetched
	Store    string // folder of the store to be; there is none yet
	Self     replication.Name
	Identity *identity.Private
	Resolver replication.Resolver
	Options  store.Options
}

// Open makes the store of a backup that was fetched, with the officials' answer. Until it returns nil there is no store.
func (o Opening) Open(ctx context.Context, answer []byte) (until time.Time, err error) {
	until, err = o.open(ctx, answer)
	if err != nil {
		err = fmt.Errorf("open backup: %w", err)
	}
	return until, err
}

func (o Opening) open(ctx context.Context, answer []byte) (until time.Time, err error) {
	if store.Exists(o.Store) {
		return until, fmt.Errorf("%s is there already: this node has begun to work; restore into the folder of a new one", o.Store)
	}
	key, err := recovery.OpenAnswer(answer, o.Identity)
	if err != nil {
		return until, err
	}
	kept, err := os.ReadFile(filepath.Join(o.Dir, recordsFile))
	if err != nil {
		return until, err
	}
	var b backup
	if err := wire.Unmarshal(kept, &b); err != nil {
		return until, err
	}
	if err := b.verify(o.Self, o.Resolver); err != nil {
		return until, err
	}
	fresh := o.Store + ".restoring"
	if err := os.RemoveAll(fresh); err != nil {
		return until, err
	}
	i := 0
	var open *os.File
	defer func() { open.Close() }()
	err = store.Fill(ctx, fresh, o.Options, func() (r io.Reader, err error) {
		open.Close()
		if i == len(b.segments) {
			return nil, io.EOF
		}
		i++
		open, r, err = o.segment(key, b.segments[i-1])
		return r, err
	})
	if err != nil {
		return until, err
	}
	// A crash before this leaves a folder that the next Open begins anew.
	if err := os.Rename(fresh, o.Store); err != nil {
		return until, err
	}
	return time.Unix(b.segments[len(b.segments)-1].Made, 0), disk.SyncDir(filepath.Dir(o.Store))
}

// segment opens the rows of a segment. Close the file.
func (o Opening) segment(stream seal.Key, s guardian.Segment) (*os.File, io.Reader, error) {
	key, err := segmentKey(stream, s.Salt, s.Number)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.Open(filepath.Join(o.Dir, s.File.String()))
	if err != nil {
		return nil, nil, err
	}
	err = whole(f, guardian.File{Name: s.File, Size: s.Size})
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return f, nil, err
	}
	return f, seal.NewCipher(key).Decrypter(bufio.NewReaderSize(f, 1<<20), chunkSize), nil
}
