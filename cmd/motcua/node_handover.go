package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"motcua/cmd/admin"
	"motcua/node/server"
)

func nodeHandOverCommand() *command {
	c := newCommand("node hand-over", "[CODE...]", "hand over what is in progress here, once this office has closed; without --to, show how that stands",
		"motcua node hand-over --data /var/lib/motcua/node --to H32.22333\nmotcua node hand-over --data /var/lib/motcua/node --to H32.22435 H32.22450-270520-0031 H32.22450-270611-0007")
	node := addNodeFlags(c)
	to := c.flags.String("to", "", "`office` that takes over by the directory's edition")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, codes []string) error {
		if *to == "" && len(codes) > 0 {
			return usagef("node hand-over: say with --to which office takes these dossiers over")
		}
		tool, err := node.client(ctx, c.name)
		if err != nil {
			return err
		}
		var h server.HandOver
		if *to == "" {
			err = tool.Get(ctx, "/hand-over", &h)
		} else {
			h, err = handOver(ctx, std, tool, *to, codes)
		}
		switch {
		case err != nil:
			return err
		case *asJSON:
			return printJSON(std.out, h)
		}
		printHandOver(std.out, h)
		return nil
	}
	return c
}

// handOverEvery is how often the tool asks how far the node has come; handOverStill is after how long without a step it stops asking.
const (
	handOverEvery = 200 * time.Millisecond
	handOverStill = 20 * time.Second
)

// handOver hands over the dossiers with these codes, or orders the hand-over of all and watches until all is in the outbox. The node goes on by itself, also when nobody watches.
func handOver(ctx context.Context, std stdio, tool *admin.Client, to string, codes []string) (h server.HandOver, err error) {
	order := struct {
		To    string
		Codes []string
	}{to, codes}
	if err := tool.Post(ctx, "/hand-over", order, &h); err != nil || len(codes) > 0 {
		return h, err
	}
	total, moved := h.Left, time.Now()
	b := newBar(std, "handed over", total)
	defer b.end()
	for left := h.Left; h.Left > 0 && time.Since(moved) < handOverStill; {
		b.at(total - h.Left)
		select {
		case <-ctx.Done():
			return h, ctx.Err()
		case <-time.After(handOverEvery):
		}
		if err := tool.Get(ctx, "/hand-over", &h); err != nil {
			return h, err
		}
		if h.Left < left {
			left, moved = h.Left, time.Now()
		}
	}
	b.at(total)
	return h, nil
}

func printHandOver(w io.Writer, h server.HandOver) {
	when := "closes after"
	if h.Past {
		when = "closed after"
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\t%s, by %s\ntaken over by\t%s\nordered to\t%s\nin progress here\t%d\nnot acknowledged\t%d\ntaken over\t%d\nnot accepted yet\t%d\n",
		when, h.Closed, h.Decision, dash(strings.Join(h.Successors, " ")), dash(h.To), h.Left, h.UnderWay, h.Taken, h.Submissions)
	t.Flush()
	if h.Hindrance != "" {
		fmt.Fprintf(w, "In the way: %s\n", h.Hindrance)
	}
	fmt.Fprintln(w, handOverWords(h))
}

// handOverWords say what to do next.
func handOverWords(h server.HandOver) string {
	switch {
	case h.Submissions > 0:
		return "Accept or refuse at the desk what was handed in here; what is accepted is then handed over too."
	case h.Done():
		return "All is taken over. Let the node run until its outbox is empty (motcua node status), then have its key revoked."
	case h.Left > 0 && h.To != "":
		return "Not all is handed over yet: the node goes on as the other office acknowledges, and tries again every minute."
	case h.To != "":
		return "All is handed over; the node sends it until the other office has acknowledged it. It can go on a stick: motcua bundle write"
	case h.Past && h.Left == 0:
		return "Nothing is in progress here."
	case h.Past:
		return "Hand over with: motcua node hand-over --to OFFICE, or on the desk's page “Bàn giao hồ sơ”"
	}
	return "Nothing can be handed over before the office has closed."
}
