// Command bench takes the measurements of motcua bench side by side with other systems, in one call, so that ratios mean
// something on a machine that is busy:
//
//	go run -C deploy/bench . directory --json
//	go run -C deploy/bench . transfer --json
//
// For the directory it builds motcua from this tree and the peers from their published modules, starts three processes of each on
// this machine with their data on one disk, and has them take turns. Every peer keeps a write on the disks of a majority before it
// answers, as the directory does. It needs Linux, a C compiler for rqlite, and the first time the network.
//
// For transfers every contender has a line of its own that is alike, all at once: the kernel's TCP and rsync by way of two
// network namespaces, whose packets cross the same simulated line as QUIC's, which needs Linux, root, /dev/net/tun, ip, and rsync;
// and the TCP of gVisor in this process, which needs nothing.
//
// A peer that cannot be had here is left out, loudly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"motcua/cmd/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errWords), errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// errWords: the command line is wrong, and that has been said.
var errWords = errors.New("wrong words")

const usage = `usage: go run -C deploy/bench . directory [--json] [--short] [--dir FOLDER] [--peers etcd,rqlite]
       go run -C deploy/bench . transfer  [--json] [--short] [--line NAME ...] [--peers cubic,bbr,gvisor,rsync]`

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "directory":
			return runDirectory(ctx, args[1:])
		case "transfer":
			return runTransfer(ctx, args[1:])
		}
	}
	fmt.Fprintln(os.Stderr, usage)
	return errWords
}

// show prints measures as they come, or a table of them at the end.
func show(asJSON bool, measure func(emit func(bench.Measure) error) error) error {
	if asJSON {
		return measure(bench.JSON(os.Stdout))
	}
	var all []bench.Measure
	if err := measure(func(m bench.Measure) error { all = append(all, m); return nil }); err != nil {
		return err
	}
	return bench.Table(os.Stdout, all)
}

func runDirectory(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench directory", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print one JSON object a line")
	short := flags.Bool("short", false, "a quick look")
	dir := flags.String("dir", "", "`folder` on whose disk everything is kept meanwhile (default: that of temporary files)")
	names := flags.String("peers", "etcd,rqlite", "which `peers` to measure beside, of these")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return errWords
	}
	bin, err := os.MkdirTemp("", "motcua-bench-bin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	exe := filepath.Join(bin, "motcua")
	if err := goTool(ctx, "../..", "build", "-o", exe, "./cmd/motcua"); err != nil {
		return err
	}
	c := bench.Config{Exe: exe, Dir: *dir, Short: *short, Progress: bench.Progress(os.Stderr), Peers: peers(ctx, bin, strings.Split(*names, ","))}
	return show(*asJSON, func(emit func(bench.Measure) error) error { return bench.Directory(ctx, c, emit) })
}

// peers builds the other systems of the names and returns those that could be built.
func peers(ctx context.Context, bin string, names []string) (out []bench.Opener) {
	for _, p := range []struct {
		name  string
		build func(ctx context.Context, bin string) (bench.Opener, error)
	}{{"etcd", buildEtcd}, {"rqlite", buildRqlite}} {
		if !slices.Contains(names, p.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "build %s; the first time takes minutes\n", p.name)
		open, err := p.build(ctx, bin)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s is left out: %v\n", p.name, err)
			continue
		}
		out = append(out, open)
	}
	return out
}
