package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"motcua/cmd/bench"
)

func runTransfer(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench transfer", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print one JSON object a line")
	short := flags.Bool("short", false, "a quick look")
	names := flags.String("peers", "cubic,bbr,gvisor,rsync", "which `peers` to measure beside, of these: HTTPS over the kernel's TCP with a congestion control, HTTPS over gVisor's TCP, and rsync")
	var lines []string
	flags.Func("line", "measure this `line` only, given once or more, of "+strings.Join(bench.TransferLines(), ", "), func(s string) error {
		if !slices.Contains(bench.TransferLines(), s) {
			return errors.New("there is no such line")
		}
		lines = append(lines, s)
		return nil
	})
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return errWords
	}
	progress := bench.Progress(os.Stderr)
	var one sync.Mutex
	c := bench.TransferConfig{Lines: lines, Short: *short, Peers: carriers(strings.Split(*names, ",")), Progress: func(s string) {
		one.Lock()
		defer one.Unlock()
		progress(s)
	}}
	return show(*asJSON, func(emit func(bench.Measure) error) error { return bench.Transfer(ctx, c, emit) })
}

// carriers returns those of the names that can be had here.
func carriers(names []string) (out []bench.Carrier) {
	for _, name := range names {
		c, err := carrier(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s is left out: %v\n", name, err)
			continue
		}
		out = append(out, c)
	}
	return out
}

func carrier(name string) (bench.Carrier, error) {
	switch name {
	case "rsync":
		c, err := buildRsync()
		return c, errors.Join(err, tryKernelLine())
	case "cubic", "bbr", "reno":
		return https{name, func(w *bench.Wire) (tcp, error) {
			line, err := newKernelLine(w)
			return kernelTCP{line, name}, err
		}}.carrier(), tryKernelLine()
	case "gvisor":
		return https{"cubic of gVisor", newGvisorTCP}.carrier(), nil
	}
	return bench.Carrier{}, errors.New("there is no such peer")
}

func tryKernelLine() error {
	w := bench.NewWire(bench.LineSpec{Rate: 1e6}, 0)
	defer w.Close()
	l, err := newKernelLine(w)
	if err == nil {
		l.Close()
	}
	return err
}
