package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"motcua/cmd/admin"
	"motcua/crypto/disk"
	"motcua/directory/edition"
	"motcua/node/server"
)

func directoryEditionCommand() *command {
	c := newCommand("directory edition", "FILE", "write the newest edition to a file, for offices that no line reaches", "motcua directory edition --data /var/lib/motcua/directory /media/stick/edition")
	dir := c.flags.String("data", "", directoryFolder)
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("directory edition: name the file, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		return writeEdition(ctx, std, tool, args[0])
	}
	return c
}

func nodeEditionCommand() *command {
	c := newCommand("node edition", "FILE", "write the edition that a node has to a file, for another office", "motcua node edition --data /var/lib/motcua/node /media/stick/edition")
	node := addNodeFlags(c)
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("node edition: name the file, as in: %s", c.example)
		}
		tool, err := node.client(ctx, c.name)
		if err != nil {
			return err
		}
		return writeEdition(ctx, std, tool, args[0])
	}
	return c
}

// writeEdition keeps the edition that a server hands out, whole or not at all.
func writeEdition(ctx context.Context, std stdio, tool *admin.Client, path string) error {
	body, _, err := tool.Stream(ctx, http.MethodGet, "/edition", "", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, edition.MaxSigned+1))
	if err != nil {
		return fmt.Errorf("write edition: %w", err)
	}
	if err := disk.WriteFile(filepath.Clean(path), b); err != nil {
		return fmt.Errorf("write edition: %w", err)
	}
	fmt.Fprintf(std.out, "wrote %s, %d bytes\nAt the office: motcua node edition install --data FOLDER %s\n", path, len(b), path)
	return nil
}

func nodeEditionInstallCommand() *command {
	c := newCommand("node edition install", "FILE", "have a running node verify an edition from a file and take it into use", "motcua node edition install --data /var/lib/motcua/node /media/stick/edition")
	node := addNodeFlags(c)
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("node edition install: name the file, as in: %s", c.example)
		}
		tool, err := node.client(ctx, c.name)
		if err != nil {
			return err
		}
		f, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("install edition: %w; is the stick plugged in?", err)
		}
		defer f.Close()
		var out server.EditionReport
		if err := tool.Send(ctx, "/edition", f, &out); err != nil {
			return err
		}
		if !out.Newer {
			fmt.Fprintf(std.out, "The node has edition %d already: nothing to do.\n", out.Edition)
			return nil
		}
		fmt.Fprintf(std.out, "The node goes by edition %d now.\n", out.Edition)
		return nil
	}
	return c
}
