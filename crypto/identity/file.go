package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
)

// fileType is the PEM type of an identity file; its number is the version of the format.
const fileType = "MOTCUA IDENTITY V1"

// secret is what the file holds.
type secret struct {
	Sign []byte `cbor:"1,keyasint"` // record seed
	Seal []byte `cbor:"2,keyasint"`
	TLS  []byte `cbor:"3,keyasint"` // P-256 scalar
}

// Marshal returns the identity as PEM. Whoever reads it is the node.
func (p *Private) Marshal() ([]byte, error) {
	sealing, err := p.Seal.Bytes()
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	tls, err := p.TLS.Bytes()
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	b, err := wire.Marshal(secret{Sign: p.Sign.Seed(), Seal: sealing, TLS: tls})
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: fileType, Bytes: b}), nil
}

// Parse reads what Marshal writes, and nothing beside it.
func Parse(text []byte) (*Private, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 || len(block.Headers) > 0 {
		return nil, errors.New("identity: want one PEM block of type \"" + fileType + "\" and nothing else")
	}
	if block.Type != fileType {
		return nil, fmt.Errorf("identity: PEM block of type %q, this version reads %q: if its number is higher, upgrade", block.Type, fileType)
	}
	var s secret
	if err := wire.Unmarshal(block.Bytes, &s); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	sign, err := record.NewKey(s.Sign)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	sealing, err := seal.ParsePrivateKey(s.Seal)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	tls, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), s.TLS)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return assemble(sign, sealing, tls)
}

// Save writes the identity to a new file of mode 0600, durably, whole or not at all. It never replaces a file: the error
// then is fs.ErrExist.
func (p *Private) Save(path string) error {
	text, err := p.Marshal()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".identity-*") // mode 0600
	if err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	// A link, not a rename, because it fails when the name is taken. A crash before it leaves a hidden file of mode
	// 0600 that nobody reads.
	if err := errors.Join(os.Link(f.Name(), path), disk.SyncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	return nil
}

// maxFile bounds an identity file in bytes.
const maxFile = 64 << 10

// Load reads an identity file. It refuses one that others can read.
func Load(path string) (*Private, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load identity: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("load identity: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("load identity: %s can be read by others (mode %o): chmod 600 it, and revoke the key if it may have been read", path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("load identity: %w", err)
	}
	return Parse(text)
}
