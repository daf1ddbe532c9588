package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/crypto/recovery"
	"motcua/directory"
	"motcua/directory/replica"
	"motcua/node/blob"
	"motcua/node/guardian"
	"motcua/node/office"
	"motcua/node/store"
	"motcua/replication"
	keeping "motcua/replication/guardian"
	"motcua/replication/link"
)

// The names in the data folder of what is backed up, kept for others, and being restored.
const (
	backupFolder  = "backup"
	keepFolder    = "guardian"
	restoreFolder = "restore"
	backupKeyFile = "backup.key"
	requestFile   = "request"
)

// keptForOffice is how many bytes of another office's backup an office's node keeps.
const keptForOffice = 20 << 30

// openBackup makes this node the guardian of the offices below it, and its own backup's streamer.
func (n *Server) openBackup() (err error) {
	if n.backupKey, err = keeping.OpenKeyFile(n.path(backupKeyFile), n.genesis.Recovery); err != nil {
		return err
	}
	n.guardian, err = keeping.Open(keeping.Config{
		Dir: n.path(keepFolder), Link: n.link, Resolver: n.replica, Key: n.backupKey, Quota: keptForOffice, Log: n.log,
		Serves: func(office replication.Name) bool { return n.above(directory.OfficeCode(office)) == n.enrolment.Office },
	})
	if err != nil {
		return err
	}
	n.backup, err = guardian.New(guardian.Config{
		Dir: n.path(backupFolder), Self: replication.Name(n.enrolment.Office), Ring: n.ring, Link: n.link, Guardians: n.guardians, Key: n.backupKey,
		Store: n.store, Blobs: n.blobs, Now: n.cfg.Now, Log: n.log,
	})
	return err
}

// guardians are who may keep this node's backup: the office above, then the servers of the directory.
func (n *Server) guardians() []replication.Name {
	all := n.relaysFor(replication.Name(n.enrolment.Office))
	above := replication.Name(n.above(n.enrolment.Office))
	if last := len(all) - 1; last >= 0 && all[last] == above {
		all = append([]replication.Name{above}, all[:last]...)
	}
	return all
}

// below are the offices whose backups this node may keep.
func (n *Server) below() (out []replication.Name) {
	for _, o := range n.replica.Nodes() {
		if n.above(o.Office) == n.enrolment.Office {
			out = append(out, replication.Name(o.Office))
		}
	}
	return out
}

// Guarding is what a guardian says of itself.
type Guarding struct {
	Key  uint32         `json:"key"` // number of the province's key for backups; 0: it has none
	Kept []keeping.Kept `json:"kept"`
}

func (n *Server) adminGuardian(w http.ResponseWriter, _ *http.Request) {
	kept, err := n.guardian.Kept(n.below())
	key, _, _ := n.backupKey.Now()
	answer(w, Guarding{key.Number, append([]keeping.Kept{}, kept...)}, err)
}

// adminBackupKey takes {"record": …}, the record of a recovery.Key: {"newer": true} where it was.
func (n *Server) adminBackupKey(w http.ResponseWriter, r *http.Request) {
	var q struct{ Record []byte }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 2*recovery.MaxKey)).Decode(&q); err != nil {
		http.Error(w, "take key for backups: malformed request", http.StatusBadRequest)
		return
	}
	newer, err := n.backupKey.TakeBytes(q.Record)
	answer(w, map[string]bool{"newer": newer}, err)
}

// ErrRestoring is returned for a folder in which a backup is being restored.
var ErrRestoring = errors.New("a backup is being restored into it: finish that with motcua node restore --answer")

// checkRestored refuses to begin anew where a backup is being restored.
func checkRestored(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, restoreFolder)); err == nil && !store.Exists(filepath.Join(dir, storeFolder)) {
		return fmt.Errorf("open node %s: %w", dir, ErrRestoring)
	}
	return nil
}

// Restoration brings an office back on a new machine, from its guardian.
type Restoration struct {
	Dir string
	// Listen opens a socket: for the enrolment, then for the fetching.
	Listen func() (net.PacketConn, error)
	Token  directory.Token // zero where the folder is enrolled already, by an attempt before
	Addr   string
	Portal string
	// Progress is told how many bytes of how many are here.
	Progress func(done, total int64)
	// Retry is how long it waits after a failure; 0 for 10 seconds. It gives up with the context.
	Retry time.Duration
	Log   func(error)
}

// Fetch enrols the machine, unless it is, and fetches the office's backup, still sealed. The request for the officials is in the
// folder, too. It goes on where an earlier call broke off.
func (r Restoration) Fetch(ctx context.Context) (f guardian.Found, err error) {
	if err := r.enrol(ctx); err != nil {
		return f, err
	}
	e, g, err := loadEnrolment(r.Dir)
	if err != nil {
		return f, err
	}
	lock, err := disk.Lock(r.Dir)
	if err != nil {
		return f, fmt.Errorf("restore: %w", err)
	}
	defer lock.Close()
	if store.Exists(filepath.Join(r.Dir, storeFolder)) {
		return f, fmt.Errorf("restore: %s: this node has begun to work already; restore into an empty folder, with a new token", r.Dir)
	}
	for {
		if f, err = r.fetch(ctx, e, g); err == nil {
			return f, disk.WriteFile(filepath.Join(r.Dir, restoreFolder, requestFile), f.Request)
		}
		if r.Log != nil {
			r.Log(err)
		}
		select {
		case <-ctx.Done():
			return f, err
		case <-time.After(max(r.Retry, 10*time.Second)):
		}
	}
}

func (r Restoration) enrol(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(r.Dir, enrolmentFile)); err == nil {
		return nil
	}
	if r.Token.Office == "" {
		return fmt.Errorf("restore %s: it is not enrolled; give the token of the new machine", r.Dir)
	}
	conn, err := r.Listen()
	if err != nil {
		return err
	}
	return Enrol(ctx, Enrolment{Dir: r.Dir, Conn: conn, Token: r.Token, Addr: r.Addr, Portal: r.Portal})
}

func (r Restoration) fetch(ctx context.Context, e enrolment, g directory.Genesis) (f guardian.Found, err error) {
	id, err := identity.Load(filepath.Join(r.Dir, identityFile))
	if err != nil {
		return f, err
	}
	known, err := replica.Open(filepath.Join(r.Dir, replicaFolder), g)
	if err != nil {
		return f, err
	}
	blobs, err := blob.Open(filepath.Join(r.Dir, blobFolder))
	if err != nil {
		return f, err
	}
	defer blobs.Close()
	conn, err := r.Listen()
	if err != nil {
		return f, err
	}
	self := replication.Name(e.Office)
	l, err := link.New(link.Config{Name: self, Identity: id, Resolver: known, Conn: conn})
	if err != nil {
		return f, err
	}
	defer l.Close()
	places := &Server{enrolment: e, replica: known, cfg: Config{Now: time.Now}}
	return guardian.Source{
		Dir: filepath.Join(r.Dir, restoreFolder), Self: self, Identity: id, Link: l, Guardians: places.guardians(), Resolver: known, Blobs: blobs,
		Progress: r.Progress,
	}.Fetch(ctx)
}

// Restored is what was brought back.
type Restored struct {
	Office  directory.OfficeCode `json:"office"`
	Until   time.Time            `json:"until"`   // everything up to then
	Missing int                  `json:"missing"` // attachments that had not been streamed
}

// FinishRestore opens a backup that was fetched with the officials' answer. Then the node can be served.
func FinishRestore(ctx context.Context, dir string, answer []byte, o store.Options) (out Restored, err error) {
	e, g, err := loadEnrolment(dir)
	if err != nil {
		return out, err
	}
	lock, err := disk.Lock(dir)
	if err != nil {
		return out, fmt.Errorf("restore: %w", err)
	}
	defer lock.Close()
	id, err := identity.Load(filepath.Join(dir, identityFile))
	if err != nil {
		return out, err
	}
	known, err := replica.Open(filepath.Join(dir, replicaFolder), g)
	if err != nil {
		return out, err
	}
	from := filepath.Join(dir, restoreFolder)
	out.Office = e.Office
	out.Until, err = guardian.Opening{
		Dir: from, Store: filepath.Join(dir, storeFolder), Self: replication.Name(e.Office), Identity: id, Resolver: known, Options: o,
	}.Open(ctx, answer)
	if err != nil {
		return out, err
	}
	if out.Missing, err = afterRestore(ctx, dir, o); err != nil {
		return out, err
	}
	// A crash before this leaves what was fetched, which does no harm beside the store.
	return out, os.RemoveAll(from)
}

// afterRestore notes in the store that it was brought back, and counts the attachments that it names and that are not there.
func afterRestore(ctx context.Context, dir string, o store.Options) (n int, err error) {
	s, err := store.Open(filepath.Join(dir, storeFolder), o)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	blobs, err := blob.Open(filepath.Join(dir, blobFolder))
	if err != nil {
		return 0, err
	}
	defer blobs.Close()
	if err := s.Update(ctx, func(t *store.Tx) error { return office.MarkRestored(t, time.Now()) }); err != nil {
		return 0, err
	}
	err = s.Blobs(func(d digest.Digest) error {
		held, err := blobs.Has(ctx, d)
		if !held {
			n++
		}
		return err
	})
	return n, err
}
