package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"motcua/cmd/bench"
)

func benchCommands() []*command {
	return []*command{benchDirectoryCommand(), benchParcelsCommand(), benchTransferCommand()}
}

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
		return measured(std, *asJSON, func(emit func(bench.Measure) error) error { return bench.Directory(ctx, config, emit) })
	}
	return c
}

// receiveWord makes bench parcels the receiving end, which it starts itself.
const receiveWord = "receive"

func benchParcelsCommand() *command {
	c := newCommand("bench parcels", "", "measure how many signed, durable parcels of 20 KiB one office sends another",
		"motcua bench parcels --short\nmotcua bench parcels --json > figures.jsonl")
	c.args = " " // it takes words: see receiveWord
	asJSON := c.flags.Bool("json", false, "print one JSON object a line: name, unit, value, and where there is one goal, met")
	short := c.flags.Bool("short", false, "a quick look of some seconds instead of half a minute")
	dir := c.flags.String("dir", "", "`folder` on whose disk both offices keep their data meanwhile (default: that of temporary files)")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) == 2 && args[0] == receiveWord {
			return receiveParcels(ctx, std, args[1])
		}
		exe, err := os.Executable()
		if err != nil {
			return fmt.Errorf("bench parcels: %w", err)
		}
		config := bench.Config{Exe: exe, Dir: *dir, Short: *short, Progress: bench.Progress(std.err)}
		return measured(std, *asJSON, func(emit func(bench.Measure) error) error {
			return bench.Parcels(ctx, config, []string{"bench", "parcels", receiveWord}, emit)
		})
	}
	return c
}

// measured prints measures as they come in JSON, or all together for people.
func measured(std stdio, asJSON bool, take func(emit func(bench.Measure) error) error) error {
	if asJSON {
		return take(bench.JSON(std.out))
	}
	var all []bench.Measure
	if err := take(func(m bench.Measure) error { all = append(all, m); return nil }); err != nil {
		return err
	}
	return bench.Table(std.out, all)
}

// receiveParcels ends when the process that started it does.
func receiveParcels(ctx context.Context, std stdio, dir string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { io.Copy(io.Discard, std.in); stop() }()
	return bench.ReceiveParcels(ctx, dir, func() { fmt.Fprintln(std.out, "ready") })
}
