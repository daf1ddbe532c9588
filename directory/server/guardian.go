package server

import (
	"context"
	"net/http"
	"path/filepath"

	"motcua/directory"
	"motcua/directory/state"
	"motcua/replication"
	"motcua/replication/guardian"
)

// The names in the data folder of the backups that are kept, and of the province's key for them.
const (
	guardianFolder = "guardian"
	backupKeyFile  = "backup.key"
)

// openGuardian keeps backups of every office.
func (s *Server) openGuardian() (err error) {
	if s.backupKey, err = guardian.OpenKeyFile(filepath.Join(s.cfg.Dir, backupKeyFile), s.cfg.Genesis.Recovery); err != nil {
		return err
	}
	s.guardian, err = guardian.Open(guardian.Config{
		Dir: filepath.Join(s.cfg.Dir, guardianFolder), Link: s.link, Resolver: s.roster, Key: s.backupKey, Free: s.cfg.Free, Log: s.log,
		Serves: func(name replication.Name) bool { return directory.OfficeCode(name).Validate() == nil },
	})
	return err
}

// Guarding is what GET /guardian answers.
type Guarding struct {
	Key  uint32          `json:"key"` // number of the province's key for backups; 0: it has none
	Kept []guardian.Kept `json:"kept"`
}

func (s *Server) guarding(context.Context, struct{}) (g Guarding, err error) {
	var names []replication.Name
	err = s.look(func(r state.Reader) error {
		nodes, err := state.Nodes(r)
		seen := map[directory.OfficeCode]bool{}
		for _, n := range nodes {
			if !seen[n.Office] {
				seen[n.Office] = true
				names = append(names, replication.Name(n.Office))
			}
		}
		return err
	})
	if err != nil {
		return g, err
	}
	key, _, _ := s.backupKey.Now()
	kept, err := s.guardian.Kept(names)
	return Guarding{key.Number, append([]guardian.Kept{}, kept...)}, err
}

func (s *Server) adminGuardian(mux *http.ServeMux) {
	mux.HandleFunc("GET /guardian", answer(s.guarding))
	mux.HandleFunc("POST /backup-key", answer(func(_ context.Context, q BackupKeyRequest) (BackupKeyAnswer, error) {
		newer, err := s.backupKey.TakeBytes(q.Record)
		if err != nil {
			err = directory.Errorf("take key for backups", directory.Invalid, "%s", err)
		}
		return BackupKeyAnswer{newer}, err
	}))
}

// BackupKeyRequest is what POST /backup-key takes: the record of a recovery.Key. Servers and nodes hand it on to each other.
type BackupKeyRequest struct {
	Record []byte `json:"record"`
}

// BackupKeyAnswer tells whether it is newer than the one that was in force.
type BackupKeyAnswer struct {
	Newer bool `json:"newer"`
}
