package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/replication"
)

// The parts of a file of small parcels: for each a mark, its id, the length of its chunks (4 bytes, big endian), and these one
// after the other.
const (
	smallPrefix = "small-"
	smallMark   = 'P'
	smallHead   = 1 + digest.Size + 4
	smallFile   = 8 << 20 // a file that has grown to this is followed by the next
	smallBatch  = 4 << 20 // bytes written at once
	smallCalls  = 64      // parcels written at once, under one signature: it bounds the length of their paths
)

// smalls keeps the chunks of small parcels going out. Those that come at the same time are written and synced together: a file
// of its own for each would cost two waits for the disk each.
type smalls struct {
	dir  string
	turn sync.Mutex // held while writing; guards current, size and next
	// current is the file being written, nil before the first and after a fault of the disk; size is how much of it is good.
	current *os.File
	size    int64
	next    int

	mu     sync.Mutex
	queue  []*smallCall
	places map[digest.Digest]place
	live   map[string]int // parcels kept in each file
	open   string         // the name of current, which is not removed
}

// place is where the chunks of a parcel are.
type place struct {
	file string
	at   int64
	size int
}

// smallCall is a parcel to be written. What it gets is written and read by who holds the turn.
type smallCall struct {
	id     digest.Digest
	bytes  []byte
	signer *record.Key // nil: the manifest is signed already
	body   []byte      // of the manifest
	record record.Record
	done   bool
	err    error
}

// openSmalls finds the small parcels that an earlier process has left. Files from before are not written to again.
func openSmalls(dir string) (*smalls, error) {
	s := &smalls{dir: dir, places: map[digest.Digest]place{}, live: map[string]int{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		var n int
		if _, err := fmt.Sscanf(e.Name(), smallPrefix+"%d", &n); err != nil {
			continue
		}
		s.next = max(s.next, n+1)
		if err := s.scan(e.Name()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// scan reads where the parcels of a file are, up to the first that a crash has cut off: what was acknowledged is before it.
func (s *smalls) scan(name string) error {
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.live[name] = 0
	head := make([]byte, smallHead)
	for at := int64(0); ; {
		if _, err := f.ReadAt(head, at); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint32(head[smallHead-4:]))
		at += smallHead
		if head[0] != smallMark || n > replication.MaxSmall || at+n > info.Size() {
			return nil
		}
		s.keep(digest.Digest(head[1:1+digest.Size]), place{name, at, int(n)})
		at += n
	}
}

func (s *smalls) keep(id digest.Digest, p place) {
	s.places[id] = p
	s.live[p.file]++
}

// put stores the chunks of a parcel. They are durable when it returns.
func (s *smalls) put(id digest.Digest, chunks []byte) error {
	return s.await(&smallCall{id: id, bytes: chunks})
}

// sign is put for a parcel whose manifest is to be signed: those that are written together share a signature.
func (s *smalls) sign(signer *record.Key, body, chunks []byte) (record.Record, error) {
	c := &smallCall{id: digest.Of(body), bytes: chunks, signer: signer, body: body}
	err := s.await(c)
	return c.record, err
}

// await waits until a call is done.
func (s *smalls) await(c *smallCall) error {
	s.mu.Lock()
	s.queue = append(s.queue, c)
	s.mu.Unlock()
	s.turn.Lock()
	defer s.turn.Unlock()
	if !c.done {
		runtime.Gosched() // who is about to come shares the wait for the disk
	}
	for !c.done { // whose turn it is writes for all who wait by then
		s.write()
	}
	return c.err
}

// signTogether signs the manifests of a batch that want it, one signature for those of the same key: a key that takes another's
// place is the only reason that there are two.
func signTogether(batch []*smallCall) error {
	calls, bodies := map[*record.Key][]*smallCall{}, map[*record.Key][][]byte{}
	for _, c := range batch {
		if c.signer != nil {
			calls[c.signer], bodies[c.signer] = append(calls[c.signer], c), append(bodies[c.signer], c.body)
		}
	}
	for key, same := range calls {
		rs, err := record.Sign(key, replication.ManifestLabel, bodies[key]...)
		if err != nil {
			return err
		}
		for i, c := range same {
			c.record = rs[i]
		}
	}
	return nil
}

// write signs, writes and syncs the oldest of the queue.
func (s *smalls) write() {
	batch := s.take()
	var b []byte
	at := make([]int64, len(batch))
	err := signTogether(batch)
	if err == nil {
		err = s.room()
	}
	for i, c := range batch {
		b = append(append(b, smallMark), c.id[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(c.bytes)))
		at[i] = s.size + int64(len(b))
		b = append(b, c.bytes...)
	}
	if err == nil {
		_, err = s.current.WriteAt(b, s.size)
	}
	if err == nil {
		err = s.current.Sync()
	}
	// A crash here leaves parcels that no outbox knows: Sweep removes them.
	if err != nil && s.current != nil {
		s.retire() // what a disk has lost after a failed sync is not known: on with another file
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range batch {
		c.done, c.err = true, err
		if err == nil {
			s.keep(c.id, place{s.open, at[i], len(c.bytes)})
		}
	}
	s.size += int64(len(b))
}

// take returns the oldest of the queue, at least one.
func (s *smalls) take() []*smallCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, bytes := 0, 0
	for n < min(len(s.queue), smallCalls) && (n == 0 || bytes+len(s.queue[n].bytes) <= smallBatch) {
		bytes += len(s.queue[n].bytes)
		n++
	}
	batch := s.queue[:n:n]
	s.queue = s.queue[n:]
	return batch
}

// room makes sure that there is a file to write to.
func (s *smalls) room() error {
	if s.current != nil && s.size < smallFile {
		return nil
	}
	if s.current != nil {
		s.retire()
	}
	f, err := os.OpenFile(filepath.Join(s.dir, fmt.Sprintf("%s%08d", smallPrefix, s.next)), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.next++
	if err := disk.SyncDir(s.dir); err != nil {
		return errors.Join(err, f.Close())
	}
	s.current, s.size = f, 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = filepath.Base(f.Name())
	s.live[s.open] = 0
	return nil
}

// retire closes the file, and removes it if nothing in it is needed.
func (s *smalls) retire() {
	s.current.Close()
	s.current = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.open
	s.open = ""
	s.discard(name) // if it cannot be removed now, then with the next sweep
}

// discard removes a file that is not written to and holds nothing that is needed. A crash before it leaves the file to the next
// sweep.
func (s *smalls) discard(name string) error {
	if n, known := s.live[name]; !known || n > 0 || name == s.open {
		return nil
	}
	delete(s.live, name)
	return ignoreMissing(os.Remove(filepath.Join(s.dir, name)))
}

// chunk returns chunk i of a parcel, false if the parcel is not among the small.
func (s *smalls) chunk(id digest.Digest, i int) ([]byte, bool, error) {
	s.mu.Lock()
	p, ok := s.places[id]
	s.mu.Unlock()
	if !ok {
		return nil, false, nil
	}
	from := int(replication.Offset(i))
	if i < 0 || from >= p.size {
		return nil, true, io.EOF
	}
	f, err := os.Open(filepath.Join(s.dir, p.file))
	if err != nil {
		return nil, true, err
	}
	defer f.Close()
	b := make([]byte, min(chunkStride, p.size-from))
	_, err = f.ReadAt(b, p.at+int64(from))
	return b, true, err
}

// drop forgets a parcel, and removes its file when it was the last.
func (s *smalls) drop(id digest.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.places[id]
	if !ok {
		return nil
	}
	delete(s.places, id)
	s.live[p.file]--
	return s.discard(p.file)
}

// sweep drops what keep does not know.
func (s *smalls) sweep(keep func(digest.Digest) bool) (removed int, err error) {
	for _, id := range s.ids() {
		if keep(id) {
			continue
		}
		if err := s.drop(id); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, s.tidy()
}

// tidy removes the files in which nothing is needed.
func (s *smalls) tidy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name := range s.live {
		errs = append(errs, s.discard(name))
	}
	return errors.Join(errs...)
}

func (s *smalls) ids() (out []digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.places {
		out = append(out, id)
	}
	return out
}
