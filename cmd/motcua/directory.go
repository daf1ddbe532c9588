package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/server"
)

func directoryCommands() []*command {
	return []*command{
		directoryInitCommand(), directoryFoundCommand(), directoryServeCommand(), directoryJoinCommand(), directoryLeaveCommand(),
		directoryTransferCommand(), directoryRotateCommand(), directoryStatusCommand(), directoryBackupCommand(), directoryRestoreCommand(),
		directoryRecoverCommand(), directoryEditionCommand(),
	}
}

func directoryInitCommand() *command {
	c := newCommand("directory init", "", "make the identity of a directory server, and its card", "motcua directory init --data /var/lib/motcua/directory --name dir-1 --addr dir-1.example.vn:8600")
	dir := c.flags.String("data", "", "`folder` for the server's data (made if missing)")
	name := c.flags.String("name", "", "`name` of the server: a-z, 0-9, -, as in dir-1")
	addr := c.flags.String("addr", "", "`host:port` (UDP) at which other machines reach it")
	c.run = func(_ context.Context, std stdio, _ []string) error {
		if err := requireData(c.name, *dir); err != nil {
			return err
		}
		if *name == "" || *addr == "" {
			return usagef("directory init: give --name and --addr")
		}
		path, err := initServer(*dir, *name, *addr)
		if err == nil {
			fmt.Fprintf(std.out, "wrote %s: bring it to where the province is founded (it holds only public keys)\n", path)
		}
		return err
	}
	return c
}

func initServer(dir, name, addr string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("directory init: %w", err)
	}
	id, err := identity.Generate()
	if err != nil {
		return "", err
	}
	if err := id.Save(identityPath(dir)); errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("directory init: %s has an identity already; use it, or choose an empty folder", dir)
	} else if err != nil {
		return "", err
	}
	card, err := server.WriteCard(directory.Member{Name: name, Identity: id.Public(), Addr: addr})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+".card")
	return path, os.WriteFile(path, card, 0o600)
}

func readCard(path string) (m directory.Member, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return m, fmt.Errorf("read card: %w", err)
	}
	if m, err = server.ReadCard(text); err != nil {
		return m, fmt.Errorf("read card %s: %w", path, err)
	}
	return m, nil
}

func directoryFoundCommand() *command {
	c := newCommand("directory found", "CARD…", "found a province from the cards of its directory servers",
		"motcua directory found --out genesis --province \"Khánh Hòa\" --prefix H32 dir-1.card dir-2.card dir-3.card")
	out := c.flags.String("out", "genesis", "`file` to write; every server needs the same")
	name := c.flags.String("province", "", "`name` of the province")
	prefix := c.flags.String("prefix", "", "`code` of the province, with which its offices' codes begin")
	key := c.flags.String("recovery-key", "", "`file` to write the recovery key to, for a safe (default: the name of --out and .recovery)")
	c.run = func(_ context.Context, std stdio, args []string) error {
		if *name == "" || *prefix == "" || len(args) == 0 {
			return usagef("directory found: give --province, --prefix and the cards")
		}
		if *key == "" {
			*key = *out + ".recovery"
		}
		if err := found(*out, *key, *name, directory.OfficeCode(*prefix), args); err != nil {
			return err
		}
		fmt.Fprintf(std.out, foundWords, *out, *key)
		return nil
	}
	return c
}

const foundWords = `wrote %s: bring it to every server; it holds a secret of the province
wrote %s: the recovery key. Whoever has it can replace all the directory's servers; without it, a directory that
lost a majority of its servers for good cannot be recovered unless every node is enrolled anew. Put it on two USB
sticks or print it, lock them in two safes, try to read one back, and delete it here. Never keep it on a server.
`

func found(out, keyFile, name string, prefix directory.OfficeCode, cards []string) error {
	var members []directory.Member
	for _, path := range cards {
		m, err := readCard(path)
		if err != nil {
			return err
		}
		members = append(members, m)
	}
	g, err := server.Found(directory.Text{VI: name}, prefix, members, time.Now())
	if err != nil {
		return err
	}
	key, secret, err := server.NewRecoveryKey()
	if err != nil {
		return err
	}
	g.Recovery = key.Public().Bytes()
	b, err := g.Bytes()
	if err != nil {
		return err
	}
	if err := writeNew(keyFile, secret); err != nil {
		return fmt.Errorf("directory found: %w; a recovery key is made once, choose another --recovery-key if you mean it", err)
	}
	if err := writeNew(out, b); err != nil {
		return errors.Join(fmt.Errorf("directory found: %w; a genesis is made once, choose another --out if you mean it", err), os.Remove(keyFile))
	}
	return nil
}

// writeNew writes a file that only its owner reads. It replaces nothing.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func directoryServeCommand() *command {
	c := newCommand("directory serve", "", "run a directory server", "motcua directory serve --data /var/lib/motcua/directory --listen :8600 --genesis genesis")
	dir := c.flags.String("data", "", "`folder` with the server's data")
	listen := c.flags.String("listen", "127.0.0.1:8600", "`host:port` for other machines: UDP, and TCP where that does not pass")
	genesis := c.flags.String("genesis", "", "genesis `file`, or the welcome of a server that joins; needed the first time only")
	rate := c.flags.Int("office-rate", 50, "how many requests a second an office may make of this server, a `number`")
	debug := c.flags.Bool("debug", false, "log more")
	untilEOF := c.flags.Bool("until-eof", false, "stop when standard input closes, for a parent process")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		if err := requireData(c.name, *dir); err != nil {
			return err
		}
		if *rate < 1 || *rate > maxOfficeRate {
			return usagef("directory serve: --office-rate is %d, want 1 to %d", *rate, maxOfficeRate)
		}
		for {
			s, err := openDirectory(std, *dir, *listen, *genesis, *rate, *debug)
			if err != nil {
				return err
			}
			if err = serve(ctx, std, *dir, s, *untilEOF, *listen); !errors.Is(err, server.ErrRotated) {
				return err
			}
			fmt.Fprintln(std.err, "this server's keys were replaced; it starts again with the new ones")
		}
	}
	return c
}

// maxOfficeRate is more than a server can answer.
const maxOfficeRate = 1_000_000

func openDirectory(std stdio, dir, listen, genesis string, rate int, debug bool) (*server.Server, error) {
	id, err := identity.Load(identityPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open directory server %s: it has no identity; make it with motcua directory init", dir)
	}
	if err != nil {
		return nil, err
	}
	if genesis == "" {
		genesis = filepath.Join(dir, server.GenesisFile)
	}
	b, err := os.ReadFile(genesis)
	if err != nil {
		return nil, fmt.Errorf("open directory server: %w; name the file of motcua directory found with --genesis", err)
	}
	g, welcome, err := server.ReadWelcome(b)
	if err != nil {
		return nil, err
	}
	conn, err := listenUDP(listen)
	if err != nil {
		return nil, err
	}
	log := newLog(std, debug)
	return server.New(server.Config{Dir: dir, Conn: conn, TCP: listenBeside(conn, log), Genesis: g, Identity: id, Welcome: welcome, Version: version(), OfficeRate: rate, Log: log})
}

func directoryStatusCommand() *command {
	return showCommand("directory status", "/status", "ask a running directory server how it is", "motcua directory status --data /var/lib/motcua/directory --json", printDirectoryStatus)
}

func printDirectoryStatus(w io.Writer, s server.Status) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "province\t%s (%s)\nleader\t%s\nedition\t%s\nline\t%s\nrunning since\t%s\n",
		s.Province, s.Prefix, dash(s.Leader), editionWords(s), upOrDown(true, s.Line), s.Started.In(directory.Zone).Format("02/01/2006 15:04"))
	fmt.Fprintf(t, "calendar\t%s\nupgrade level\t%d\n", reachWords(s.Calendar), s.Level)
	t.Flush()
	printServers(w, s)
	fmt.Fprintln(w)
	for _, n := range s.Nodes {
		state := connected(n.Connected) + saysOfItself(n)
		if n.Revoked != nil {
			state = "revoked: " + n.Reason
		} else if n.Retired != nil {
			continue // the office's node has newer keys, and a line of its own
		}
		fmt.Fprintf(t, "node %s\t%s\t%s\n", n.Office, n.Addr, state)
	}
	t.Flush()
}

// saysOfItself is what a node in reach lets the province know.
func saysOfItself(n server.NodeStatus) string {
	words := ""
	if n.Edition > 0 {
		words += fmt.Sprintf(", edition %d", n.Edition)
	}
	if n.Oldest > 0 {
		words += fmt.Sprintf(", a parcel has waited for %s", time.Duration(n.Oldest)*time.Second)
	}
	return words
}

// editionWords says how full editions are. From seven eighths on, what is published next may be refused.
func editionWords(s server.Status) string {
	words := fmt.Sprintf("%d, %.1f of %d MiB", s.Edition, float64(s.EditionSize)/(1<<20), s.EditionMost>>20)
	switch {
	case s.Pending && s.EditionSize > s.EditionMost:
		return words + ": TOO LARGE, no edition is cut and nodes learn of no change, not of revocations either"
	case s.EditionSize > s.EditionMost/8*7:
		return words + ": nearly full, publications will be refused"
	}
	return words
}

// printServers shows each of the directory's servers on a line.
func printServers(w io.Writer, s server.Status) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nserver\taddress\tstate\trole\tbehind\theard\tversion\tlevel")
	for _, m := range s.Servers {
		heard := "never"
		if m.Name == s.Name {
			heard = "this server"
		} else if m.Heard != nil {
			heard = time.Since(*m.Heard).Round(100*time.Millisecond).String() + " ago"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%d\n", m.Name, m.Addr, m.State, m.Role, m.Lag, heard, dash(m.Version), m.Level)
	}
	t.Flush()
}

func connected(yes bool) string {
	if yes {
		return "connected"
	}
	return "not connected"
}
