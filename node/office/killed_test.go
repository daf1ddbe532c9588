package office

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// The environment of a process that is an office: its code, and the folder of both.
const (
	officeCode   = "MOTCUA_TEST_OFFICE"
	officeFolder = "MOTCUA_TEST_FOLDER"
	killedAfter  = 120 // dossiers, sent while both are killed again and again
	kills        = 5   // of each
)

// TestKilledWhileSending runs two offices as processes of their own, which are killed hard at random moments while one sends the other
// many dossiers. What either had said to be done is done, every dossier arrives once, and nothing is left to send.
func TestKilledWhileSending(t *testing.T) {
	if dir := os.Getenv(officeFolder); dir != "" {
		beOffice(t, dir, directory.OfficeCode(os.Getenv(officeCode)))
	}
	dir := t.TempDir()
	for _, c := range []directory.OfficeCode{xa, huyen} {
		id, err := identity.Generate()
		must(t, err)
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		must(t, err)
		must(t, os.MkdirAll(folderOf(dir, c), 0o700), id.Save(filepath.Join(dir, string(c)+".identity")),
			os.WriteFile(filepath.Join(dir, string(c)+".addr"), []byte(conn.LocalAddr().String()), 0o600), conn.Close())
	}
	var both sync.WaitGroup
	said := map[directory.OfficeCode]map[digest.Digest]uint64{xa: {}, huyen: {}}
	for c, told := range said {
		both.Go(func() { killAgainAndAgain(t, dir, c, told) })
	}
	both.Wait()
	if !t.Failed() {
		checkKilled(t, dir, said)
	}
}

func folderOf(dir string, c directory.OfficeCode) string { return filepath.Join(dir, string(c)) }

// killAgainAndAgain runs an office, kills it some times, and lets it come to its end. Told are the chains that it said to have brought to
// a length.
func killAgainAndAgain(t *testing.T, dir string, c directory.OfficeCode, told map[digest.Digest]uint64) {
	for n := range kills + 1 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWhileSending$")
		cmd.Env = append(os.Environ(), officeFolder+"="+dir, officeCode+"="+string(c))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Error(err)
			return
		}
		if n < kills {
			defer time.AfterFunc(time.Duration(150+rand.IntN(700))*time.Millisecond, func() { cmd.Process.Kill() }).Stop()
		} else {
			defer time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }).Stop()
		}
		ended := listen(out, told)
		cmd.Wait() // killed, or at its end
		if n == kills && !ended {
			t.Errorf("%s does not come to its end", c)
		}
	}
}

// listen notes what an office says until it ends, and tells whether it says that nothing is left.
func listen(out io.Reader, told map[digest.Digest]uint64) (ended bool) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var name string
		var length uint64
		if n, _ := fmt.Sscan(lines.Text(), &name, &length); n == 2 {
			if id, err := digest.Parse(name); err == nil {
				told[id] = max(told[id], length)
			}
		}
		ended = ended || lines.Text() == "nothing is left"
	}
	return ended
}

// checkKilled opens what the processes left.
func checkKilled(t *testing.T, dir string, said map[directory.OfficeCode]map[digest.Digest]uint64) {
	p := knownOffices(t, dir)
	for c, n := range p.offices {
		n.dir, n.p = folderOf(dir, c), p
		n.open(c)
		t.Cleanup(n.close)
		for chain, length := range said[c] {
			if held, forks := n.lengthAt(chain); held < length || forks > 0 {
				t.Errorf("%s said that chain %s has %d events, it has %d, and %d forks", c, chain.Short(), length, held, forks)
			}
		}
		if waiting, err := n.Store.Waiting(); err != nil || waiting > 0 {
			t.Errorf("%d parcels wait at %s: %v", waiting, c, err)
		}
	}
	forwarded := 0
	for _, row := range p.offices[xa].rows() {
		p.sameEverywhere(row.Chain)
		_, s, err := p.offices[xa].chainHere(row.Chain)
		if err != nil {
			continue // a submission
		}
		forwarded += len(s.Children)
		for _, k := range s.Children {
			if length, _ := p.offices[huyen].lengthAt(k.ID); length == 0 {
				t.Errorf("child %s was not received", k.ID.Short())
			}
		}
	}
	received := 0
	for _, row := range p.offices[huyen].rows() {
		if row.Kind == store.RowChild {
			received++
		}
	}
	if forwarded < killedAfter || received != forwarded {
		t.Errorf("%d dossiers were forwarded, %d received", forwarded, received)
	}
}

// knownOffices are the offices of a folder, not opened.
func knownOffices(t *testing.T, dir string) *province {
	p := &province{t: t, book: replicationtest.NewBook(), offices: map[directory.OfficeCode]*node{}, version: 1, accounts: map[string]directory.Account{}, now: time.Now()}
	for _, c := range []directory.OfficeCode{xa, huyen} {
		id, err := identity.Load(filepath.Join(dir, string(c)+".identity"))
		must(t, err)
		addr, err := os.ReadFile(filepath.Join(dir, string(c)+".addr"))
		must(t, err)
		p.book.Add(replication.Name(c), string(addr), id.Public())
		p.offices[c] = &node{id: id, p: p}
	}
	return p
}

// beOffice is the process: it works until it is killed, or nothing is left.
func beOffice(t *testing.T, dir string, c directory.OfficeCode) {
	p := knownOffices(t, dir)
	n := p.offices[c]
	n.dir = folderOf(dir, c)
	n.open(c)
	n.Now = time.Now
	n.Calls = deaf{}
	self, err := p.book.Resolve(replication.Name(c))
	must(t, err)
	conn, err := net.ListenPacket("udp", self.Addr)
	must(t, err)
	l, err := link.New(link.Config{Name: replication.Name(c), Identity: n.id, Resolver: p.book, Conn: conn})
	must(t, err)
	post := courier.New(courier.Config{
		Self: replication.Name(c), Identity: n.id, Link: l, Spool: n.sp, Outbox: n.Outbox(), Inbox: n.Inbox(), Resolver: p.book,
	})
	n.Wake = func(to replication.Name) { post.Wake(to) }
	go post.Run(context.Background())
	p.workUntilKilled(n)
	os.Exit(0)
}

// workUntilKilled has the commune send dossiers and the district receive them, and say so after each act.
func (p *province) workUntilKilled(n *node) {
	ctx, officer := context.Background(), p.officer(n.Code)
	for quiet := 0; quiet < 25; time.Sleep(20 * time.Millisecond) {
		did := false
		if n.Code == xa && len(n.rows()) < killedAfter {
			must(p.t, handIn(ctx, n.Office, applicant, pdf))
			did = true
		}
		for _, b := range []Bucket{BucketNew, BucketArrived, BucketWork} {
			did = n.workOne(ctx, officer, b) || did
		}
		if waiting, err := n.Store.Waiting(); did || waiting > 0 || err != nil || n.Code == huyen && len(n.rows()) < 2*killedAfter {
			quiet = 0
			continue
		}
		quiet++
	}
	fmt.Println("nothing is left")
}

// workOne does the next thing with what a list shows, but what the district was asked to decide.
func (n *node) workOne(ctx context.Context, officer directory.Account, b Bucket) (did bool) {
	page, err := n.List(ctx, officer, Filter{Bucket: b})
	must(n.p.t, err)
	for _, l := range page.Lines {
		if n.Code == huyen && b == BucketWork {
			continue
		}
		err := actOn(ctx, n.Office, officer, b, l, "")
		if rule, ok := errors.AsType[*dossier.Rule](err); ok {
			n.p.t.Log(rule)
			continue
		}
		must(n.p.t, err)
		length, _ := n.lengthAt(l.Chain)
		fmt.Println(l.Chain, length)
		did = true
	}
	return did
}
