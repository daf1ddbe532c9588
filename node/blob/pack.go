package blob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
)

// The bounds of packs.
const (
	packable  = sealedChunk // a file of at most so many bytes is packed
	packSize  = 32 << 20    // a pack that has grown to this is followed by the next
	packBatch = 4 << 20     // bytes written at once
)

// packs keeps the small files of a folder, many in one: a file of its own for each would cost the processor as much as its sealing
// and signing, and four waits for the disk. Those that come at the same time are written and synced together.
type packs struct {
	dir   string
	turn  sync.Mutex // held while writing; guards file, size, next and buf
	file  *os.File   // being written, nil before the first and after a fault of the disk
	size  int64      // how much of it is good
	next  uint32
	buf   []byte
	queue packQueue

	mu     sync.Mutex
	places map[uint64]packPlace // by the beginning of the name
	live   map[uint32]int       // files in each pack
	open   uint32               // the number of the pack being written, which is not removed; 0: none
}

// packPlace is where a file is.
type packPlace struct{ pack, at uint32 }

func packKey(name digest.Digest) uint64 { return binary.BigEndian.Uint64(name[:]) }

// errOtherName is returned for a file whose name begins like that of another: it is kept outside the packs.
var errOtherName = errors.New("another file has the same place")

// openPacks finds what earlier processes have left. Their packs are not written to again.
func openPacks(dir string) (*packs, error) {
	p := &packs{dir: dir, next: 1, places: map[uint64]packPlace{}, live: map[uint32]int{}}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	for _, e := range entries {
		var n uint32
		if _, bad := fmt.Sscanf(e.Name(), "%08d", &n); bad != nil || e.Name() != packName(n) {
			continue
		}
		p.next = max(p.next, n+1)
		if err := p.load(n); err != nil {
			return nil, fmt.Errorf("pack %s: %w", e.Name(), err)
		}
	}
	for n := range p.live {
		err = errors.Join(err, p.discard(n))
	}
	return p, err
}

func packName(n uint32) string { return fmt.Sprintf("%08d", n) }

func (p *packs) path(n uint32) string { return filepath.Join(p.dir, packName(n)) }

// load learns what is in a pack: from its index if there is one, else from the pack.
func (p *packs) load(n uint32) error {
	keys, ok := readPackIndex(p.path(n) + indexSuffix)
	if !ok {
		var err error
		if keys, err = scanPack(p.path(n)); err != nil {
			return err
		}
		if err := writePackIndex(p.path(n)+indexSuffix, keys); err != nil {
			return err
		}
	}
	p.live[n] = len(keys)
	for _, k := range keys {
		if old, twice := p.places[k.key]; twice { // removed, and a crash undid that after it had come again
			p.live[old.pack]--
		}
		p.places[k.key] = packPlace{n, k.at}
	}
	return nil
}

// packQueue are the files that wait to be written.
type packQueue struct {
	mu    sync.Mutex
	calls []*packCall
}

// packCall is a file to be written. What it gets is written and read by who holds the turn.
type packCall struct {
	name  digest.Digest
	bytes []byte
	at    time.Time
	again bool // another of its key came first
	done  bool
	err   error
}

func (q *packQueue) enter(c *packCall) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls = append(q.calls, c)
}

// take returns the oldest, at least one.
func (q *packQueue) take() []*packCall {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, bytes := 0, 0
	for n < len(q.calls) && (n == 0 || bytes+len(q.calls[n].bytes) <= packBatch) {
		bytes += len(q.calls[n].bytes)
		n++
	}
	batch := slices.Clone(q.calls[:n])
	q.calls = slices.Delete(q.calls, 0, n)
	return batch
}

// put stores a file. It is durable when put returns nil; one of that name stays as it is.
func (p *packs) put(name digest.Digest, b []byte, at time.Time) error {
	for {
		switch f, err := p.find(name); {
		case err == nil:
			return f.Close()
		case !errors.Is(err, ErrNotFound):
			return err
		}
		c := &packCall{name: name, bytes: b, at: at}
		p.queue.enter(c)
		if p.await(c); !c.again {
			return c.err
		}
	}
}

// await waits until a call is done. Whose turn it is writes for all who wait by then.
func (p *packs) await(c *packCall) {
	p.turn.Lock()
	defer p.turn.Unlock()
	if !c.done {
		runtime.Gosched() // who is about to come shares the wait for the disk
	}
	for !c.done {
		p.write(p.queue.take())
	}
}

// write writes and syncs a batch.
func (p *packs) write(batch []*packCall) {
	at := p.encode(batch)
	err := p.room()
	if err == nil && len(p.buf) > 0 {
		_, err = p.file.WriteAt(p.buf, p.size)
		err = errors.Join(err, p.file.Sync())
	}
	// A crash here leaves files that nobody was told of: Sweep removes those that are whole.
	if err != nil && p.file != nil {
		p.retire() // what a disk has lost after a failed sync is not known: on with another pack
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range batch {
		c.done, c.err = true, disk.Full(err)
		if err == nil && !c.again {
			p.places[packKey(c.name)] = packPlace{p.open, uint32(p.size) + at[i]}
			p.live[p.open]++
		}
	}
	p.size += int64(len(p.buf))
}

// encode puts the entries of a batch into buf, and tells where in it each begins. Calls whose key is taken are to look again.
func (p *packs) encode(batch []*packCall) (at []uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = p.buf[:0]
	at = make([]uint32, len(batch))
	taken := make(map[uint64]bool, len(batch))
	for i, c := range batch {
		key := packKey(c.name)
		if _, c.again = p.places[key]; c.again || taken[key] {
			c.again = true
			continue
		}
		taken[key], at[i] = true, uint32(len(p.buf))
		p.buf = append(packHead{c.name, c.at, uint32(len(c.bytes)), crc32.Checksum(c.bytes, castagnoli)}.append(p.buf), c.bytes...)
	}
	return at
}

// room makes sure that there is a pack to write to.
func (p *packs) room() error {
	if p.file != nil && p.size < packSize {
		return nil
	}
	if p.file != nil {
		p.retire()
	}
	if err := makeFolder(p.dir); err != nil {
		return err
	}
	f, err := os.OpenFile(p.path(p.next), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n := p.next
	p.next++
	if err := disk.SyncDir(p.dir); err != nil {
		return errors.Join(err, f.Close())
	}
	p.file, p.size = f, 0
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.live[n] = n, 0
	return nil
}

func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return errors.Join(err, disk.SyncDir(filepath.Dir(dir)))
}

// retire closes the pack being written, and notes for the next start what is in it. Without the note the pack is read then.
func (p *packs) retire() {
	p.file.Close()
	p.file = nil
	p.mu.Lock() // until the index is there: what is removed meanwhile would stay in it
	defer p.mu.Unlock()
	var keys []indexed
	for key, place := range p.places {
		if place.pack == p.open {
			keys = append(keys, indexed{key, place.at})
		}
	}
	n := p.open
	p.open = 0
	_ = writePackIndex(p.path(n)+indexSuffix, keys)
	_ = p.discard(n) // if it cannot be removed now, then with the next start
}

// discard removes a pack that is not written to and holds nothing.
func (p *packs) discard(n uint32) error {
	if live, known := p.live[n]; !known || live > 0 || n == p.open {
		return nil
	}
	delete(p.live, n)
	return errors.Join(removeFile(p.path(n)), removeFile(p.path(n)+indexSuffix))
}

func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// packed is a file in a pack.
type packed struct {
	*io.SectionReader
	pack *os.File
}

// Close implements io.Closer.
func (f packed) Close() error { return f.pack.Close() }

// find opens a file, ErrNotFound if there is none, errOtherName if another is in its place.
func (p *packs) find(name digest.Digest) (*packed, error) {
	p.mu.Lock()
	place, ok := p.places[packKey(name)]
	p.mu.Unlock()
	if !ok {
		return nil, ErrNotFound
	}
	f, err := os.Open(p.path(place.pack))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, p.forget(name, place)
	}
	if err != nil {
		return nil, err
	}
	h, err := readPackHead(f, int64(place.at))
	switch {
	case err == io.EOF || err == errRemoved:
		err = p.forget(name, place)
	case err == nil && h.name != name:
		err = errOtherName
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &packed{io.NewSectionReader(f, int64(place.at)+packHeadSize, int64(h.size)), f}, nil
}

// forget notes that a file is not where it was thought to be: it was removed just now, or the disk has lost it. It may come again.
func (p *packs) forget(name digest.Digest, place packPlace) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.places[packKey(name)] == place {
		delete(p.places, packKey(name))
		p.live[place.pack]--
	}
	return ErrNotFound
}

// remove removes a file; its bytes are given back to the disk where the system can. One that is not there is no error.
func (p *packs) remove(name digest.Digest) error {
	switch f, err := p.find(name); {
	case errors.Is(err, ErrNotFound) || errors.Is(err, errOtherName):
		return nil
	case err != nil:
		return err
	default:
		f.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	place, ok := p.places[packKey(name)]
	if !ok {
		return nil
	}
	// A crash after any step leaves the file wholly there or not at all: without the index the next start reads the pack.
	if err := p.dropIndex(place.pack); err != nil {
		return err
	}
	if err := erase(p.path(place.pack), int64(place.at)); err != nil {
		return err
	}
	delete(p.places, packKey(name))
	p.live[place.pack]--
	return p.discard(place.pack)
}

// dropIndex removes the index of a pack durably.
func (p *packs) dropIndex(n uint32) error {
	err := os.Remove(p.path(n) + indexSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, disk.SyncDir(p.dir))
}

// each calls fn for every file, pack by pack.
func (p *packs) each(fn func(Entry) error) error {
	packs := map[uint32][]uint32{}
	p.mu.Lock()
	for _, place := range p.places {
		packs[place.pack] = append(packs[place.pack], place.at)
	}
	p.mu.Unlock()
	for n, at := range packs {
		slices.Sort(at)
		if err := eachOf(p.path(n), at, fn); err != nil {
			return err
		}
	}
	return nil
}

func (p *packs) close() error {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.file != nil {
		p.retire()
	}
	return nil
}
