package guardian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/replication"
	"motcua/replication/link"
)

// The times of a transfer.
const (
	stallTime  = 20 * time.Second
	commitTime = 2 * time.Minute
)

// Config is what a guardian works with. Dir, Link, Resolver and Serves are required.
type Config struct {
	Dir      string
	Link     *link.Link
	Resolver replication.Resolver
	// Serves tells whether this is the guardian of an office.
	Serves func(replication.Name) bool
	Key    *KeyFile // nil: it hands no key on
	// Quota is how many bytes an office may have kept; 0 for 64 GiB.
	Quota int64
	// Reserve is how many bytes of the disk are left to the machine's own work; 0 for 4 GiB.
	Reserve uint64
	// Free tells how many bytes are left on the disk of a folder; nil asks the operating system.
	Free func(dir string) (uint64, error)
	Log  *slog.Logger // default: nothing
}

// Guardian keeps backups. It is safe for concurrent use.
type Guardian struct {
	cfg Config
	log *slog.Logger

	mu      sync.Mutex
	folders map[string]*folder
	visits  map[replication.Name]*visit // under way
}

// Open opens the guardian's folder, making it if there is none, and serves the link.
func Open(cfg Config) (*Guardian, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Quota == 0 {
		cfg.Quota = 64 << 30
	}
	if cfg.Reserve == 0 {
		cfg.Reserve = 4 << 30
	}
	g := &Guardian{cfg: cfg, log: cfg.Log, folders: map[string]*folder{}, visits: map[replication.Name]*visit{}}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open guardian: %w", err)
	}
	cfg.Link.Handle(Protocol, link.Known, g.serve)
	return g, nil
}

// folder opens the folder of an office, once.
func (g *Guardian) folder(office replication.Name) (*folder, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := folderName(office)
	if f := g.folders[name]; f != nil {
		return f, nil
	}
	f, err := openFolder(filepath.Join(g.cfg.Dir, name))
	if err == nil {
		g.folders[name] = f
	}
	return f, err
}

// enter lets one machine of an office in at a time: the newest, as an earlier visit may be over without our having heard of it.
func (g *Guardian) enter(ctx context.Context, v *visit) bool {
	for {
		g.mu.Lock()
		old := g.visits[v.office]
		if old == nil {
			g.visits[v.office] = v
			g.mu.Unlock()
			return true
		}
		g.mu.Unlock()
		old.s.Cancel()
		select {
		case <-old.ended:
		case <-ctx.Done():
			return false
		}
	}
}

func (g *Guardian) leave(v *visit) {
	g.mu.Lock()
	delete(g.visits, v.office)
	g.mu.Unlock()
	close(v.ended)
}

// visit is one machine's conversation with its guardian.
type visit struct {
	g      *Guardian
	office replication.Name
	f      *folder // nil: it is not served, but may ask for the key
	s      *link.Stream
	ended  chan struct{}
}

func (g *Guardian) serve(ctx context.Context, from link.Caller, s *link.Stream) {
	defer context.AfterFunc(ctx, s.Cancel)()
	s.SetStall(commitTime)
	v := &visit{g: g, office: from.Peer.Name, s: s, ended: make(chan struct{})}
	if !g.enter(ctx, v) {
		return
	}
	defer g.leave(v)
	for {
		var q Request
		if err := s.Receive(&q, maxRequest); err != nil {
			s.Cancel()
			return
		}
		r, err := v.answer(q)
		if err != nil {
			denied, ok := errors.AsType[*Denied](err)
			if !ok {
				g.log.Error("backup not served", "peer", v.office, "err", err)
				denied = &Denied{Failed}
			} else {
				g.log.Info("backup refused", "peer", v.office, "err", err)
			}
			r = Reply{No: denied.Why}
		}
		if s.Send(r) != nil || err != nil && q.Put != nil { // bytes that nobody wants may be under way
			return
		}
		if err == nil && q.Get != nil && v.give(*q.Get, r.Size) != nil {
			s.Cancel()
			return
		}
	}
}

func (v *visit) answer(q Request) (r Reply, err error) {
	if k := v.g.cfg.Key; k != nil && (q.Heads || q.Key != nil) {
		r.Key = k.Exchange(q.Key)
	}
	if !v.g.cfg.Serves(v.office) {
		if q.Heads || q.Key != nil {
			return r, nil
		}
		return r, deny(NotServed, nil)
	}
	if v.f == nil {
		if v.f, err = v.g.folder(v.office); err != nil {
			return r, err
		}
	}
	switch {
	case q.Heads:
		r.Heads = v.f.list()
	case q.Start != nil:
		err = v.start(*q.Start)
	case q.Append != nil:
		err = v.append(*q.Append)
	case len(q.Missing) > 0 && len(q.Missing) <= MaxNames:
		for _, name := range q.Missing {
			if _, ok := v.f.has(name, false); !ok {
				r.Missing = append(r.Missing, name)
			}
		}
	case q.Put != nil:
		return v.take(*q.Put)
	case q.Read != nil:
		r.Records, err = v.f.readFrom(*q.Read)
	case q.Files != nil:
		r.Files, err = v.f.files(*q.Files)
	case q.Get != nil:
		size, ok := v.f.has(q.Get.Name, q.Get.Segment)
		if !ok || q.Get.From < 0 || q.Get.From > size {
			err = deny(NotHere, nil)
		}
		r.Size = size
	case q.Key == nil:
		err = deny(TooNew, nil)
	}
	return r, err
}

// genuine checks that the office has signed a record, by a key that is trusted now.
func (v *visit) genuine(r record.Record, label string) error {
	signer, err := replication.SignerOf(v.g.cfg.Resolver, v.office, r.Signer)
	if err == nil && (signer.Keys == nil || !signer.Revoked.IsZero()) {
		err = replication.ErrUnknown
	}
	if err == nil {
		err = r.Verify(signer.Keys.Sign, label)
	}
	if err != nil {
		return deny(NotGenuine, err)
	}
	return nil
}

func (v *visit) space(bytes int64) error {
	if err := disk.Room(v.g.cfg.Dir, v.g.cfg.Reserve+uint64(max(0, bytes)), v.g.cfg.Free); err != nil {
		return deny(Full, err)
	}
	return nil
}

func (v *visit) start(r record.Record) error {
	s, err := ReadStart(r)
	if err != nil || s.Office != v.office {
		return deny(NotGenuine, err)
	}
	if err := errors.Join(v.genuine(r, StartLabel), v.space(0)); err != nil {
		return err
	}
	if old, err := v.f.read(Place{s.Stream, 0}); err == nil {
		if old.ID() == r.ID() {
			return nil // said before
		}
		return deny(OutOfTurn, nil)
	}
	if err := v.f.put(Place{s.Stream, 0}, r, s.Head(r.ID())); err != nil {
		return err
	}
	v.g.log.Info("backup begun", "peer", v.office)
	return v.f.trim()
}

func (v *visit) append(r record.Record) error {
	s, err := ReadSegment(r)
	if err != nil {
		return deny(NotGenuine, err)
	}
	if err := v.genuine(r, SegmentLabel); err != nil {
		return err
	}
	v.f.mu.Lock()
	h, ok := v.f.heads[s.Stream]
	v.f.mu.Unlock()
	switch size, held := v.f.has(s.File, true); {
	case ok && h.ID == r.ID():
		return nil // said before
	case !ok || !s.Follows(v.office, h):
		return deny(OutOfTurn, nil)
	case !held || size != s.Size:
		return deny(NotHere, nil)
	}
	return v.f.put(Place{s.Stream, s.Number}, r, s.After(r.ID()))
}

// take takes a file in. Its reply is sent twice: where to go on, and that it is done.
func (v *visit) take(file File) (Reply, error) {
	if size, ok := v.f.has(file.Name, file.Segment); ok {
		return Reply{Have: true, Size: size}, nil
	}
	from := min(v.f.begun(file.Name), file.Size)
	if err := errors.Join(v.space(file.Size-from), v.f.room(file, v.g.cfg.Quota)); err != nil {
		return Reply{}, err
	}
	if err := v.s.Send(Reply{From: from}); err != nil {
		return Reply{}, err
	}
	v.s.SetStall(stallTime)
	err := v.f.fill(file, from, v.s)
	v.s.SetStall(commitTime)
	return Reply{Have: true, Size: file.Size}, err
}

// give sends the bytes of a file.
func (v *visit) give(q Range, size int64) error {
	f, err := os.Open(v.f.filePath(q.Name, q.Segment))
	if errors.Is(err, fs.ErrNotExist) {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(q.From, io.SeekStart); err != nil {
		return err
	}
	v.s.SetStall(stallTime)
	defer v.s.SetStall(commitTime)
	_, err = io.Copy(v.s, io.LimitReader(f, size-q.From))
	return err
}

// Kept is what a guardian has of an office.
type Kept struct {
	Office  replication.Name `json:"office"`
	Bytes   int64            `json:"bytes"`
	Streams int              `json:"streams"`
	Until   time.Time        `json:"until"` // the newest segment has everything up to then
	Stream  string           `json:"stream,omitempty"`
}

// Kept tells what is kept of some offices; of those with nothing it says nothing.
func (g *Guardian) Kept(offices []replication.Name) (out []Kept, err error) {
	for _, o := range offices {
		if _, err := os.Stat(filepath.Join(g.cfg.Dir, folderName(o))); err != nil {
			continue
		}
		f, err := g.folder(o)
		if err != nil {
			return nil, err
		}
		k := Kept{Office: o}
		if heads := f.list(); len(heads) > 0 {
			k.Streams, k.Until, k.Stream = len(heads), time.Unix(heads[0].Made, 0), fmt.Sprintf("%x", heads[0].Stream)
		}
		f.mu.Lock()
		k.Bytes = f.used
		f.mu.Unlock()
		out = append(out, k)
	}
	return out, nil
}
