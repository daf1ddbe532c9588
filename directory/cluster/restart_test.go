package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/population"
	"motcua/directory/state"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// restarted is what a server tells of its own start.
type restarted struct {
	ReadyMS, AnonMiB, FileMiB float64
	Found                     bool
}

// restartIn names the folder in which the test binary, called again, is a server that starts.
const restartIn = "MOTCUA_RESTART_IN"

// populationSize is ACCOUNTS,TRACKS from the environment, or a small one.
func populationSize(t testing.TB) population.Size {
	text := os.Getenv("MOTCUA_POPULATION")
	if text == "" {
		return population.Size{Accounts: 3000, Tracks: 6000}
	}
	a, b, _ := strings.Cut(text, ",")
	accounts, errA := strconv.Atoi(a)
	tracks, errB := strconv.Atoi(b)
	if errA != nil || errB != nil {
		t.Fatalf("MOTCUA_POPULATION=%q: want accounts,tracks", text)
	}
	return population.Size{Accounts: accounts, Tracks: tracks}
}

// TestAServerWithAProvinceInItStarts: how soon it is ready and how much memory that takes is told, not judged; run it with
// MOTCUA_POPULATION=1000000,2000000 to see the province's full size.
func TestAServerWithAProvinceInItStarts(t *testing.T) {
	if dir := os.Getenv(restartIn); dir != "" {
		restart(t, dir)
		return
	}
	dir, size := t.TempDir(), populationSize(t)
	began := time.Now()
	err := cluster.Plant(dir, loneGenesis(), began.UnixMilli(), func(f func(command.Command) error) error {
		return size.Commands(loneGenesis(), directorytest.Identity(50).Public(), began.UnixMilli(), f)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d accounts and %d tracks planted in %v", size.Accounts, size.Tracks, time.Since(began).Round(time.Millisecond))
	for range 2 { // the second start finds what the first has left
		c := exec.Command(os.Args[0], "-test.run=^TestAServerWithAProvinceInItStarts$", "-test.v")
		c.Env = append(os.Environ(), restartIn+"="+dir)
		out, err := c.CombinedOutput()
		line := regexp.MustCompile(`(?m)^restarted (.*)$`).FindSubmatch(out)
		var r restarted
		if err != nil || line == nil || json.Unmarshal(line[1], &r) != nil || !r.Found {
			t.Fatalf("the server does not start: %v\n%s", err, out)
		}
		t.Logf("ready in %.0f ms, %.0f MiB anonymous, %.0f MiB of files", r.ReadyMS, r.AnonMiB, r.FileMiB)
	}
}

// loneGenesis is that of a province of one server.
func loneGenesis() directory.Genesis { return directorytest.Genesis(1) }

// restart opens the server in a folder, tells how that went, and ends as in a power cut.
func restart(t *testing.T, dir string) {
	began := time.Now()
	g := loneGenesis()
	name := g.Members[0].Name
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	book := replicationtest.NewBook()
	l, err := link.New(link.Config{Name: replication.Name(name), Identity: directorytest.Identity(10), Resolver: book, Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Open(cluster.Config{Dir: dir, Self: name, Genesis: g, Link: l})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := c.Propose(ctx, cluster.NewRequest(), someAccount(1)); err != nil {
		t.Fatal(err)
	}
	r := restarted{ReadyMS: float64(time.Since(began).Milliseconds())}
	err = c.Read(ctx, cluster.Linearizable, func(t state.Reader, _ uint64) (err error) {
		_, r.Found, err = state.TrackOf(t, population.Code(5))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.AnonMiB, r.FileMiB = statusMiB(t, "RssAnon"), statusMiB(t, "RssFile")
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\nrestarted %s\n", b)
	os.Exit(0)
}

// statusMiB reads a line of this process' status; 0 where there is none.
func statusMiB(t *testing.T, name string) float64 {
	b, err := os.ReadFile(filepath.Join("/proc", "self", "status"))
	if err != nil {
		t.Log(err)
		return 0
	}
	m := regexp.MustCompile(name + `:\s*([0-9]+) kB`).FindSubmatch(b)
	if m == nil {
		return 0
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return float64(kb) / 1024
}
