package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"motcua/cmd/admin"
	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/server"
)

func directoryBackupCommand() *command {
	c := newCommand("directory backup", "FILE", "write a backup of the directory, from a running server",
		"motcua directory backup --data /var/lib/motcua/directory /srv/backup/directory-2026-11-24.backup")
	dir := c.flags.String("data", "", directoryFolder)
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("directory backup: name the file to write, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		b, size, err := backUp(ctx, std, tool, args[0])
		if err != nil {
			return err
		}
		fmt.Fprintf(std.out, "wrote %s: %d bytes, %d rows, edition %d, read back and whole.\n"+
			"It holds secrets: those of the servers, and everybody's account with the verifier of the password. Keep it as the servers are kept.\n",
			args[0], size, b.Rows, b.Head.Edition)
		return nil
	}
	return c
}

// backUp writes a backup, reads it back, and only then gives it its name.
func backUp(ctx context.Context, std stdio, tool *admin.Client, path string) (*cluster.Backup, int64, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("directory backup: %s is there already: name a new file", path)
	}
	from, _, err := tool.Stream(ctx, http.MethodGet, "/backup", "", nil)
	if err != nil {
		return nil, 0, err
	}
	defer from.Close()
	f, err := os.CreateTemp(filepath.Dir(path), ".backup-*") // mode 0600
	if err != nil {
		return nil, 0, fmt.Errorf("directory backup: %w", err)
	}
	defer os.Remove(f.Name())
	size, err := io.Copy(f, &counted{r: from, bar: newBar(std, "KiB written", 0)})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, 0, fmt.Errorf("directory backup: %w", disk.Full(err))
	}
	b, err := checkBackup(std, f.Name())
	if err != nil {
		return nil, 0, fmt.Errorf("directory backup: what was written cannot be read back: %w; try again, or another disk", err)
	}
	return b, size, errors.Join(os.Rename(f.Name(), path), disk.SyncDir(filepath.Dir(path)))
}

// counted shows how much was read.
type counted struct {
	r   io.Reader
	n   int64
	bar *bar
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	c.bar.at(int(c.n >> 10))
	if err != nil {
		c.bar.end()
	}
	return n, err
}

// checkBackup reads a whole backup.
func checkBackup(std stdio, path string) (*cluster.Backup, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b, err := cluster.ReadBackup(&counted{r: f, bar: newBar(std, "KiB read back", int(info.Size()>>10))})
	if err == nil {
		err = b.Check()
	}
	return b, err
}

// recoveryFlags are what recover and restore have in common.
type recoveryFlags struct{ dir, key *string }

func (c *command) recoveryFlags() recoveryFlags {
	return recoveryFlags{
		c.flags.String("data", "", "`folder` of the server"),
		c.flags.String("recovery-key", "", "`file` of the province's recovery key"),
	}
}

// read opens what a recovery needs.
func (f recoveryFlags) read(std stdio) (q server.Recovery, err error) {
	text, err := os.ReadFile(*f.key)
	if err != nil {
		return q, fmt.Errorf("read recovery key: %w", err)
	}
	var key *record.Key
	if key, err = server.ReadRecoveryKey(text); err != nil {
		return q, err
	}
	id, err := identity.Load(identityPath(*f.dir))
	return server.Recovery{Dir: *f.dir, Identity: id, Key: key, Now: time.Now(), Log: newLog(std, false)}, err
}

func directoryRestoreCommand() *command {
	c := newCommand("directory restore", "", "begin a directory anew on one server, from a backup",
		"motcua directory restore --data /var/lib/motcua/directory --from directory.backup --recovery-key genesis.recovery --name dir-7 --addr dir-7.example.vn:8600")
	f := c.recoveryFlags()
	from := c.flags.String("from", "", "`file` that directory backup wrote")
	name := c.flags.String("name", "", "`name` of the new server, one that no server of the province has had")
	addr := c.flags.String("addr", "", "`host:port` (UDP) at which other machines reach it")
	c.run = func(_ context.Context, std stdio, _ []string) error {
		if err := requireData(c.name, *f.dir); err != nil {
			return err
		}
		if *from == "" || *f.key == "" || *name == "" || *addr == "" {
			return usagef("directory restore: give --from, --recovery-key, --name and --addr")
		}
		if err := restoreServer(std, f, *from, *name, *addr); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "restored. %s is now the only server of the directory, and none of the earlier ones may ever come back.\n"+
			"Start it with motcua directory serve, then let others join. Nodes go on with what they have. They do not know its key yet: give one of them\n"+
			"the next edition (motcua directory edition, motcua node edition install), and the others take it from each other.\n", *name)
		return nil
	}
	return c
}

func restoreServer(std stdio, f recoveryFlags, from, name, addr string) error {
	if left, err := os.ReadDir(*f.dir); err == nil && len(left) > 0 {
		return fmt.Errorf("directory restore: %s is not empty: name an empty folder", *f.dir)
	}
	if err := mayRestore(std, *f.key, from); err != nil {
		return fmt.Errorf("directory restore: %w", err)
	}
	if _, err := initServer(*f.dir, name, addr); err != nil {
		return err
	}
	q, err := f.read(std)
	if err != nil {
		return err
	}
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	b, err := cluster.ReadBackup(file)
	if err != nil {
		return err
	}
	return server.Restore(q, directory.Member{Name: name, Identity: q.Identity.Public(), Addr: addr}, b)
}

// mayRestore reads the whole backup and holds the key against it, before anything is made.
func mayRestore(std stdio, keyFile, from string) error {
	b, err := checkBackup(std, from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	key, err := server.ReadRecoveryKey(text)
	if err != nil {
		return err
	}
	g, err := b.Genesis()
	if err != nil {
		return err
	}
	return server.CheckRecoveryKey(g, key)
}

const recoverWarning = `directory recover: this makes the server of %s the only one of the directory.
  - Do it only when a majority of the servers is lost for good. If they can be started, start them instead.
  - What they had decided and this server has not got is lost.
  - They can never come back: should they run somewhere, stop them first.
`

func directoryRecoverCommand() *command {
	c := newCommand("directory recover", "", "go on with one stopped server, when a majority is lost for good",
		"motcua directory recover --data /var/lib/motcua/directory --recovery-key genesis.recovery --yes-i-lost-the-majority")
	f := c.recoveryFlags()
	yes := c.flags.Bool("yes-i-lost-the-majority", false, "you have read what this does, and mean it")
	c.run = func(_ context.Context, std stdio, _ []string) error {
		if err := requireData(c.name, *f.dir); err != nil {
			return err
		}
		fmt.Fprintf(std.err, recoverWarning, *f.dir)
		if !*yes || *f.key == "" {
			return usagef("directory recover: give --recovery-key and --yes-i-lost-the-majority if you mean it")
		}
		q, err := f.read(std)
		if err != nil {
			return err
		}
		if err := server.Recover(q); err != nil {
			return err
		}
		fmt.Fprintln(std.out, "recovered. Start this server with motcua directory serve, then let others join: one server alone must not be left so.")
		return nil
	}
	return c
}
