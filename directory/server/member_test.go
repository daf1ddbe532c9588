package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/replica"
	"motcua/directory/server"
	"motcua/replication/gossip"
	"motcua/replication/replicationtest"
)

var recoveryKey = directorytest.RecoveryKey(200)

// found founds a province of n servers that has a recovery key, and starts them.
func found(t *testing.T, n int) *world {
	t.Helper()
	w := unfounded(t, n)
	w.startFounders()
	return w
}

// unfounded is found before the servers are started.
func unfounded(t *testing.T, n int) *world {
	t.Helper()
	w := &world{
		t: t, net: replicationtest.NewNetwork(), ids: map[string]*identity.Private{},
		dirs: map[string]string{}, up: map[string]*running{}, virtual: true,
	}
	w.net.SetWeather(replicationtest.Weather{Latency: 2 * time.Millisecond})
	var members []directory.Member
	for i := range n {
		members = append(members, w.card(fmt.Sprintf("dir-%d", i+1)))
	}
	g, err := server.Found(directory.Text{VI: "tỉnh Khánh Hòa"}, "H32", members, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g.Recovery = recoveryKey.Public().Bytes()
	w.genesis = g
	t.Cleanup(w.end)
	return w
}

func (w *world) startFounders() {
	w.t.Helper()
	for _, m := range w.genesis.Members {
		w.startWith(m.Name, nil)
	}
	for _, m := range w.genesis.Members {
		w.ready(m.Name)
	}
}

// card makes the identity of a server, and its member.
func (w *world) card(name string) directory.Member {
	w.ids[name], w.dirs[name] = newIdentity(w.t), w.t.TempDir()
	return directory.Member{Name: name, Identity: w.ids[name].Public(), Addr: addrOf(name)}
}

// grow has a new server join through another, and waits until it votes.
func (w *world) grow(through, name string) *server.Welcome {
	w.t.Helper()
	card, err := server.WriteCard(w.card(name))
	if err != nil {
		w.t.Fatal(err)
	}
	a := must[server.JoinAnswer](w, through, http.MethodPost, "/join", server.JoinRequest{Card: card})
	g, welcome, err := server.ReadWelcome(a.Welcome)
	if err != nil || g.Digest() != w.genesis.Digest() {
		w.t.Fatalf("welcome of %s: %v", name, err)
	}
	w.startWith(name, welcome)
	w.await(through, name, "voting")
	return welcome
}

func (w *world) startWith(name string, welcome *server.Welcome) {
	w.t.Helper()
	s, err := server.New(server.Config{
		Dir: w.dirs[name], Conn: w.net.Listen(addrOf(name)), Genesis: w.genesis, Identity: w.ids[name], Welcome: welcome,
		Log: testLog(name), Now: w.now, Free: w.free(name), Level: w.level, OfficeRate: 100_000,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{s, stop, make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	w.up[name] = r
}

func (w *world) await(at, name, state string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	if err := w.up[at].AwaitServer(ctx, name, state); err != nil {
		s := must[server.Status](w, at, http.MethodGet, "/status", nil)
		w.t.Fatalf("%s is not %q after a minute: %+v", name, state, s.Servers)
	}
}

// ends waits for a server to end by itself, and returns why.
func (w *world) ends(name string) error {
	w.t.Helper()
	r := w.up[name]
	select {
	case err := <-r.done:
		delete(w.up, name)
		return err
	case <-time.After(time.Minute):
		w.t.Fatalf("%s does not end within a minute", name)
		return nil
	}
}

// shrink has a server leave through another, and waits until it is gone and has ended.
func (w *world) shrink(through, name string) {
	w.t.Helper()
	must[struct{}](w, through, http.MethodPost, "/leave", server.LeaveRequest{Name: name})
	w.await(through, name, "")
	if err := w.ends(name); err == nil || !strings.Contains(err.Error(), "has left the directory") {
		w.t.Errorf("%s ends with %v", name, err)
	}
}

// voters are the servers that vote, as one of them sees it.
func (w *world) voters(at string) (out []string) {
	w.t.Helper()
	for _, s := range must[server.Status](w, at, http.MethodGet, "/status", nil).Servers {
		if s.Role == "leader" || s.Role == "voter" {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return out
}

// write publishes one more field; it is there once this returns.
func (w *world) write(at string, n int) {
	w.t.Helper()
	p := server.Publication{Fields: []directory.Field{{ID: fmt.Sprintf("f-%d", n), Name: directory.Text{VI: "lĩnh vực"}}}}
	must[server.Published](w, at, http.MethodPost, "/publish", p)
}

// edition waits for a newer edition than a number at a server, and returns its bytes.
func (w *world) edition(at string, after uint64, epoch uint64) []byte {
	w.t.Helper()
	for range 600 {
		s := must[server.Status](w, at, http.MethodGet, "/status", nil)
		if s.Edition > after && !s.Pending && s.Epoch >= epoch {
			_, _, said := admin[struct{}](w, at, http.MethodGet, "/edition", nil)
			return []byte(said)
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.t.Fatalf("%s has no edition after %d", at, after)
	return nil
}

// TestAProvinceGrowsReplacesAndShrinks: from one server to three and five, a dead one is replaced, and back to three, while
// changes are made and a node sleeps through all of it.
func TestAProvinceGrowsReplacesAndShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 1)
		w.write("dir-1", 1)
		r, err := replica.Open(t.TempDir(), w.genesis)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Install(w.edition("dir-1", 0, 0)); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"dir-2", "dir-3", "dir-4", "dir-5"} {
			w.grow("dir-1", name)
			w.write(name, 10+i)
		}
		if v := w.voters("dir-3"); len(v) != 5 {
			t.Fatalf("voters: %v", v)
		}
		w.stop("dir-1") // for ever
		must[struct{}](w, "dir-2", http.MethodPost, "/leave", server.LeaveRequest{Name: "dir-1", Reason: "its machine is broken"})
		w.grow("dir-2", "dir-6")
		w.await("dir-2", "dir-1", "")
		w.shrink("dir-3", "dir-2")
		w.shrink("dir-3", "dir-4")
		if v := w.voters("dir-6"); !slices.Equal(v, []string{"dir-3", "dir-5", "dir-6"}) {
			t.Fatalf("voters: %v", v)
		}
		w.write("dir-6", 99)
		if err := r.Install(w.edition("dir-5", r.Number(), 7)); err != nil {
			t.Fatalf("a node that slept through eight changes of the servers: %v", err)
		}
		if n := len(r.Members()); n != 3 || r.Epoch() < 7 {
			t.Errorf("it knows %d servers, epoch %d", n, r.Epoch())
		}
		w.restart("dir-3", "dir-5", "dir-6")
		w.write("dir-5", 100)
		w.refusesTheDeparted("dir-1")
	})
}

// restart stops and starts servers.
func (w *world) restart(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.stop(name)
	}
	for _, name := range names {
		w.startWith(name, nil)
	}
	for _, name := range names {
		w.ready(name)
	}
}

// refusesTheDeparted starts a server that has left: it is told so and ends.
func (w *world) refusesTheDeparted(name string) {
	w.t.Helper()
	w.startWith(name, nil)
	if err := w.ends(name); err == nil || !strings.Contains(err.Error(), "has left the directory") {
		w.t.Errorf("a server that has left comes back: %v", err)
	}
}

// TestNoServerLeavesThatIsNeeded: what would stop the directory is refused with the reason.
func TestNoServerLeavesThatIsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		w.stop("dir-3")
		time.Sleep(5 * time.Second)
		for name, reason := range map[string]string{"dir-2": "do not answer", "dir-9": "no server dir-9"} {
			if _, status, said := admin[struct{}](w, "dir-1", http.MethodPost, "/leave", server.LeaveRequest{Name: name}); status == http.StatusOK || !strings.Contains(said, reason) {
				t.Errorf("leave %s: %d %s", name, status, said)
			}
		}
		must[struct{}](w, "dir-1", http.MethodPost, "/leave", server.LeaveRequest{Name: "dir-3"})
		w.await("dir-1", "dir-3", "")
		must[struct{}](w, "dir-1", http.MethodPost, "/leave", server.LeaveRequest{Name: "dir-1"})
		w.await("dir-2", "dir-1", "")
		w.ends("dir-1")
		if _, _, said := admin[struct{}](w, "dir-2", http.MethodPost, "/leave", server.LeaveRequest{Name: "dir-2"}); !strings.Contains(said, "") || len(w.voters("dir-2")) != 1 {
			t.Errorf("the last server leaves: %s", said)
		}
		w.write("dir-2", 1)
	})
}

// TestNobodyVotesWhoHasNotComeUp: a server that was let join and is not there gets no vote and no signature, and nothing is
// lost by it.
func TestNobodyVotesWhoHasNotComeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		card, err := server.WriteCard(w.card("dir-4"))
		if err != nil {
			t.Fatal(err)
		}
		must[server.JoinAnswer](w, "dir-1", http.MethodPost, "/join", server.JoinRequest{Card: card})
		time.Sleep(30 * time.Second)
		s := must[server.Status](w, "dir-2", http.MethodGet, "/status", nil)
		if v := w.voters("dir-2"); len(v) != 3 || s.Epoch != 0 {
			t.Errorf("voters %v, epoch %d", v, s.Epoch)
		}
		w.stop("dir-3")
		w.write("dir-1", 1)
		must[struct{}](w, "dir-2", http.MethodPost, "/leave", server.LeaveRequest{Name: "dir-4"})
		w.await("dir-2", "dir-4", "")
	})
}

// TestLeadershipIsHandedOver to the one that was named, asked of any server.
func TestLeadershipIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		time.Sleep(3 * time.Second)
		for _, to := range []string{"dir-1", "dir-2", "dir-3", "dir-1"} {
			must[struct{}](w, "dir-2", http.MethodPost, "/transfer", server.TransferRequest{To: to})
			for range 50 {
				if s := must[server.Status](w, to, http.MethodGet, "/status", nil); s.Leader == to {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if s := must[server.Status](w, to, http.MethodGet, "/status", nil); s.Leader != to {
				t.Errorf("%s leads, not %s", s.Leader, to)
			}
		}
		if _, status, _ := admin[struct{}](w, "dir-2", http.MethodPost, "/transfer", server.TransferRequest{To: "dir-7"}); status == http.StatusOK {
			t.Error("a stranger is to lead")
		}
	})
}

// TestServersChangeTheirKeys, one after the other, under their own names; what a node has leads it to the new ones.
func TestServersChangeTheirKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		w.write("dir-1", 1)
		r, err := replica.Open(t.TempDir(), w.genesis)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"dir-1", "dir-2", "dir-3"} {
			id, old := filepath.Join(w.dirs[name], server.IdentityFile), w.ids[name]
			if err := old.Save(id); err != nil {
				t.Fatal(err)
			}
			must[struct{}](w, name, http.MethodPost, "/rotate", nil)
			if err := w.ends(name); !errors.Is(err, server.ErrRotated) {
				t.Fatalf("%s ends with %v", name, err)
			}
			if w.ids[name], err = identity.Load(id); err != nil || w.ids[name].Public().ID() == old.Public().ID() {
				t.Fatalf("%s has no new keys: %v", name, err)
			}
			w.startWith(name, nil)
			w.ready(name)
			w.write(name, 10+i)
		}
		if err := r.Install(w.edition("dir-2", 0, 3)); err != nil || r.Epoch() != 3 {
			t.Fatalf("epoch %d: %v", r.Epoch(), err)
		}
		for _, m := range r.Members() {
			if m.Identity.ID() != w.ids[m.Name].Public().ID() {
				t.Errorf("the node knows %s by its old keys", m.Name)
			}
		}
	})
}

// TestRollingUpgrade: servers are upgraded one after the other while changes are made. What was confirmed is there at the end,
// and what an earlier version would not understand waits until all are upgraded.
func TestRollingUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := unfounded(t, 3)
		w.genesis.Level, w.level = 0, 1
		w.startFounders()
		w.write("dir-1", 0)
		a := w.enrolled(t)
		writer := startWriter(a)
		w.level = 0
		card, err := server.WriteCard(w.card("dir-4"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			s := must[server.Status](w, name, http.MethodGet, "/status", nil)
			_, status, said := admin[server.JoinAnswer](w, "dir-1", http.MethodPost, "/join", server.JoinRequest{Card: card})
			if status == http.StatusOK || !strings.Contains(said, "not before every server is upgraded") || s.Level != 1 {
				t.Errorf("before %s is upgraded, at level %d: %d %s", name, s.Level, status, said)
			}
			before := writer.made.Load()
			w.restart(name)
			writer.reaches(before + 5)
		}
		for range 100 {
			if must[server.Status](w, "dir-2", http.MethodGet, "/status", nil).Level == command.Level {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		w.grow("dir-1", "dir-5")
		writer.check(t)
		w.stop("dir-3")
		w.level = 1
		_, err = server.New(server.Config{Dir: w.dirs["dir-3"], Conn: w.net.Listen(addrOf("dir-3")), Genesis: w.genesis, Identity: w.ids["dir-3"], Level: 1, Free: w.free("dir-3")})
		if directory.CodeOf(err) != directory.Newer {
			t.Errorf("an earlier version is started again: %v", err)
		}
	})
}

// writer makes accounts one after the other, and remembers which were confirmed.
type writer struct {
	node       *node
	made       atomic.Int64
	confirmed  []string
	done, stop chan struct{}
}

func startWriter(n *node) *writer {
	w := &writer{node: n, done: make(chan struct{}), stop: make(chan struct{})}
	go w.run()
	return w
}

func (w *writer) run() {
	defer close(w.done)
	for i := 0; ; i++ {
		select {
		case <-w.stop:
			return
		default:
		}
		login := fmt.Sprintf("citizen%d", i)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		if _, err := w.node.Register(ctx, citizen(login)); err == nil {
			w.confirmed = append(w.confirmed, login)
			w.made.Add(1)
		}
		cancel()
	}
}

// reaches waits until so many changes were made.
func (w *writer) reaches(n int64) {
	for range 600 {
		if w.made.Load() >= n {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// check ends the writer: everything that was confirmed is there.
func (w *writer) check(t *testing.T) {
	t.Helper()
	close(w.stop)
	<-w.done
	if len(w.confirmed) < 15 {
		t.Errorf("only %d changes were made", len(w.confirmed))
	}
	for _, login := range w.confirmed {
		_, err := w.node.AccountByID(t.Context(), citizen(login).ID)
		for directory.CodeOf(err) == directory.Exhausted { // an office reads accounts at a pace
			time.Sleep(time.Second)
			_, err = w.node.AccountByID(t.Context(), citizen(login).ID)
		}
		if err != nil {
			t.Fatalf("%s was confirmed and is gone: %v", login, err)
		}
	}
}

// enrolled enrols a node of the commune.
func (w *world) enrolled(t *testing.T) *node {
	t.Helper()
	must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
	return w.join(commune, 1)
}

// end stops what runs; a bubble ends only with its last goroutine.
func (w *world) end() {
	w.stopAll()
	time.Sleep(gossip.Linger)
}
