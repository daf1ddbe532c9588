package main

import (
	"context"
	"fmt"

	"motcua/directory"
	"motcua/directory/server"
)

// keyCommands are the tools of province IT for the keys of machines.
func keyCommands() []*command { return []*command{keyRevokeCommand()} }

func keyRevokeCommand() *command {
	c := newCommand("key revoke", "OFFICE", "stop trusting the key of an office's node", "motcua key revoke --data /var/lib/motcua/directory --reason \"máy bị mất\" H32.22693")
	dir := c.flags.String("data", "", directoryFolder)
	reason := c.flags.String("reason", "", "`why`; everyone can read it")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 || *reason == "" {
			return usagef("key revoke: give --reason and the office's code, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		q := server.RevokeRequest{Office: directory.OfficeCode(args[0]), Reason: *reason}
		if err := tool.Post(ctx, "/revoke", q, nil); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "The key of %s is trusted no longer, from now on and wherever the next edition comes. Enrol its new machine with motcua office token.\n", args[0])
		return nil
	}
	return c
}
