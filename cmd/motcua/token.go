package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"motcua/cmd/admin"
	"motcua/directory"
	"motcua/directory/server"
)

func officeTokenCommand() *command {
	c := newCommand("office token", "OFFICE", "issue a token with which one machine becomes an office's node, once; list them; take one back",
		"motcua office token --data /var/lib/motcua/directory H32.22693\nmotcua office token --data /var/lib/motcua/directory --list\nmotcua office token --data /var/lib/motcua/directory --void 3f9ac2d1")
	dir := c.flags.String("data", "", directoryFolder)
	hours := c.flags.Int("hours", 24, "how many `hours` the token is good")
	list := c.flags.Bool("list", false, "list the tokens that nobody has used and that are still good")
	void := c.flags.String("void", "", "take the token of this `id` back, as --list shows it")
	asJSON := c.flags.Bool("json", false, "with --list: print every token as JSON, for programs")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if *list || *void != "" {
			if len(args) > 0 || *list && *void != "" {
				return usagef("office token: --list and --void stand alone, as in: %s", c.example)
			}
		} else if len(args) != 1 {
			return usagef("office token: name the office by its code, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		switch {
		case err != nil:
			return err
		case *list:
			return listTokens(ctx, std, tool, *asJSON)
		case *void != "":
			return voidToken(ctx, std, tool, *void)
		}
		return issueToken(ctx, std, tool, directory.OfficeCode(args[0]), *hours)
	}
	return c
}

func issueToken(ctx context.Context, std stdio, tool *admin.Client, office directory.OfficeCode, hours int) error {
	var t server.TokenAnswer
	if err := tool.Post(ctx, "/token", server.TokenRequest{Office: office, Hours: hours}, &t); err != nil {
		return err
	}
	fmt.Fprintln(std.out, t.Token)
	fmt.Fprintf(std.err, "Good once, until %s. Whoever has it can become %s: hand it over like a key.\n", shortTime(t.Expires), office)
	return nil
}

func listTokens(ctx context.Context, std stdio, tool *admin.Client, asJSON bool) error {
	var all []server.TokenStatus
	if err := tool.Get(ctx, "/tokens", &all); err != nil {
		return err
	}
	if asJSON {
		return printJSON(std.out, all)
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	open := 0
	for _, t := range all {
		if t.State == server.TokenOpen {
			fmt.Fprintf(w, "%s\t%s\tgood until %s\n", t.ID, t.Office, shortTime(t.Expires))
			open++
		}
	}
	w.Flush()
	if open == 0 {
		fmt.Fprintln(std.out, "no token is outstanding")
	}
	return nil
}

func voidToken(ctx context.Context, std stdio, tool *admin.Client, id string) error {
	var t server.TokenStatus
	if err := tool.Post(ctx, "/void", server.VoidRequest{ID: id}, &t); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "The token %s of %s enrols nobody any more.\n", t.ID, t.Office)
	return nil
}
