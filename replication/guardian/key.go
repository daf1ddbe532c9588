package guardian

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/recovery"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
)

// KeyFile holds the newest key for backups that the province has signed, in a file. It is safe for concurrent use.
type KeyFile struct {
	path     string
	province *record.PublicKey // nil: the province has no recovery key, and so none for backups

	mu      sync.Mutex
	record  *record.Record
	key     recovery.Key
	sealing *seal.PublicKey
}

// OpenKeyFile reads a key file, which need not be there. Province is the genesis' recovery key, as record.PublicKey has it; empty
// if there is none.
func OpenKeyFile(path string, province []byte) (*KeyFile, error) {
	f := &KeyFile{path: path}
	if len(province) == 0 {
		return f, nil
	}
	var err error
	if f.province, err = record.ParsePublicKey(province); err != nil {
		return nil, fmt.Errorf("open recovery key of backups: %w", err)
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	var r record.Record
	if err == nil {
		err = wire.Unmarshal(b, &r)
	}
	if err == nil {
		f.key, f.sealing, err = recovery.ReadKey(r, f.province)
	}
	if err != nil {
		return nil, fmt.Errorf("open recovery key of backups: %s: %w", path, err)
	}
	f.record = &r
	return f, nil
}

// Now returns the key in force, false if none is known.
func (f *KeyFile) Now() (recovery.Key, *seal.PublicKey, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.key, f.sealing, f.record != nil
}

// Record returns the signed key in force, nil if none is known.
func (f *KeyFile) Record() *record.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.record
}

// Take takes a key if it is newer than the one in force. It tells whether it was.
func (f *KeyFile) Take(r record.Record) (bool, error) {
	if f.province == nil {
		return false, errors.New("take recovery key of backups: this province was founded without a recovery key, which would have to sign it")
	}
	k, sealing, err := recovery.ReadKey(r, f.province)
	if err != nil {
		return false, err
	}
	b, err := wire.Marshal(r)
	if err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.record != nil && k.Number <= f.key.Number {
		return false, nil
	}
	if err := disk.WriteFile(f.path, b); err != nil {
		return false, err
	}
	f.record, f.key, f.sealing = &r, k, sealing
	return true, nil
}

// TakeBytes takes the encoded record of a key, as a tool brings it.
func (f *KeyFile) TakeBytes(b []byte) (bool, error) {
	var v record.Record
	if err := wire.Unmarshal(b, &v); err != nil {
		return false, fmt.Errorf("take recovery key of backups: %w", err)
	}
	return f.Take(v)
}

// Exchange takes a key that somebody else has, if it holds and is newer, and returns the one in force.
func (f *KeyFile) Exchange(theirs *record.Record) *record.Record {
	if theirs != nil && f.province != nil && (f.Record() == nil || f.Record().ID() != theirs.ID()) {
		f.Take(*theirs) // one that does not hold changes nothing
	}
	return f.Record()
}
