package server

import (
	"fmt"
	"os"
	"path/filepath"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/wire"
	"motcua/directory/edition"
)

// forkFolder keeps editions that contradict each other: a majority of the directory has signed both. The files are the
// evidence, for the province to look into.
const forkFolder = "forks"

// maxForks bounds the files kept; the first ones tell most.
const maxForks = 16

// opened is an edition that was verified before, with the digest of its body.
type opened struct {
	edition.Edition
	body digest.Digest
}

func openEdition(b []byte) (o opened, err error) {
	s, err := edition.Read(b)
	if err == nil {
		o.body = s.Digest()
		err = wire.Unmarshal(s.Body, &o.Edition)
	}
	return o, err
}

// follows tells whether the edition that was just installed goes on from the one held before. One that comes several numbers later
// cannot be compared.
func (n *Server) follows(held edition.Held) bool {
	return held.Number == 0 || n.replica.Number() != held.Number+1 || n.replica.Prev() == held.Body
}

// wholeOf are the bytes of an edition that came whole, packed or not.
func wholeOf(b []byte) []byte {
	s, err := edition.Receive(b, edition.Held{}, func() ([]byte, error) { return nil, edition.ErrBase })
	if err != nil {
		return b
	}
	whole, err := s.Encode()
	if err != nil {
		return b
	}
	return whole
}

// keepFork keeps two editions that contradict each other, and says so loudly.
func (n *Server) keepFork(before, other []byte) {
	var kept []string
	for _, b := range [][]byte{before, other} {
		name, err := n.keepEvidence(b)
		if err != nil {
			n.log.Error("evidence not kept", "err", err)
			continue
		}
		kept = append(kept, name)
	}
	n.log.Error("the directory has signed two editions that contradict each other: one is forged, or it has split; report this to the province",
		"edition", n.replica.Number(), "files", kept)
}

// keepEvidence writes an edition to a file of its own, once.
func (n *Server) keepEvidence(b []byte) (path string, err error) {
	o, err := openEdition(b)
	if err != nil {
		return "", err
	}
	dir := n.path(forkFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(dir, fmt.Sprintf("edition-%d-%s", o.Number, o.body.Short()))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if n.forks() >= maxForks {
		return "", fmt.Errorf("keep edition %d: %s holds %d already; move them away once the province has them", o.Number, dir, maxForks)
	}
	return path, disk.WriteFile(path, b)
}

// forks counts the editions kept as evidence.
func (n *Server) forks() int {
	files, err := os.ReadDir(n.path(forkFolder))
	if err != nil {
		return 0
	}
	return len(files)
}
