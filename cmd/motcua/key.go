package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"motcua/directory"
	"motcua/directory/server"
	node "motcua/node/server"
)

// keyCommands are the tools for the keys of machines.
func keyCommands() []*command {
	return []*command{keyListCommand(), keyRevokeCommand(), keyRotateCommand()}
}

func shortTime(t time.Time) string { return t.In(directory.Zone).Format("02/01/2006 15:04") }

func keyListCommand() *command {
	c := newCommand("key list", "[OFFICE…]", "list the keys of offices' nodes: in use, retired and revoked", "motcua key list --data /var/lib/motcua/directory H32.22693")
	dir := c.flags.String("data", "", directoryFolder)
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		var s server.Status
		if err := tool.Get(ctx, "/status", &s); err != nil {
			return err
		}
		keys := slices.DeleteFunc(s.Nodes, func(n server.NodeStatus) bool {
			return len(args) > 0 && !slices.Contains(args, string(n.Office))
		})
		if *asJSON {
			return printJSON(std.out, keys)
		}
		printKeys(std.out, keys)
		return nil
	}
	return c
}

func printKeys(w io.Writer, keys []server.NodeStatus) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, n := range keys {
		since := n.Enrolled
		if n.Rotated != nil {
			since = *n.Rotated
		}
		fmt.Fprintf(t, "%s\t%s\tsince %s\t%s\n", n.Office, n.Key, shortTime(since), keyState(n))
	}
	t.Flush()
}

func keyState(n server.NodeStatus) string {
	switch {
	case n.Revoked != nil:
		return fmt.Sprintf("revoked %s: %s", shortTime(*n.Revoked), n.Reason)
	case n.Retired != nil:
		return fmt.Sprintf("retired %s: the node has newer keys", shortTime(*n.Retired))
	}
	return "in use"
}

func keyRevokeCommand() *command {
	c := newCommand("key revoke", "OFFICE", "stop trusting the key of an office's node", "motcua key revoke --data /var/lib/motcua/directory --reason \"máy bị mất\" H32.22693")
	dir := c.flags.String("data", "", directoryFolder)
	reason := c.flags.String("reason", "", "`why`; everyone can read it")
	key := c.flags.String("key", "", "only this retired `key`, by its first digits as key list shows them (default: the one in use and all before it)")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 || *reason == "" {
			return usagef("key revoke: give --reason and the office's code, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		q := server.RevokeRequest{Office: directory.OfficeCode(args[0]), Reason: *reason, Key: *key}
		var n server.NodeStatus
		if err := tool.Post(ctx, "/revoke", q, &n); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "The key %s of %s is trusted no longer: within seconds where the directory or another office is in reach, elsewhere with the next edition.\n", n.Key, args[0])
		if n.Retired == nil {
			fmt.Fprintln(std.out, "Enrol the office's new machine with motcua office token.")
		}
		return nil
	}
	return c
}

func keyRotateCommand() *command {
	c := newCommand("key rotate", "", "give this office's running node new keys, while it runs", "motcua key rotate --data /var/lib/motcua/node")
	flags := addNodeFlags(c)
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) > 0 {
			return usagef("key rotate takes no %q; see motcua key rotate --help", args[0])
		}
		tool, err := flags.client(ctx, c.name)
		if err != nil {
			return err
		}
		var s node.KeyStatus
		if err := tool.Post(ctx, "/rotate", struct{}{}, &s); err != nil {
			return err
		}
		switch {
		case *asJSON:
			return printJSON(std.out, s)
		case s.Next != "":
			fmt.Fprintf(std.out, "The directory is out of reach. The node goes on under %s, and takes %s by itself once the directory has agreed.\n", s.Key, s.Next)
		default:
			fmt.Fprintf(std.out, "The node acts under the key %s now. What it signed before stays valid.\n", s.Key)
		}
		return nil
	}
	return c
}
