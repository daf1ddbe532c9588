package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"motcua/cmd/admin"
	"motcua/cmd/ceremony"
	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/recovery"
	"motcua/directory/server"
)

// recoveryCommands are the ceremonies of the province's key for backups.
func recoveryCommands() []*command {
	return []*command{recoveryInitCommand(), recoveryPublishCommand(), recoveryCheckCommand(), recoveryOpenCommand()}
}

func recoveryInitCommand() *command {
	c := newCommand("recovery init", "", "make the province's key for backups, and split it among officials",
		"motcua recovery init --recovery-key genesis.recovery --shares 5 --threshold 3 --out ceremony")
	signer := c.flags.String("recovery-key", "", "`file` of the directory's recovery key, which signs the new one")
	n := c.flags.Int("shares", 5, "how many `shares`, one for each official")
	k := c.flags.Int("threshold", 3, "how `many` of them open a backup together")
	number := c.flags.Int("number", 1, "`number` of the key: one more than that of the key it replaces")
	out := c.flags.String("out", "", "new `folder` for the shares and the public key")
	c.run = func(_ context.Context, std stdio, _ []string) error {
		if *signer == "" || *out == "" || *number < 1 || *number > 1<<30 {
			return usagef("recovery init: give --recovery-key and --out, as in: %s", c.example)
		}
		key, err := readRecoveryKey(*signer)
		if err != nil {
			return err
		}
		r, shares, err := recovery.NewKey(uint32(*number), *n, *k, time.Now(), key)
		if err != nil {
			return err
		}
		if err := ceremony.Write(*out, "", r, shares); err != nil {
			return err
		}
		fmt.Fprintf(std.out, `Wrote %d shares to %s, any %d of which open a backup, and %s, which is public.
Give each official one share, on paper or on a stick of their own, and destroy these files then.
Now check them (motcua recovery check), and publish the key: motcua recovery publish --data FOLDER %s
`, len(shares), *out, *k, ceremony.KeyFile, filepath.Join(*out, ceremony.KeyFile))
		return nil
	}
	return c
}

func readRecoveryKey(path string) (*record.Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read recovery key: %w", err)
	}
	return server.ReadRecoveryKey(text)
}

func recoveryPublishCommand() *command {
	c := newCommand("recovery publish", "FILE", "give the public key for backups to a server of the directory, which hands it on to all nodes",
		"motcua recovery publish --data /var/lib/motcua/directory ceremony/backup.key")
	dir := c.flags.String("data", "", "`folder` of a running directory server, or of a node that reaches none")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("recovery publish: give the file of the key, as in: %s", c.example)
		}
		if err := requireData(c.name, *dir); err != nil {
			return err
		}
		tool, err := admin.NewClient(*dir)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(args[0])
		if err != nil {
			return fmt.Errorf("publish key for backups: %w", err)
		}
		var a server.BackupKeyAnswer
		if err := tool.Post(ctx, "/backup-key", server.BackupKeyRequest{Record: b}, &a); err != nil {
			return err
		}
		if a.Newer {
			fmt.Fprintln(std.out, "Published. Every node begins to stream its backup when it hears of the key: within the hour where a line is up.")
		} else {
			fmt.Fprintln(std.out, "This key, or a newer one, is known already.")
		}
		return nil
	}
	return c
}

// readShares reads shares from files, or from lines of standard input for "-".
func readShares(std stdio, args []string) (out []recovery.Share, err error) {
	for _, a := range args {
		var text []byte
		if a == "-" {
			text, err = io.ReadAll(io.LimitReader(std.in, maxTokenText))
		} else {
			text, err = os.ReadFile(a)
		}
		if err != nil {
			return nil, fmt.Errorf("read share: %w", err)
		}
		s, err := recovery.ParseShare(string(text))
		if err != nil {
			return nil, fmt.Errorf("read share %s: %w", a, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func recoveryCheckCommand() *command {
	c := newCommand("recovery check", "SHARE…", "tell whether shares are whole, and whether they open backups together; nothing is written",
		"motcua recovery check ceremony/share-1.txt ceremony/share-4.txt ceremony/share-5.txt")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(_ context.Context, std stdio, args []string) error {
		if len(args) == 0 {
			return usagef("recovery check: give files of shares, or - for one on standard input")
		}
		shares, err := readShares(std, args)
		if err != nil {
			return err
		}
		_, err = recovery.Combine(shares)
		v := struct {
			Key       string `json:"key"`
			Numbers   []int  `json:"numbers"`
			Shares    int    `json:"shares"`
			Threshold int    `json:"threshold"`
			Opens     bool   `json:"opens"`
			Why       string `json:"why,omitempty"`
		}{Key: fmt.Sprintf("%x", shares[0].Key), Shares: int(shares[0].Shares), Threshold: int(shares[0].Threshold), Opens: err == nil}
		for _, s := range shares {
			v.Numbers = append(v.Numbers, int(s.X))
		}
		if err != nil {
			v.Why = err.Error()
		}
		enough := len(shares) >= v.Threshold
		switch {
		case *asJSON:
			if shown := printJSON(std.out, v); shown != nil || !enough {
				err = shown
			}
		case v.Opens:
			fmt.Fprintf(std.out, "These shares open backups sealed to the key %s.\n", v.Key)
		case !enough:
			fmt.Fprintf(std.out, "Share %v of %d of the key %s is whole. It takes %d to open a backup.\n", v.Numbers, v.Shares, v.Key, v.Threshold)
			err = nil
		}
		return err
	}
	return c
}

func recoveryOpenCommand() *command {
	c := newCommand("recovery open", "SHARE…", "answer the request of a new machine, with enough officials' shares; best on a machine without a network",
		"motcua recovery open --request request --machine 9f27bb6d8c76 --answer answer share-1.txt share-4.txt share-5.txt")
	request := c.flags.String("request", "", "`file` that motcua node restore has written")
	machine := c.flags.String("machine", "", "the first `digits` of the new machine's key, as motcua key list shows it: read them from the directory, not from the request")
	answer := c.flags.String("answer", "", "`file` to write, to be brought to the new machine")
	c.run = func(_ context.Context, std stdio, args []string) error {
		if *request == "" || *answer == "" || *machine == "" || len(args) == 0 {
			return usagef("recovery open: give --request, --machine, --answer and the shares, as in: %s", c.example)
		}
		b, err := os.ReadFile(*request)
		if err != nil {
			return fmt.Errorf("open backup: %w", err)
		}
		q, err := recovery.ReadRequest(b)
		if err != nil {
			return err
		}
		if id := q.Machine.ID().String(); len(*machine) < 8 || len(*machine) > len(id) || id[:len(*machine)] != *machine {
			return fmt.Errorf("open backup: the request is of the machine %.12s, not of %s: do not open it for somebody else; ask motcua key list %s", id, *machine, q.Office)
		}
		shares, err := readShares(std, args)
		if err != nil {
			return err
		}
		key, err := recovery.Combine(shares)
		if err != nil {
			return err
		}
		out, err := q.Answer(key)
		if err != nil {
			return err
		}
		if err := disk.WriteFile(*answer, out); err != nil {
			return fmt.Errorf("open backup: %w", err)
		}
		fmt.Fprintf(std.out, "Wrote %s: it opens the backup of %s up to %s, for the machine %s alone.\n", *answer, q.Office, shortTime(time.Unix(q.Until, 0)), q.Machine.ID().Short())
		return nil
	}
	return c
}
