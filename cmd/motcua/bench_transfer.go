package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"motcua/cmd/bench"
)

func benchTransferCommand() *command {
	c := newCommand("bench transfer", "", "measure transfers over long and lossy lines, simulated between sockets of this machine",
		"motcua bench transfer --short\nmotcua bench transfer --line 600ms-2%-4M --line dark --json")
	asJSON := c.flags.Bool("json", false, "print one JSON object a line: name, unit, value, and where there is one goal, met")
	short := c.flags.Bool("short", false, "a quick look of some seconds instead of some minutes")
	var lines []string
	c.flags.Func("line", "measure this `line` only, given once or more, of "+strings.Join(bench.TransferLines(), ", ")+" (default: all but the last, which takes an hour)",
		func(s string) error {
			if !slices.Contains(bench.TransferLines(), s) {
				return errors.New("there is no such line")
			}
			lines = append(lines, s)
			return nil
		})
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		progress := bench.Progress(std.err)
		var one sync.Mutex
		config := bench.TransferConfig{Lines: lines, Short: *short, Progress: func(s string) {
			one.Lock()
			defer one.Unlock()
			progress(s)
		}}
		if *asJSON {
			return bench.Transfer(ctx, config, bench.JSON(std.out))
		}
		var all []bench.Measure
		if err := bench.Transfer(ctx, config, func(m bench.Measure) error { all = append(all, m); return nil }); err != nil {
			return err
		}
		return bench.Table(std.out, all)
	}
	return c
}
