package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"motcua/cmd/admin"
	"motcua/cmd/child"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/khanhhoa"
	"motcua/directory/server"
)

const (
	serverCount = 3
	startTime   = 30 * time.Second // for a server to answer
	stopTime    = 10 * time.Second
	catchUpTime = 30 * time.Second
)

// fleet is a directory of three servers, each a process of the program under measurement, with a data folder on the disk.
type fleet struct {
	dir     string
	genesis directory.Genesis
	servers []*machine
	nodes   []*node
	killed  *machine
}

// machine is one of the servers.
type machine struct {
	child.Process
	tool *admin.Client
}

// openFleet founds a province under dir with the program exe and enrols nodes for the connections.
func openFleet(ctx context.Context, exe, dir string) (*fleet, error) {
	f := &fleet{dir: dir}
	if err := f.open(ctx, exe); err != nil {
		return nil, errors.Join(fmt.Errorf("open the directory: %w", err), f.Close())
	}
	return f, nil
}

func (f *fleet) open(ctx context.Context, exe string) error {
	if err := f.found(exe); err != nil {
		return err
	}
	if err := f.launch(ctx); err != nil {
		return err
	}
	offices := communes(connections)
	p := server.Publication{Levels: khanhhoa.Levels(), Fields: khanhhoa.Fields(), Offices: khanhhoa.Offices()}
	if err := f.servers[0].tool.Post(ctx, "/publish", p, nil); err != nil {
		return err
	}
	for _, o := range offices {
		n, err := f.enrol(ctx, o)
		if err != nil {
			return err
		}
		f.nodes = append(f.nodes, n)
	}
	return f.preload(ctx)
}

// launch starts the servers and waits until they have a leader.
func (f *fleet) launch(ctx context.Context) error {
	for _, m := range f.servers { // the first waits for the second
		if err := m.Launch(); err != nil {
			return err
		}
	}
	for _, m := range f.servers {
		if err := m.await(ctx, func(s server.Status) bool { return s.Leader != "" && s.Applied > 0 }); err != nil {
			return err
		}
	}
	return nil
}

// found makes the identities and the genesis, as province IT does.
func (f *fleet) found(exe string) error {
	addrs, err := freeAddrs(serverCount)
	if err != nil {
		return err
	}
	var members []directory.Member
	for i, addr := range addrs {
		name := fmt.Sprintf("dir-%d", i+1)
		dir := filepath.Join(f.dir, name)
		id, err := identity.Generate()
		if err == nil {
			err = os.MkdirAll(dir, 0o700)
		}
		if err == nil {
			err = id.Save(filepath.Join(dir, "identity.pem"))
		}
		if err != nil {
			return err
		}
		members = append(members, directory.Member{Name: name, Identity: id.Public(), Addr: addr})
		m := &machine{Process: child.Process{Name: name, Exe: exe, Dir: dir, Args: []string{
			"directory", "serve", "--until-eof", "--data", dir, "--listen", addr, "--genesis", f.genesisPath(), "--office-rate", "1000000",
		}}}
		if m.tool, err = admin.NewClient(dir); err != nil {
			return err
		}
		f.servers = append(f.servers, m)
	}
	if f.genesis, err = server.Found(directory.Text{VI: "tỉnh Khánh Hòa"}, "H32", members, time.Now()); err != nil {
		return err
	}
	b, err := f.genesis.Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(f.genesisPath(), b, 0o600)
}

func (f *fleet) genesisPath() string { return filepath.Join(f.dir, "genesis") }

// freeAddrs finds UDP ports on the loopback address that nobody has now.
func freeAddrs(n int) (out []string, err error) {
	for range n {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer c.Close() // all at the end, so that they differ
		out = append(out, c.LocalAddr().String())
	}
	return out, nil
}

// status asks the server how it is.
func (m *machine) status(ctx context.Context) (s server.Status, err error) {
	err = m.tool.Get(ctx, "/status", &s)
	return s, err
}

// await waits until the server's status is as wished.
func (m *machine) await(ctx context.Context, wish func(server.Status) bool) error {
	ctx, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	for {
		s, err := m.status(ctx)
		if err == nil && wish(s) {
			return nil
		}
		pause(ctx, 20*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("%s is not where it should be after %v: %v; its log is %s", m.Name, catchUpTime, err, filepath.Join(m.Dir, "log"))
		}
	}
}

// leader finds the server that leads, as it says itself.
func (f *fleet) leader(ctx context.Context) (*machine, server.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	for ctx.Err() == nil {
		for _, m := range f.servers {
			if s, err := m.status(ctx); err == nil && s.Leader == m.Name && s.State == "Leader" {
				return m, s, nil
			}
		}
		pause(ctx, 20*time.Millisecond)
	}
	return nil, server.Status{}, fmt.Errorf("the directory has no leader within %v", catchUpTime)
}

// KillLeader implements Target.
func (f *fleet) KillLeader(ctx context.Context) (time.Time, error) {
	m, _, err := f.leader(ctx)
	if err != nil {
		return time.Time{}, err
	}
	f.killed = m
	at := time.Now()
	return at, m.Kill()
}

// Revive implements Target.
func (f *fleet) Revive(ctx context.Context) error {
	m := f.killed
	if err := m.Start(startTime); err != nil {
		return err
	}
	_, s, err := f.leader(ctx)
	if err != nil {
		return err
	}
	return m.await(ctx, func(now server.Status) bool { return now.Leader == s.Leader && now.Applied >= s.Applied })
}

// PIDs implements Target.
func (f *fleet) PIDs() (out []int) {
	for _, m := range f.servers {
		out = append(out, m.PID())
	}
	return out
}

// Close implements Target.
func (f *fleet) Close() error {
	var errs []error
	for _, n := range f.nodes {
		errs = append(errs, n.link.Close())
	}
	for _, m := range f.servers {
		m.Stop(stopTime)
	}
	return errors.Join(append(errs, os.RemoveAll(f.dir))...)
}
