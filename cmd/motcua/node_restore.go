package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"text/tabwriter"

	"motcua/directory"
	"motcua/node/server"
	"motcua/node/store"
)

func nodeRestoreCommand() *command {
	c := newCommand("node restore", "[TOKEN]", "bring a lost office back on this new machine, from its guardian: fetch with a token, then open with the officials' answer",
		"motcua node restore --data /var/lib/motcua/node --from-guardian --addr node.dien-an.example.vn:8600 --portal https://dien-an.example.vn TOKEN\n"+
			"motcua node restore --data /var/lib/motcua/node --answer answer")
	dir := c.flags.String("data", "", "`folder` for the node's data (made if missing)")
	from := c.flags.Bool("from-guardian", false, "fetch the backup, still sealed; again after a failure: it goes on")
	answer := c.flags.String("answer", "", "`file` of the officials' answer: open what was fetched")
	addr := c.flags.String("addr", "", "`host:port` (UDP) at which other machines reach this node")
	portal := c.flags.String("portal", "", "`URL` that people type")
	listen := c.flags.String("listen", ":0", "UDP `host:port` used for the restoring itself")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if err := requireData(c.name, *dir); err != nil {
			return err
		}
		switch {
		case *answer != "" && !*from && len(args) == 0:
			return finishRestore(ctx, std, *dir, *answer, *asJSON)
		case *from && *answer == "" && len(args) <= 1:
			r := server.Restoration{
				Dir: *dir, Addr: *addr, Portal: *portal, Listen: func() (net.PacketConn, error) { return listenUDP(*listen) },
				Log: func(err error) { fmt.Fprintf(std.err, "motcua: %v; trying again\n", err) },
			}
			return fetchRestore(ctx, std, r, args, *asJSON)
		}
		return usagef("node restore: give --from-guardian with a token, or --answer, as in: %s", c.example)
	}
	return c
}

func fetchRestore(ctx context.Context, std stdio, r server.Restoration, args []string, asJSON bool) (err error) {
	if len(args) == 1 {
		if r.Token, err = readToken(std, args[0]); err != nil {
			return err
		}
		if r.Addr == "" {
			return usagef("node restore: give --addr, at which other machines reach this one")
		}
	}
	bar := newBar(std, "KiB", 0)
	r.Progress = func(done, total int64) {
		bar.total = int(total >> 10)
		bar.at(int(done >> 10))
	}
	f, err := r.Fetch(ctx)
	bar.end()
	if err != nil {
		return err
	}
	request := filepath.Join(r.Dir, "restore", "request")
	if asJSON {
		return printJSON(std.out, map[string]any{"guardian": f.Guardian, "until": f.Until, "segments": f.Segments, "files": f.Files, "request": request})
	}
	fmt.Fprintf(std.out, `Fetched from %s: %d segments up to %s, and %d attachments. All of it is sealed.
Bring the file %s to the officials (motcua recovery open), and their answer back:
  motcua node restore --data %s --answer FILE
`, f.Guardian, f.Segments, shortTime(f.Until), f.Files, request, r.Dir)
	return nil
}

func finishRestore(ctx context.Context, std stdio, dir, answer string, asJSON bool) error {
	b, err := os.ReadFile(answer)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	out, err := server.FinishRestore(ctx, dir, b, store.Options{Log: newLog(std, false)})
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(std.out, out)
	}
	fmt.Fprintf(std.out, `%s is back as of %s. %d attachments had not been streamed and are missing.
Start it with: motcua node serve --data %s
What was done after %s is not there: go through that day's slips, and the dossiers that other offices sent back.
`, out.Office, shortTime(out.Until), out.Missing, dir, shortTime(out.Until))
	return nil
}

// guardianCommands are the tools of those who keep others' backups.
func guardianCommands() []*command { return []*command{guardianListCommand()} }

func guardianListCommand() *command {
	return showCommand("guardian list", "/guardian", "list the backups kept here, and up to when they go", "motcua guardian list --data /var/lib/motcua/directory", printGuarding)
}

func printGuarding(w io.Writer, g server.Guarding) {
	if g.Key == 0 {
		fmt.Fprintln(w, "The province has no key for backups: nothing is streamed. See motcua recovery init --help.")
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, k := range g.Kept {
		until := "nothing yet"
		if k.Streams > 0 {
			until = "up to " + k.Until.In(directory.Zone).Format("02/01/2006 15:04")
		}
		fmt.Fprintf(t, "%s\t%s\t%d MiB\n", k.Office, until, k.Bytes>>20)
	}
	t.Flush()
}
