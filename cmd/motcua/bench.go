package main

import (
	"context"
	"fmt"
	"os"

	"motcua/cmd/bench"
)

func benchCommands() []*command { return []*command{benchDirectoryCommand()} }

func benchDirectoryCommand() *command {
	c := newCommand("bench directory", "", "measure the directory: three servers, their clients and their disk on this machine",
		"motcua bench directory --short\nmotcua bench directory --json > figures.jsonl")
	asJSON := c.flags.Bool("json", false, "print one JSON object a line: name, unit, value, and where there is one goal, met")
	short := c.flags.Bool("short", false, "a quick look of some seconds instead of some minutes")
	dir := c.flags.String("dir", "", "`folder` on whose disk the servers keep their data meanwhile (default: that of temporary files)")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		exe, err := os.Executable()
		if err != nil {
			return fmt.Errorf("bench directory: %w", err)
		}
		config := bench.Config{Exe: exe, Dir: *dir, Short: *short, Progress: bench.Progress(std.err)}
		if *asJSON {
			return bench.Directory(ctx, config, bench.JSON(std.out))
		}
		var all []bench.Measure
		if err := bench.Directory(ctx, config, func(m bench.Measure) error { all = append(all, m); return nil }); err != nil {
			return err
		}
		return bench.Table(std.out, all)
	}
	return c
}
