package main

import (
	"context"
	"fmt"

	"motcua/directory"
	"motcua/directory/server"
)

// officeCommands are the tools of province IT for offices.
func officeCommands() []*command {
	return append([]*command{officeTokenCommand()}, officeChangeCommands()...)
}

func officeTokenCommand() *command {
	c := newCommand("office token", "OFFICE", "issue a token with which one machine becomes an office's node, once", "motcua office token --data /var/lib/motcua/directory H32.22693")
	dir := c.flags.String("data", "", directoryFolder)
	hours := c.flags.Int("hours", 24, "how many `hours` the token is good")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("office token: name the office by its code, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		var t server.TokenAnswer
		q := server.TokenRequest{Office: directory.OfficeCode(args[0]), Hours: *hours}
		if err := tool.Post(ctx, "/token", q, &t); err != nil {
			return err
		}
		fmt.Fprintln(std.out, t.Token)
		fmt.Fprintf(std.err, "Good once, until %s. Whoever has it can become %s: hand it over like a key.\n",
			t.Expires.In(directory.Zone).Format("02/01/2006 15:04"), args[0])
		return nil
	}
	return c
}
