package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"motcua/crypto/identity"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/server"
)

func directoryCommands() []*command {
	return []*command{directoryInitCommand(), directoryFoundCommand(), directoryServeCommand(), directoryStatusCommand(), directoryEditionCommand()}
}

// cardType is the PEM type of a server's card: its name, address and public keys.
const cardType = "MOTCUA CARD V1"

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
	b, err := wire.Marshal(directory.Member{Name: name, Identity: id.Public(), Addr: addr})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+".card")
	return path, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: cardType, Bytes: b}), 0o600)
}

func readCard(path string) (m directory.Member, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return m, fmt.Errorf("read card: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != cardType {
		return m, fmt.Errorf("read card %s: it is none; take the .card file that directory init wrote", path)
	}
	return m, wire.Unmarshal(block.Bytes, &m)
}

func directoryFoundCommand() *command {
	c := newCommand("directory found", "CARD…", "found a province from the cards of its directory servers",
		"motcua directory found --out genesis --province \"Khánh Hòa\" --prefix H32 dir-1.card dir-2.card dir-3.card")
	out := c.flags.String("out", "genesis", "`file` to write; every server needs the same")
	name := c.flags.String("province", "", "`name` of the province")
	prefix := c.flags.String("prefix", "", "`code` of the province, with which its offices' codes begin")
	c.run = func(_ context.Context, std stdio, args []string) error {
		if *name == "" || *prefix == "" || len(args) == 0 {
			return usagef("directory found: give --province, --prefix and the cards")
		}
		if err := found(*out, *name, directory.OfficeCode(*prefix), args); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "wrote %s: bring it to every server; it holds a secret of the province\n", *out)
		return nil
	}
	return c
}

func found(out, name string, prefix directory.OfficeCode, cards []string) error {
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
	b, err := g.Bytes()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("directory found: %w; a genesis is made once, choose another --out if you mean it", err)
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func directoryServeCommand() *command {
	c := newCommand("directory serve", "", "run a directory server", "motcua directory serve --data /var/lib/motcua/directory --listen :8600 --genesis genesis")
	dir := c.flags.String("data", "", "`folder` with the server's data")
	listen := c.flags.String("listen", "127.0.0.1:8600", "UDP `host:port` for other machines")
	genesis := c.flags.String("genesis", "", "genesis `file`; needed the first time only")
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
		s, err := openDirectory(std, *dir, *listen, *genesis, *rate, *debug)
		if err != nil {
			return err
		}
		return serve(ctx, std, *dir, s, *untilEOF, *listen)
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
	g, err := directory.ReadGenesis(b)
	if err != nil {
		return nil, err
	}
	conn, err := listenUDP(listen)
	if err != nil {
		return nil, err
	}
	return server.New(server.Config{Dir: dir, Conn: conn, Genesis: g, Identity: id, Version: version(), OfficeRate: rate, Log: newLog(std, debug)})
}

func directoryStatusCommand() *command {
	return statusCommand("directory status", "ask a running directory server how it is", "motcua directory status --data /var/lib/motcua/directory --json", printDirectoryStatus)
}

func printDirectoryStatus(w io.Writer, s server.Status) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "province\t%s (%s)\nleader\t%s\nedition\t%d\nline\t%s\nrunning since\t%s\n",
		s.Province, s.Prefix, dash(s.Leader), s.Edition, upOrDown(true, s.Line), s.Started.In(directory.Zone).Format("02/01/2006 15:04"))
	fmt.Fprintf(t, "calendar\t%s\n\n", reachWords(s.Calendar))
	for _, m := range s.Servers {
		fmt.Fprintf(t, "server %s\t%s\t%s\n", m.Name, m.Addr, connected(m.Connected))
	}
	for _, n := range s.Nodes {
		state := connected(n.Connected)
		if n.Revoked != nil {
			state = "revoked: " + n.Reason
		} else if n.Retired != nil {
			continue // the office's node has newer keys, and a line of its own
		}
		fmt.Fprintf(t, "node %s\t%s\t%s\n", n.Office, n.Addr, state)
	}
	t.Flush()
}

func connected(yes bool) string {
	if yes {
		return "connected"
	}
	return "not connected"
}
