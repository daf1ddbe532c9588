package replica

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"motcua/crypto/disk"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/edition"
)

// chainFile holds the successions of the directory's members since the genesis, as far as this replica has met them.
const chainFile = "chain"

// chain is the content of the file.
type chain struct {
	Version     uint8                      `cbor:"1,keyasint"` // 1
	Successions []edition.SignedSuccession `cbor:"2,keyasint"`
}

const maxChain = edition.MaxChain*edition.MaxSuccession + 1024

// readChain reads the successions in a folder, none if there is no file, and what a reader trusts after them.
func readChain(dir string, g directory.Genesis) ([]edition.SignedSuccession, edition.Trust, error) {
	t := edition.TrustOf(g)
	path := filepath.Join(dir, chainFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, t, nil
	}
	if err != nil {
		return nil, t, err
	}
	var c chain
	if len(b) > maxChain {
		return nil, t, fmt.Errorf("%s has %d bytes, at most %d", path, len(b), maxChain)
	}
	if err := wire.UnmarshalVersioned(b, &c, 1); err != nil {
		return nil, t, fmt.Errorf("%s: %w", path, err)
	}
	t, err = t.Follow(c.Successions)
	return c.Successions, t, err
}

func writeChain(dir string, all []edition.SignedSuccession) error {
	b, err := wire.Marshal(chain{Version: 1, Successions: all})
	if err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(dir, chainFile), b)
}

// extend adds to a chain what brought a reader from one epoch to another. A recovery needs nothing that came before it.
func extend(have, brought []edition.SignedSuccession, from, to uint64) []edition.SignedSuccession {
	more := edition.After(brought, from, to)
	for _, s := range more {
		if v, err := edition.ReadSuccession(s.Body); err == nil && v.Recovery {
			have = nil
		}
		have = append(have[:len(have):len(have)], s)
	}
	return have
}
