package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/edition"
	"motcua/directory/replica"
	"motcua/replication"
	"motcua/replication/link"
)

// The names in the data folder.
const (
	identityFile  = "identity.pem"
	enrolmentFile = "enrolment"
	replicaFolder = "replica"
	storeFolder   = "store"
	blobFolder    = "blobs"
	spoolFolder   = "spool"
)

// enrolment is what a node keeps of its enrolment.
type enrolment struct {
	Version uint8                `cbor:"1,keyasint"` // 1
	Office  directory.OfficeCode `cbor:"2,keyasint"`
	Genesis []byte               `cbor:"3,keyasint"` // as directory.ReadGenesis reads it
	Addr    string               `cbor:"4,keyasint"` // where peers reach it
	Portal  string               `cbor:"5,keyasint"` // what people type
}

// Enrolment says how a new node is reached, and by which token it may become an office's.
type Enrolment struct {
	Dir    string
	Conn   net.PacketConn // used for the enrolment alone; Enrol closes it
	Token  directory.Token
	Addr   string
	Portal string
}

// ErrEnrolled is returned for a folder that belongs to an office already.
var ErrEnrolled = errors.New("this folder is enrolled already")

// Enrol makes the data folder of a new node: its identity is made here and bound to the token's office by the directory.
// It can be repeated after a failure; a token is used up by the first success.
func Enrol(ctx context.Context, e Enrolment) error {
	defer e.Conn.Close()
	ctx, cancel := context.WithTimeout(ctx, enrolTime)
	defer cancel()
	if _, err := os.Stat(filepath.Join(e.Dir, enrolmentFile)); err == nil {
		return fmt.Errorf("enrol %s: %w; serve it, or enrol in an empty folder", e.Dir, ErrEnrolled)
	}
	if err := os.MkdirAll(e.Dir, 0o700); err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	id, err := loadOrMakeIdentity(filepath.Join(e.Dir, identityFile))
	if err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	l, err := link.New(link.Config{Name: replication.Name(e.Token.Office), Identity: id, Resolver: nobody{}, Conn: e.Conn})
	if err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	defer l.Close()
	welcome, err := client.Enrol(ctx, l, e.Token, client.Applicant{Identity: id, Addr: e.Addr, Portal: e.Portal})
	if err != nil {
		return err
	}
	return keepEnrolment(e, welcome)
}

// keepEnrolment stores what the directory answered. The enrolment file comes last: a folder with it is whole.
func keepEnrolment(e Enrolment, w client.Welcome) error {
	genesis, err := w.Genesis.Bytes()
	if err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	r, err := replica.Open(filepath.Join(e.Dir, replicaFolder), w.Genesis)
	if err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	if err := r.Install(w.Edition); err != nil && !errors.Is(err, edition.ErrOld) { // kept by an attempt before
		return fmt.Errorf("enrol: %w", err)
	}
	if err := (enrolment{1, e.Token.Office, genesis, e.Addr, e.Portal}).keep(e.Dir); err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	return nil
}

// keep stores the enrolment, durably.
func (e enrolment) keep(dir string) error {
	b, err := wire.Marshal(e)
	if err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(dir, enrolmentFile), b)
}

// move notes that the node is reached elsewhere from now on; what is empty stays. The directory is told by announce.
func (e *enrolment) move(dir, addr, portal string) error {
	moved := *e
	if addr != "" {
		moved.Addr = addr
	}
	if portal != "" {
		moved.Portal = portal
	}
	if moved.Addr == e.Addr && moved.Portal == e.Portal {
		return nil
	}
	*e = moved
	return e.keep(dir)
}

// loadOrMakeIdentity reuses the identity of an enrolment that failed half-way, so that a token that was used up by it
// is not lost.
func loadOrMakeIdentity(path string) (*identity.Private, error) {
	id, err := identity.Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if id, err = identity.Generate(); err != nil {
		return nil, err
	}
	return id, id.Save(path)
}

// Enrolled returns nil if a folder is that of an enrolled node, or an error that says what to do.
func Enrolled(dir string) error {
	_, _, err := loadEnrolment(dir)
	return err
}

// loadEnrolment reads what keepEnrolment stored.
func loadEnrolment(dir string) (e enrolment, g directory.Genesis, err error) {
	b, err := os.ReadFile(filepath.Join(dir, enrolmentFile))
	if errors.Is(err, fs.ErrNotExist) {
		return e, g, fmt.Errorf("open node %s: it is not enrolled; get a token from the province and use motcua node enrol", dir)
	}
	if err != nil {
		return e, g, fmt.Errorf("open node: %w", err)
	}
	if err := wire.Unmarshal(b, &e); err != nil {
		return e, g, fmt.Errorf("open node %s: enrolment: %w", dir, err)
	}
	if e.Version != 1 {
		return e, g, fmt.Errorf("open node %s: its enrolment is of format %d, this program reads format 1; use the program that made it, or a newer one", dir, e.Version)
	}
	g, err = directory.ReadGenesis(e.Genesis)
	return e, g, err
}

// nobody is the resolver of a machine that knows no one yet.
type nobody struct{}

func (nobody) Resolve(replication.Name) (replication.Peer, error) {
	return replication.Peer{}, replication.ErrUnknown
}

func (nobody) Identify(digest.Digest) (replication.Peer, error) {
	return replication.Peer{}, replication.ErrUnknown
}

// enrolTime bounds an enrolment when its context does not.
const enrolTime = 30 * time.Second
