package main

import (
	"context"
	"fmt"

	"motcua/cmd/province"
	"motcua/directory/server"
)

// catalogueCommands are the tools of the catalogue editor; each asks a running directory server.
func catalogueCommands() []*command { return []*command{cataloguePublishCommand()} }

func cataloguePublishCommand() *command {
	c := newCommand("catalogue publish", "", "publish the embedded offices, procedures and calendar of Khánh Hòa", "motcua catalogue publish --data /var/lib/motcua/directory")
	dir := c.flags.String("data", "", directoryFolder)
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		var out server.Published
		if err := tool.Post(ctx, "/publish", province.Tables(), &out); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "published; %d rows are new or changed\n", out.Changed)
		return nil
	}
	return c
}
