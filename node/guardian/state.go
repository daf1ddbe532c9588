package guardian

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/guardian"
)

// state is where the stream stands, in a file.
type state struct {
	Version  uint8            `cbor:"1,keyasint"` // 1
	Guardian replication.Name `cbor:"2,keyasint"`
	Start    *record.Record   `cbor:"3,keyasint,omitempty"` // nil: no stream yet
	Key      seal.Key         `cbor:"4,keyasint"`
	Recovery digest.Digest    `cbor:"5,keyasint"` // the key of the province that it is sealed to
	Signer   digest.Digest    `cbor:"6,keyasint"`
	Head     guardian.Head    `cbor:"7,keyasint"`
	Until    uint64           `cbor:"8,keyasint"`           // version of the store that the head has
	Next     *record.Record   `cbor:"9,keyasint,omitempty"` // a segment whose file is here
	NextFile guardian.File    `cbor:"10,keyasint"`
	NextTo   uint64           `cbor:"11,keyasint"`
	Files    int64            `cbor:"12,keyasint"` // sealed files written before then are there: Unix seconds
}

const (
	stateFile   = "state"
	segmentFile = "segment"
)

func loadState(dir string) (s state, err error) {
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return state{Version: 1}, nil
	}
	if err == nil {
		err = wire.UnmarshalVersioned(b, &s, 1)
	}
	if err != nil {
		return s, fmt.Errorf("read state of the backup: %w", err)
	}
	return s, nil
}

func (s state) save(dir string) error {
	b, err := wire.Marshal(s)
	if err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(dir, stateFile), b)
}
