package spool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/seal"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// sealedBody is a body and the parcel it was packed into.
type sealedBody struct {
	p    replication.Parcel
	body []byte
}

// packMany packs small bodies from many sides at once.
func packMany(t *testing.T, s *Spool, to *seal.PrivateKey, n, size int) []sealedBody {
	t.Helper()
	out := make([]sealedBody, n)
	var work sync.WaitGroup
	for i := range out {
		work.Go(func() {
			body := noise(size)
			out[i] = sealedBody{pack(t, s, to, body), body}
		})
	}
	work.Wait()
	return out
}

func readable(t *testing.T, s *Spool, key *seal.PrivateKey, all ...sealedBody) {
	t.Helper()
	for _, b := range all {
		if c, err := unpack(s, b.p, key); err != nil || !bytes.Equal(c.Body, b.body) {
			t.Errorf("parcel %s: %v", b.p.ID().Short(), err)
		}
	}
}

// TestSmallParcelsShareFiles: packed at once they are in one file, each is found again after a restart, and the file goes with the
// last of them.
func TestSmallParcelsShareFiles(t *testing.T) {
	key, dir := sealing(t), t.TempDir()
	s := open(t, dir)
	all := packMany(t, s, key, 50, 20<<10)
	all = append(all, packMany(t, s, key, 1, replication.ChunkSize+1000)...) // of two chunks
	left(t, s.outDir(), 1)
	readable(t, s, key, all...)
	s = open(t, dir)
	readable(t, s, key, all...)
	all = append(all, packMany(t, s, key, 1, 10)...)
	left(t, s.outDir(), 2)
	for _, b := range all[:50] {
		if err := s.Drop(b.p.ID()); err != nil {
			t.Fatal(err)
		}
	}
	left(t, s.outDir(), 2)
	readable(t, s, key, all[50:]...)
	s.Drop(all[50].p.ID())
	left(t, s.outDir(), 1)
	readable(t, s, key, all[51])
	if _, err := s.Chunk(all[0].p.ID(), 0); err == nil {
		t.Error("a dropped parcel can still be read")
	}
}

// TestSmallFilesAreFollowedByTheNext: what is full and dropped leaves the disk; what is still needed stays.
func TestSmallFilesAreFollowedByTheNext(t *testing.T) {
	key := sealing(t)
	s := open(t, t.TempDir())
	var kept []sealedBody
	for range 5 {
		all := packMany(t, s, key, 12, 300<<10)
		kept = append(kept, all[0])
		for _, b := range all[1:] {
			s.Drop(b.p.ID())
		}
	}
	readable(t, s, key, kept...)
	for _, b := range kept {
		s.Drop(b.p.ID())
	}
	left(t, s.outDir(), 1)
}

// TestASmallFileCutOffKeepsWhatWasAcknowledged: wherever a crash cuts the file, the parcels before are found, and none is invented.
func TestASmallFileCutOffKeepsWhatWasAcknowledged(t *testing.T) {
	key, dir := sealing(t), t.TempDir()
	s := open(t, dir)
	var all []sealedBody
	var ends []int64
	for i := range 4 {
		all = append(all, packMany(t, s, key, 1, 1000*(i+1))...)
		ends = append(ends, s.smalls.size)
	}
	name := s.smalls.open
	whole, err := os.ReadFile(filepath.Join(s.outDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(whole); cut += 1 + cut%97 {
		for _, tail := range [][]byte{nil, make([]byte, 500), noise(500)} {
			dir := t.TempDir()
			os.MkdirAll(filepath.Join(dir, "out"), 0o700)
			os.WriteFile(filepath.Join(dir, "out", name), append(bytes.Clone(whole[:cut]), tail...), 0o600)
			s := open(t, dir)
			for i, b := range all {
				if int64(cut) >= ends[i] {
					readable(t, s, key, b)
				}
			}
			sent := map[digest.Digest]bool{all[0].p.ID(): true}
			if _, err := s.Sweep(func(id digest.Digest) bool { return sent[id] }); err != nil {
				t.Fatal(err)
			}
			if int64(cut) >= ends[0] {
				readable(t, s, key, all[0])
			} else if tail == nil {
				left(t, s.outDir(), 0)
			}
		}
	}
}

// TestAFailingDiskIsNotWrittenOn: after a fault the file is left as it is, and the next parcel goes into another.
func TestAFailingDiskIsNotWrittenOn(t *testing.T) {
	key := sealing(t)
	s := open(t, t.TempDir())
	first := packMany(t, s, key, 1, 100)
	s.smalls.current.Close() // every write fails from now on
	if _, err := s.Pack(draft(), replicationtest.Key(t, "sender"), key.Public(), []byte("lost"), nil); err == nil {
		t.Fatal("packed on a disk that fails")
	}
	after := packMany(t, s, key, 3, 100)
	readable(t, s, key, append(after, first...)...)
	left(t, s.outDir(), 2)
}

func BenchmarkPackSmall(b *testing.B) {
	key, err := seal.GeneratePrivateKey()
	if err != nil {
		b.Fatal(err)
	}
	s := open(b, b.TempDir())
	body := noise(20 << 10)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, err := s.Pack(draft(), replicationtest.Key(b, "sender"), key.Public(), body, nil)
			if err != nil {
				b.Error(fmt.Errorf("pack: %w", err))
			}
			s.Drop(p.ID())
		}
	})
}

// TestWhatIsWrittenTogetherIsSignedOnce: one signature for the manifests of a batch, and each verifies.
func TestWhatIsWrittenTogetherIsSignedOnce(t *testing.T) {
	s, signer := open(t, t.TempDir()), replicationtest.Key(t, "sender")
	var batch []*smallCall
	for i := range smallCalls {
		body := fmt.Appendf(nil, "manifest %d", i)
		batch = append(batch, &smallCall{id: digest.Of(body), body: body, signer: signer, bytes: []byte("chunks")})
	}
	batch = append(batch, &smallCall{id: digest.Of([]byte("kept for another")), bytes: []byte("chunks")})
	s.smalls.queue = batch
	for !batch[smallCalls].done {
		s.smalls.write()
	}
	for i, c := range batch[:smallCalls] {
		if err := c.record.Verify(signer.Public(), replication.ManifestLabel); err != nil || c.err != nil || !bytes.Equal(c.record.Signature, batch[0].record.Signature) {
			t.Errorf("%d: %v, %v", i, err, c.err)
		}
		if b, small, err := s.smalls.chunk(c.id, 0); !small || err != nil || string(b) != "chunks" {
			t.Errorf("%d: %q, %v", i, b, err)
		}
	}
}
