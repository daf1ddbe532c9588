package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"motcua/cmd/admin"
	"motcua/replication/relay"
)

// relayCommands are the tools for what a directory server, or the office above, keeps for offices that are away.
func relayCommands() []*command { return []*command{relayListCommand(), relayDropCommand()} }

const relayFolder = "`folder` of a running directory server, or of a node"

func relayTool(name, dir string) (*admin.Client, error) {
	if err := requireData(name, dir); err != nil {
		return nil, err
	}
	return admin.NewClient(dir)
}

func relayListCommand() *command {
	c := newCommand("relay list", "", "list the sealed parcels kept here for offices that are away", "motcua relay list --data /var/lib/motcua/directory --overdue")
	dir := c.flags.String("data", "", relayFolder)
	overdue := c.flags.Bool("overdue", false, "only those that have waited too long: a person decides about them")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		tool, err := relayTool(c.name, *dir)
		if err != nil {
			return err
		}
		var l relay.List
		if err := tool.Get(ctx, "/relay", &l); err != nil {
			return err
		}
		if *overdue {
			all := l.Items
			l.Items = []relay.Item{}
			for _, i := range all {
				if i.Overdue {
					l.Items = append(l.Items, i)
				}
			}
		}
		if *asJSON {
			return printJSON(std.out, l)
		}
		printRelay(std.out, l)
		return nil
	}
	return c
}

func printRelay(w io.Writer, l relay.List) {
	fmt.Fprintf(w, "%d parcels wait here for their recipients, %d MiB of at most %d parcels and %d MiB\n", l.Parcels, l.Bytes>>20, l.Most, l.Largest>>20)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, i := range l.Items {
		fmt.Fprintf(t, "%.12s\t%s → %s\t%d KiB\tsince %s\t%s\n", i.Parcel, i.From, i.To, (i.Bytes+1023)>>10, shortTime(i.Kept), relayState(i))
	}
	t.Flush()
}

func relayState(i relay.Item) string {
	switch {
	case i.State == relay.Answered:
		return "taken by its recipient; the receipt waits for the sender"
	case i.State == relay.Removed:
		return "dropped: " + i.Reason
	case i.Overdue:
		return "OVERDUE: speak with both offices; " + cmp.Or(string(i.Why), "not tried yet")
	}
	return fmt.Sprintf("tried %d times: %s", i.Attempts, cmp.Or(string(i.Why), "not tried yet"))
}

func relayDropCommand() *command {
	c := newCommand("relay drop", "PARCEL", "take a parcel off this relay; its sender still has it, and is told why it is not here",
		"motcua relay drop --data /var/lib/motcua/directory --reason \"cơ quan nhận đã giải thể\" 9f27bb6d8c76")
	dir := c.flags.String("data", "", relayFolder)
	reason := c.flags.String("reason", "", "`why`")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 || *reason == "" {
			return usagef("relay drop: give --reason and the first digits of the parcel, as in: %s", c.example)
		}
		tool, err := relayTool(c.name, *dir)
		if err != nil {
			return err
		}
		q := struct {
			Parcel string `json:"parcel"`
			Reason string `json:"reason"`
		}{args[0], *reason}
		var i relay.Item
		if err := tool.Post(ctx, "/relay/drop", q, &i); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(std.out, i)
		}
		fmt.Fprintf(std.out, "Parcel %.12s from %s to %s is not kept here any more. %s still has it, and goes on trying.\n", i.Parcel, i.From, i.To, i.From)
		return nil
	}
	return c
}
