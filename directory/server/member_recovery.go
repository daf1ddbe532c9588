package server

import (
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/edition"
	"motcua/directory/folder"
	"motcua/directory/state"
)

// recoveryType is the PEM type of a recovery key; its number is the version of the format.
const recoveryType = "MOTCUA RECOVERY KEY V1"

// NewRecoveryKey makes a province's recovery key. Its public half goes into the genesis; the text of the other half belongs in
// a safe, and on no server.
func NewRecoveryKey() (k *record.Key, text []byte, err error) {
	seed := make([]byte, record.SeedSize)
	rand.Read(seed)
	if k, err = record.NewKey(seed); err != nil {
		return nil, nil, fmt.Errorf("make recovery key: %w", err)
	}
	return k, pem.EncodeToMemory(&pem.Block{Type: recoveryType, Bytes: seed}), nil
}

// ReadRecoveryKey reads the text of a recovery key.
func ReadRecoveryKey(text []byte) (*record.Key, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != recoveryType {
		return nil, errors.New("read recovery key: it is none; take the file that motcua directory found wrote")
	}
	return record.NewKey(block.Bytes)
}

// errNoRecoveryKey says what the lack of a recovery key means.
var errNoRecoveryKey = errors.New("this province was founded without a recovery key, so no node would believe the recovered directory: " +
	"found the province anew, publish its tables again, and enrol every node with a new token; nodes keep their dossiers")

// Recovery is what makes one server the only member of its directory.
type Recovery struct {
	Dir      string
	Identity *identity.Private
	Key      *record.Key // the province's recovery key
	Now      time.Time
	Log      *slog.Logger
}

// CheckRecoveryKey compares a recovery key with a province's genesis.
func CheckRecoveryKey(g directory.Genesis, key *record.Key) error {
	switch {
	case len(g.Recovery) == 0:
		return errNoRecoveryKey
	case string(g.Recovery) != string(key.Public().Bytes()):
		return errors.New("this is the recovery key of another province: take the one that was made with this one's genesis")
	}
	return nil
}

// drawUp draws up the succession that makes a member the only one, and signs it with its key and the recovery key.
func (q Recovery) drawUp(m directory.Member, to *edition.SignedSuccession) cluster.DrawUp {
	return func(r state.Reader) (out edition.SignedSuccession, err error) {
		s, err := state.DrawUpRecovery(r, []directory.Member{m}, q.Now.Unix())
		if err != nil {
			return out, err
		}
		if out.Body, err = s.Encode(); err != nil {
			return out, err
		}
		own, err := edition.SignSuccession(q.Identity.Sign, s.Epoch, out.Digest())
		if err != nil {
			return out, err
		}
		key, err := edition.SignRecovery(q.Key, s.Epoch, out.Digest())
		out.Cosignatures = []record.Record{own, key}
		*to = out
		return out, err
	}
}

// Recover makes the stopped server of a data folder the only member of its directory, when the majority is lost for good.
// What only the lost servers had is lost; they can never come back.
func Recover(q Recovery) error {
	s := &Server{cfg: Config{Dir: q.Dir, Identity: q.Identity}}
	b, err := os.ReadFile(filepath.Join(q.Dir, GenesisFile))
	if err != nil {
		return fmt.Errorf("recover: %w: name the data folder of a server that survived", err)
	}
	if s.cfg.Genesis, err = directory.ReadGenesis(b); err != nil {
		return err
	}
	if err := CheckRecoveryKey(s.cfg.Genesis, q.Key); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	m, err := s.whoAmI()
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	q.Identity = s.cfg.Identity // or the one that was to follow it
	var signed edition.SignedSuccession
	if err := cluster.Recover(q.Dir, m.Name, q.drawUp(m, &signed), q.Log); err != nil {
		return err
	}
	return s.keepRecovery(m, signed)
}

// keepRecovery notes in the folder who the members are now, for the next start.
func (s *Server) keepRecovery(m directory.Member, signed edition.SignedSuccession) error {
	g, err := s.cfg.Genesis.Bytes()
	if err != nil {
		return err
	}
	return s.keepWelcome(Welcome{Version: 1, Genesis: g, Chain: []edition.SignedSuccession{signed}, Self: m})
}

// Restore makes the folder of a new server, the only member of its directory, from a backup that was checked.
func Restore(q Recovery, m directory.Member, b *cluster.Backup) error {
	g, err := b.Genesis()
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := CheckRecoveryKey(g, q.Key); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := folder.Prepare(q.Dir, format); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	var signed edition.SignedSuccession
	if err := cluster.Restore(q.Dir, m.Name, b, q.drawUp(m, &signed), q.Log); err != nil {
		return err
	}
	s := &Server{cfg: Config{Dir: q.Dir, Genesis: g, Identity: q.Identity}}
	if err := s.keepRecovery(m, signed); err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(q.Dir, GenesisFile), b.Head.Genesis)
}

// sendBackup answers with a backup.
func (s *Server) sendBackup(w http.ResponseWriter, _ *http.Request) {
	begun := false
	err := s.cluster.Backup(func(n int64) {
		begun = true
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	}, w)
	if err != nil && !begun {
		fail(w, err)
	} else if err != nil {
		s.log.Error("a backup was cut short", "error", err)
	}
}
