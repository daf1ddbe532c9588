package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// command is one entry of the command line.
type command struct {
	name    string // words after "motcua", e.g. "node serve"
	args    string // what follows the flags, for the usage line
	short   string
	example string
	flags   *flag.FlagSet
	run     func(ctx context.Context, std stdio, args []string) error
}

// errHelp ends a command after it printed help somebody asked for.
var errHelp = errors.New("help")

// usageError is a wrong command line.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, a ...any) error { return &usageError{fmt.Sprintf(format, a...)} }

func newCommand(name, args, short, example string) *command {
	c := &command{name: name, args: args, short: short, example: example, flags: flag.NewFlagSet(name, flag.ContinueOnError)}
	c.flags.SetOutput(io.Discard)
	return c
}

// commands lists every command, in the order help shows them.
func commands() []*command {
	return slices.Concat(
		demoCommands(),
		nodeCommands(),
		directoryCommands(),
		catalogueCommands(),
		officeCommands(),
		calendarCommands(),
		accountCommands(),
		keyCommands(),
		bundleCommands(),
		relayCommands(),
		guardianCommands(),
		recoveryCommands(),
		benchCommands(),
		[]*command{versionCommand()},
	)
}

// dispatch finds the command of the longest matching name and runs it.
func dispatch(ctx context.Context, std stdio, args []string) error {
	all := commands()
	if len(args) == 0 || asksHelp(args[0]) {
		printOverview(std.out, all)
		if len(args) == 0 {
			return usagef("which command? See the list above, and motcua COMMAND --help")
		}
		return errHelp
	}
	c, rest := find(all, args)
	if group := groupOf(all, args[0]); c == nil && len(group) > 0 {
		printCommands(std.out, group)
		if asksHelp(args[len(args)-1]) {
			return errHelp
		}
		return usagef("no command %q; see the list above, and motcua COMMAND --help", strings.Join(args[:min(2, len(args))], " "))
	}
	if c == nil {
		return usagef("unknown command %q; motcua --help lists them", strings.Join(args[:min(2, len(args))], " "))
	}
	return c.invoke(ctx, std, rest)
}

func find(all []*command, args []string) (*command, []string) {
	var best *command
	words := 0
	for _, c := range all {
		w := strings.Fields(c.name)
		if len(w) > words && len(args) >= len(w) && slices.Equal(w, args[:len(w)]) {
			best, words = c, len(w)
		}
	}
	return best, args[words:]
}

// invoke parses flags wherever they stand among the arguments, and runs the command.
func (c *command) invoke(ctx context.Context, std stdio, args []string) error {
	var plain []string
	for len(args) > 0 {
		if err := c.flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				c.printHelp(std.out)
				return errHelp
			}
			return usagef("%s: %v; see motcua %s --help", c.name, err, c.name)
		}
		args = c.flags.Args()
		if len(args) > 0 {
			plain, args = append(plain, args[0]), args[1:]
		}
	}
	if c.args == "" && len(plain) > 0 {
		return usagef("%s takes no %q; see motcua %s --help", c.name, plain[0], c.name)
	}
	return c.run(ctx, std, plain)
}

func (c *command) printHelp(w io.Writer) {
	fmt.Fprintf(w, "motcua %s: %s\n\nUsage:\n  motcua %s [flags] %s\n", c.name, c.short, c.name, c.args)
	first := true
	c.flags.VisitAll(func(f *flag.Flag) {
		if first {
			fmt.Fprintln(w, "\nFlags:")
			first = false
		}
		kind, text := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  --%-18s %s", strings.TrimSpace(f.Name+" "+kind), text)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" {
			fmt.Fprintf(w, " (default %s)", f.DefValue)
		}
		fmt.Fprintln(w)
	})
	fmt.Fprintf(w, "\nExample:\n  %s\n", strings.ReplaceAll(c.example, "\n", "\n  "))
}

func printOverview(w io.Writer, all []*command) {
	fmt.Fprint(w, "motcua: the one-stop public-service system of a province, as a federation of offices\n\n")
	printCommands(w, all)
	fmt.Fprint(w, "\nTry it: motcua demo\nmotcua COMMAND --help explains one command, with an example.\n")
}

func printCommands(w io.Writer, cs []*command) {
	for _, c := range cs {
		fmt.Fprintf(w, "  motcua %-20s %s\n", c.name, c.short)
	}
}

func asksHelp(word string) bool { return word == "--help" || word == "-h" || word == "help" }

// groupOf are the commands whose name begins with a word.
func groupOf(all []*command, word string) (out []*command) {
	for _, c := range all {
		if strings.HasPrefix(c.name, word+" ") {
			out = append(out, c)
		}
	}
	return out
}

// printJSON writes v as one indented JSON value.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
