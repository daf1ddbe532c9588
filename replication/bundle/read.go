package bundle

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
)

// Sink takes in what a bundle holds. An error about one part is reported and the reading goes on, unless the context
// has ended.
type Sink interface {
	// Index is called first. An error stops the reading: the bundle is not wanted.
	Index(Index) error
	// Edition takes the bytes of an edition, unverified.
	Edition(ctx context.Context, b []byte) error
	// Receipt takes a receipt, unverified.
	Receipt(ctx context.Context, r record.Record) error
	// Parcel takes a parcel, unverified. chunk returns chunk i, for growing i only, as the bundle has it.
	Parcel(ctx context.Context, p replication.Parcel, chunk func(i int) ([]byte, error)) error
}

// ErrPassed is what a sink returns for a part that is somebody else's: it is passed over and counted as such.
var ErrPassed = errors.New("it is for somebody else")

// Fault is a part of a bundle that was not taken.
type Fault struct {
	Parcel digest.Digest // zero: a receipt or the edition
	Err    error
}

// Report says what became of the parts of a bundle.
type Report struct {
	Index    Index
	Edition  bool // taken
	Parcels  int  // taken
	Receipts int  // taken
	Passed   int  // parts passed over: see ErrPassed
	Faults   []Fault
	Complete bool // the end was reached
}

// Read takes in a bundle part by part; a chunk is in memory at a time. The error is or wraps ErrNotBundle, ErrNewer,
// ErrTruncated or ErrDamaged, or is the reader's, the context's, or that of Sink.Index. The report tells what was taken
// before it.
func Read(ctx context.Context, r io.Reader, s Sink) (Report, error) {
	b := &reader{ctx: ctx, r: bufio.NewReaderSize(r, 64<<10), sink: s}
	err := b.run()
	if err != nil {
		err = fmt.Errorf("read bundle: %w", err)
	}
	return b.report, err
}

type reader struct {
	ctx    context.Context
	r      *bufio.Reader
	sink   Sink
	report Report
	parts  int
	strays bool // the chunks that follow belong to a parcel of a newer version
}

func (b *reader) run() error {
	if err := readMagic(b.r); err != nil {
		return err
	}
	if err := b.index(); err != nil {
		return err
	}
	for {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		k, n, err := readHead(b.r)
		if err != nil {
			return err
		}
		if k == kindEnd {
			b.report.Complete = true
			return nil
		}
		if b.parts++; b.parts > 2*MaxParts {
			return fmt.Errorf("more than %d parts: %w", 2*MaxParts, ErrDamaged)
		}
		if err := b.part(k, n); err != nil {
			return err
		}
	}
}

func (b *reader) index() error {
	k, n, err := readHead(b.r)
	if err != nil {
		return err
	}
	if k != kindIndex {
		return fmt.Errorf("it starts with section %d: %w", k, ErrDamaged)
	}
	body, err := readBody(b.r, n)
	if err != nil {
		return err
	}
	if err := wire.Unmarshal(body, &b.report.Index); err != nil {
		return fmt.Errorf("index: %w: %w", newerOr(ErrDamaged, err), err)
	}
	if err := b.report.Index.validate(); err != nil {
		return err
	}
	return b.sink.Index(b.report.Index)
}

// part reads one part and hands it on. An error stops the reading.
func (b *reader) part(k kind, n uint32) error {
	if k == kindChunk && b.strays {
		_, err := b.r.Discard(int(n))
		return cutOff(err)
	}
	b.strays = false
	if k == kindIndex || k == kindChunk {
		return fmt.Errorf("section %d out of place: %w", k, ErrDamaged)
	}
	body, err := readBody(b.r, n)
	if err != nil {
		return err
	}
	if k == kindEdition {
		if err := b.sink.Edition(b.ctx, body); err != nil {
			b.fault(digest.Digest{}, err)
		} else {
			b.report.Edition = true
		}
		return nil
	}
	var rec record.Record
	if err := wire.Unmarshal(body, &rec); err != nil {
		return fmt.Errorf("section %d: %w: %w", k, newerOr(ErrDamaged, err), err)
	}
	if k == kindParcel {
		return b.parcel(rec)
	}
	if err := b.sink.Receipt(b.ctx, rec); err != nil {
		b.fault(digest.Digest{}, err)
	} else {
		b.report.Receipts++
	}
	return nil
}

func (b *reader) fault(id digest.Digest, err error) {
	if errors.Is(err, ErrPassed) {
		b.report.Passed++
		return
	}
	b.report.Faults = append(b.report.Faults, Fault{id, err})
}

func (b *reader) parcel(rec record.Record) error {
	p, err := replication.Read(rec)
	switch {
	case errors.Is(err, replication.ErrTooNew): // nor is it known how many chunks follow
		b.strays = true
		b.fault(rec.ID(), fmt.Errorf("%w: %w", &replication.NotNow{Obstacle: replication.TooNew}, err))
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	c := &chunks{b: b, count: len(p.Manifest.Chunks)}
	err = b.sink.Parcel(b.ctx, p, c.get)
	if err == nil {
		b.report.Parcels++
	} else {
		b.fault(p.ID(), err)
	}
	return c.skip()
}

// newerOr says ErrNewer for what a newer version wrote.
func newerOr(otherwise, err error) error {
	if errors.Is(err, replication.ErrTooNew) {
		return ErrNewer
	}
	return otherwise
}

// chunks reads the chunks that follow a parcel.
type chunks struct {
	b     *reader
	count int
	next  int
	err   error // of the file: nothing after it can be read
}

// get returns chunk i, passing over those before it.
func (c *chunks) get(i int) ([]byte, error) {
	if i < c.next || i >= c.count {
		return nil, fmt.Errorf("chunk %d of a bundle asked for after chunk %d of %d", i, c.next-1, c.count)
	}
	for {
		body, err := c.read(c.next == i)
		if err != nil {
			return nil, err
		}
		if c.next++; c.next > i {
			return body, nil
		}
	}
}

// skip passes over the chunks that nobody asked for.
func (c *chunks) skip() error {
	for c.err == nil && c.next < c.count {
		c.read(false)
		c.next++
	}
	return c.err
}

// read reads the next chunk, or passes over it.
func (c *chunks) read(keep bool) ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	k, n, err := readHead(c.b.r)
	if err == nil && k != kindChunk {
		err = fmt.Errorf("chunk %d is missing: %w", c.next, ErrDamaged)
	}
	var body []byte
	if err == nil && keep {
		body, err = readBody(c.b.r, n)
	} else if err == nil {
		_, err = c.b.r.Discard(int(n))
		err = cutOff(err)
	}
	c.err = err
	return body, err
}
