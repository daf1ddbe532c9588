package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"motcua/cmd/admin"
	"motcua/directory/server"
)

func directoryJoinCommand() *command {
	c := newCommand("directory join", "CARD", "let a new server join the directory",
		"motcua directory join --data /var/lib/motcua/directory --out dir-4.welcome dir-4.card")
	dir := c.flags.String("data", "", directoryFolder)
	out := c.flags.String("out", "", "`file` to write the welcome to (default: the server's name and .welcome)")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("directory join: name one card, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		m, err := readCard(args[0])
		if err != nil {
			return err
		}
		if *out == "" {
			*out = m.Name + ".welcome"
		}
		return letJoin(ctx, std, tool, args[0], *out, m.Name)
	}
	return c
}

func letJoin(ctx context.Context, std stdio, tool *admin.Client, card, out, name string) error {
	text, err := os.ReadFile(card)
	if err != nil {
		return fmt.Errorf("directory join: %w", err)
	}
	var a server.JoinAnswer
	if err := tool.Post(ctx, "/join", server.JoinRequest{Card: text}, &a); err != nil {
		return err
	}
	if err := writeNew(out, a.Welcome); err != nil {
		return fmt.Errorf("directory join: %w; %s may join already: choose another --out and run this again for its welcome", err, name)
	}
	fmt.Fprintf(std.out, "wrote %s: bring it to %s; it holds a secret of the province. There start it with\n"+
		"  motcua directory serve --data FOLDER --listen :PORT --genesis %s\n"+
		"It is sent everything, and votes by itself once it has caught up: see motcua directory status.\n", out, name, out)
	return nil
}

// leavePatience is how long a server may take to leave before the tool says that it still goes on.
const leavePatience = 2 * time.Minute

func directoryLeaveCommand() *command {
	c := newCommand("directory leave", "NAME", "have a server leave the directory: one that is broken, or no longer needed",
		"motcua directory leave --data /var/lib/motcua/directory --reason \"máy hỏng\" dir-3")
	dir := c.flags.String("data", "", directoryFolder+" that stays")
	reason := c.flags.String("reason", "", "`why`; the server is told")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("directory leave: name one server, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		if err := tool.Post(ctx, "/leave", server.LeaveRequest{Name: args[0], Reason: *reason}, nil); err != nil {
			return err
		}
		if err := awaitGone(ctx, std, tool, args[0]); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "%s has left. Its machine can be switched off and its data folder removed; to come back, it joins with a new identity.\n", args[0])
		return nil
	}
	return c
}

// awaitGone waits until a server is off the list.
func awaitGone(ctx context.Context, std stdio, tool *admin.Client, name string) error {
	ctx, cancel := context.WithTimeout(ctx, leavePatience)
	defer cancel()
	b := newBar(std, name+" leaves, seconds:", 0)
	defer b.end()
	start := time.Now()
	for {
		var s server.Status
		if err := tool.Get(ctx, "/status", &s); err != nil {
			return err
		}
		if !slices.ContainsFunc(s.Servers, func(v server.ServerStatus) bool { return v.Name == name }) {
			return nil
		}
		b.at(int(time.Since(start).Seconds()))
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("directory leave: %s has not left within %s; it goes on by itself as soon as a majority of the servers answer: see motcua directory status", name, leavePatience)
		}
	}
}

func directoryTransferCommand() *command {
	c := newCommand("directory transfer", "[NAME]", "have another server lead, before work on the one that does",
		"motcua directory transfer --data /var/lib/motcua/directory dir-2")
	dir := c.flags.String("data", "", directoryFolder)
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) > 1 {
			return usagef("directory transfer: name at most one server, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		var q server.TransferRequest
		if len(args) == 1 {
			q.To = args[0]
		}
		if err := tool.Post(ctx, "/transfer", q, nil); err != nil {
			return err
		}
		if q.To == "" {
			q.To = "another server"
		}
		fmt.Fprintf(std.out, "%s leads.\n", q.To)
		return nil
	}
	return c
}

func directoryRotateCommand() *command {
	c := newCommand("directory rotate", "", "give a running directory server new keys under its own name",
		"motcua directory rotate --data /var/lib/motcua/directory")
	dir := c.flags.String("data", "", directoryFolder)
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		if err := tool.Post(ctx, "/rotate", struct{}{}, nil); err != nil {
			return err
		}
		fmt.Fprintln(std.out, "New keys were made. The server takes them into use, and starts again with them, once a majority of the servers has signed; its old ones are destroyed.")
		return nil
	}
	return c
}
