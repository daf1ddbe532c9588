package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"syscall"

	"motcua/cmd/admin"
)

// identityFile and genesisFile are kept in every data folder that needs them.
const (
	identityFile = "identity.pem"
	genesisFile  = "genesis"
)

// daemon is what node and directory servers have in common.
type daemon interface {
	// Run serves until ctx ends, then stops cleanly.
	Run(ctx context.Context) error
	// Ready is closed when the server answers.
	Ready() <-chan struct{}
	// Admin is what the tools of this folder may ask.
	Admin() http.Handler
}

// serve runs a server with its admin socket until ctx ends or, when untilEOF, its standard input closes. It prints
// one line on standard output when the server answers.
func serve(ctx context.Context, std stdio, dir string, s daemon, untilEOF bool, address string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if untilEOF {
		go func() {
			io.Copy(io.Discard, std.in)
			stop(nil)
		}()
	}
	tools := make(chan struct{})
	go func() {
		defer close(tools)
		if err := admin.Serve(ctx, dir, s.Admin()); err != nil {
			stop(err)
		}
	}()
	go func() {
		select {
		case <-s.Ready():
			fmt.Fprintln(std.out, "ready "+address)
		case <-ctx.Done():
		}
	}()
	err := s.Run(ctx)
	failed := context.Cause(ctx)
	stop(nil)
	<-tools
	if errors.Is(failed, context.Canceled) {
		failed = nil
	}
	return errors.Join(err, failed)
}

// newLog logs to standard error, in text for people and journals alike.
func newLog(std stdio, debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: level}))
}

// listenUDP opens the one socket for other machines.
func listenUDP(addr string) (net.PacketConn, error) {
	c, err := net.ListenPacket("udp", addr)
	return c, listenError("UDP", addr, err)
}

// listenBeside opens TCP at the port of a UDP socket, for machines for which UDP does not pass. A port that is taken is no reason
// not to start: most of them come by UDP.
func listenBeside(conn net.PacketConn, log *slog.Logger) net.Listener {
	addr := conn.LocalAddr().String()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		log.Warn("machines for which UDP does not pass cannot come by TCP", "err", listenError("TCP", addr, err))
		return nil
	}
	return l
}

// listenTCP opens the socket that browsers use.
func listenTCP(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	return l, listenError("TCP", addr, err)
}

func listenError(kind, addr string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s %s: another program has this port; stop it, or choose another address", kind, addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listen on %s %s: not permitted; ports below 1024 need a privilege, choose one above", kind, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listen on %s %s: this machine has no such address; choose one of its own, or :PORT for all", kind, addr)
	}
	return fmt.Errorf("listen on %s %s: %w", kind, addr, err)
}

// requireData is the check of the flag every server command has.
func requireData(name, dir string) error {
	if dir == "" {
		return usagef("%s: name the data folder with --data; see motcua %s --help", name, name)
	}
	return nil
}

func identityPath(dir string) string { return filepath.Join(dir, identityFile) }

// showCommand asks the running server of a data folder for what it has under a path, and prints it for people or as JSON.
func showCommand[T any](name, path, short, example string, show func(io.Writer, T)) *command {
	c := newCommand(name, "", short, example)
	dir := c.flags.String("data", "", "`folder` with the server's data")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		if err := requireData(c.name, *dir); err != nil {
			return err
		}
		tool, err := admin.NewClient(*dir)
		if err != nil {
			return err
		}
		var s T
		if err := tool.Get(ctx, path, &s); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(std.out, s)
		}
		show(std.out, s)
		return nil
	}
	return c
}
