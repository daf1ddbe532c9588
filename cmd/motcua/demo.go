package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"motcua/cmd/province"
)

func demoCommands() []*command {
	return []*command{
		demoCommand(), demoStatusCommand(),
		demoOrderCommand("cut", "pull an office's line: it loses every peer, its own desks still reach it"),
		demoOrderCommand("heal", "plug an office's line in again"),
		demoOrderCommand("stop", "kill an office or directory server at once (its data is kept)"),
		demoOrderCommand("start", "start an office or directory server that was stopped"),
	}
}

func demoCommand() *command {
	c := newCommand("demo", "", "run a small province on this machine, and stop it with Ctrl-C", "motcua demo\nmotcua demo --data ~/motcua-demo     # keeps its data, and resumes from it")
	dir := c.flags.String("data", "", "keep the province's data in this `folder` and resume from it (default: a temporary one)")
	port := c.flags.Int("port", province.DefaultPort, "first of the `ports` used on 127.0.0.1 (UDP and TCP)")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		if *port < 1024 || *port > 65000 {
			return usagef("demo: --port %d: want 1024 to 65000", *port)
		}
		return runDemo(ctx, std, province.Options{Dir: *dir, Port: *port})
	}
	return c
}

func runDemo(ctx context.Context, std stdio, o province.Options) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("demo: find this program: %w", err)
	}
	o.Exe = exe
	begun := time.Now()
	d, err := province.Start(ctx, o)
	if err != nil {
		return err
	}
	defer d.Close()
	printProvince(std.out, d, time.Since(begun))
	err = d.Serve(ctx)
	fmt.Fprintln(std.out, "\nstopping …")
	return err
}

func printProvince(w io.Writer, d *province.Demo, took time.Duration) {
	p := d.Plan
	fmt.Fprintf(w, "A small province is ready (%.1f s): %d directory servers, %d offices.\n\n", took.Seconds(), len(p.Servers), len(p.Offices))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "OFFICE\tPORTAL (desk: /vi/desk)\tNAME FOR COMMANDS")
	for _, o := range p.Offices {
		fmt.Fprintf(t, "%s\t%s\t%s\n", o.Name, o.Portal(), o.Slug)
	}
	t.Flush()
	if len(d.Accounts) == 0 {
		fmt.Fprint(w, "\nResumed: accounts and passwords are those of the first start.\n")
	} else {
		fmt.Fprint(w, "\nAccounts (random passwords, shown this once):\n\n")
		t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "LOGIN\tPASSWORD\tWHO")
		for _, a := range d.Accounts {
			fmt.Fprintf(t, "%s\t%s\t%s\n", a.Login, a.Password, a.Who)
		}
		t.Flush()
	}
	if _, err := os.Stat(d.RecoveryFolder()); err == nil {
		fmt.Fprintf(w, "\nEvery office streams its sealed backup to a guardian. The shares that open one (of this demo only): %s\n", d.RecoveryFolder())
	}
	fmt.Fprint(w, "\nFrom another terminal:\n  motcua demo status\n  motcua demo cut dien-an      # then submit, accept, forward: both sides go on\n  motcua demo heal dien-an     # what waited arrives, once\n  motcua demo stop dir-1       # a directory server dies; nobody notices\nStop everything with Ctrl-C.\n")
}

func demoStatusCommand() *command {
	c := newCommand("demo status", "", "show who is up, who is cut off, and what waits to be sent", "motcua demo status --json")
	dir := c.flags.String("data", "", "`folder` of the demo (default: the one started last)")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		s, err := province.GetStatus(ctx, *dir)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(std.out, s)
		}
		printStatus(std.out, s)
		return nil
	}
	return c
}

func printStatus(w io.Writer, s province.Status) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVER\tSTATE\tFOLLOWS\tEDITION")
	for _, v := range s.Servers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", v.Name, upOrDown(v.Up, v.Line), dash(v.Leader), number(v.Up, v.Edition))
	}
	fmt.Fprintln(t, "\t\t\t\nOFFICE\tSTATE\tWAITING\tEDITION\tNAME FOR COMMANDS")
	for _, v := range s.Offices {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", v.Name, upOrDown(v.Up, v.Line), number(v.Up, uint64(v.Waiting)), number(v.Up, v.Edition), v.Slug)
	}
	t.Flush()
}

func upOrDown(up, line bool) string {
	switch {
	case !up:
		return "stopped"
	case !line:
		return "line cut"
	}
	return "up"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func number(known bool, n uint64) string {
	if !known {
		return "-"
	}
	return fmt.Sprint(n)
}

func demoOrderCommand(verb, short string) *command {
	c := newCommand("demo "+verb, "OFFICE|SERVER", short, "motcua demo "+verb+" dien-an")
	dir := c.flags.String("data", "", "`folder` of the demo (default: the one started last)")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("demo %s: name one office or server, as in: motcua demo %s dien-an", verb, verb)
		}
		said, err := province.Order(ctx, *dir, verb, args[0])
		if err == nil {
			fmt.Fprintln(std.out, said)
		}
		return err
	}
	return c
}
