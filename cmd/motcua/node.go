package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"motcua/directory"
	"motcua/node/guardian"
	"motcua/node/office"
	"motcua/node/server"
	"motcua/node/web"
	"motcua/replication/link"
)

func nodeCommands() []*command {
	return []*command{
		nodeEnrolCommand(), nodeServeCommand(), nodeStatusCommand(), nodeRetryCommand(), nodeLimitsCommand(), nodeEditionCommand(), nodeEditionInstallCommand(), nodeRestoreCommand(), nodeHandOverCommand(),
	}
}

func nodeEnrolCommand() *command {
	c := newCommand("node enrol", "TOKEN", "make this machine the node of an office, with a token from the province",
		"motcua node enrol --data /var/lib/motcua/node --addr node.dien-an.example.vn:8600 --portal https://dien-an.example.vn TOKEN")
	dir := c.flags.String("data", "", "`folder` for the node's data (made if missing)")
	addr := c.flags.String("addr", "", "`host:port` (UDP) at which other machines reach this node")
	portal := c.flags.String("portal", "", "`URL` that people type")
	listen := c.flags.String("listen", ":0", "UDP `host:port` used for the enrolment itself")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if err := requireData(c.name, *dir); err != nil {
			return err
		}
		if len(args) != 1 || *addr == "" {
			return usagef("node enrol: give --addr and the token, or - to read the token from standard input")
		}
		token, err := readToken(std, args[0])
		if err != nil {
			return err
		}
		conn, err := listenUDP(*listen)
		if err != nil {
			return err
		}
		if err := server.Enrol(ctx, server.Enrolment{Dir: *dir, Conn: conn, Token: token, Addr: *addr, Portal: *portal}); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "This machine is the node of %s now. Start it with: motcua node serve --data %s\n", token.Office, *dir)
		return nil
	}
	return c
}

// maxTokenText bounds a token read from standard input.
const maxTokenText = 8 << 10

func readToken(std stdio, text string) (directory.Token, error) {
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(std.in, maxTokenText))
		if err != nil {
			return directory.Token{}, fmt.Errorf("read token: %w", err)
		}
		text = string(b)
	}
	return directory.ParseToken(text)
}

func nodeServeCommand() *command {
	c := newCommand("node serve", "", "run the node of this office", "motcua node serve --data /var/lib/motcua/node --listen :8600 --http 127.0.0.1:8080")
	dir := c.flags.String("data", "", "`folder` with the node's data")
	listen := c.flags.String("listen", "127.0.0.1:8600", "`host:port` for other machines: UDP, and TCP where that does not pass")
	pages := c.flags.String("http", "127.0.0.1:8080", "TCP `host:port` for people's browsers; it may be that of --listen")
	addr := c.flags.String("addr", "", "new `host:port` (UDP) at which other machines reach this node (default: as before)")
	portal := c.flags.String("portal", "", "new `URL` that people type (default: as before)")
	proxied := c.flags.Bool("behind-proxy", false, "a reverse proxy on this machine says where requests come from (X-Forwarded-For, -Proto)")
	debug := c.flags.Bool("debug", false, "log more")
	untilEOF := c.flags.Bool("until-eof", false, "stop when standard input closes, for a parent process")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		if err := requireData(c.name, *dir); err != nil {
			return err
		}
		cfg := server.Config{Dir: *dir, Addr: *addr, Portal: *portal, Pages: pagesOf(*proxied)}
		n, err := openNode(std, cfg, *listen, *pages, *debug)
		if err != nil {
			return err
		}
		return serve(ctx, std, *dir, n, *untilEOF, "http://"+*pages)
	}
	return c
}

// pagesOf makes the pages of a node, reached through a reverse proxy or by browsers themselves.
func pagesOf(proxied bool) func(*office.Office, *server.Server) (http.Handler, error) {
	return func(o *office.Office, n *server.Server) (http.Handler, error) {
		h, err := web.New(o, n)
		if err == nil && proxied {
			h = web.BehindProxy(h)
		}
		return h, err
	}
}

// openNode opens the sockets and the node; cfg says the rest.
func openNode(std stdio, cfg server.Config, listen, pages string, debug bool) (*server.Server, error) {
	err := server.Enrolled(cfg.Dir) // before it takes a port
	if err != nil {
		return nil, err
	}
	if cfg.Conn, err = listenUDP(listen); err != nil {
		return nil, err
	}
	if cfg.HTTP, err = listenTCP(pages); err != nil {
		return nil, errors.Join(err, cfg.Conn.Close())
	}
	cfg.Version, cfg.Log = version(), newLog(std, debug)
	if cfg.HTTP.Addr().String() == cfg.Conn.LocalAddr().String() {
		cfg.TCP, cfg.HTTP = link.Split(cfg.HTTP)
	} else {
		cfg.TCP = listenBeside(cfg.Conn, cfg.Log)
	}
	n, err := server.Open(cfg)
	if err != nil {
		return nil, errors.Join(err, cfg.HTTP.Close())
	}
	return n, nil
}

func nodeStatusCommand() *command {
	return showCommand("node status", "/status", "ask the running node how it is", "motcua node status --data /var/lib/motcua/node", printNodeStatus)
}

// backupWords say how far the guardian has the node's backup.
func backupWords(b guardian.Status) string {
	switch {
	case b.Key == 0:
		return "none: the province has no key for backups yet (motcua recovery init)"
	case b.Until.IsZero():
		return "not begun: " + dash(b.Problem)
	}
	until := b.Until
	if b.Files.After(until) { // nothing was written in between
		until = b.Files
	}
	words := fmt.Sprintf("at %s, up to %s", b.Guardian, shortTime(until))
	if b.Problem != "" {
		words += "; the last attempt failed: " + b.Problem
	}
	return words
}

func printNodeStatus(w io.Writer, s server.Status) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "office\t%s\nportal\t%s\nline\t%s\nedition\t%d\nparcels waiting\t%d\nconnected to\t%s\nrunning since\t%s\nprogram\t%s\n",
		s.Office, s.Portal, upOrDown(true, s.Line), s.Edition, s.Waiting, dash(strings.Join(s.Connected, " ")),
		time.Unix(s.Started, 0).In(directory.Zone).Format("02/01/2006 15:04"), s.Version)
	fmt.Fprintf(t, "calendar\t%s\n", reachWords(s.Calendar))
	fmt.Fprintf(t, "backup\t%s\n", backupWords(s.Backup))
	if s.Forks > 0 {
		fmt.Fprintf(t, "evidence\tthe directory has signed editions that contradict each other: bring the %d files in the folder forks to the province\n", s.Forks)
	}
	t.Flush()
	fmt.Fprintln(w, limitWords(s.Limits))
	printUnsent(w, s)
}
