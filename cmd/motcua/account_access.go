package main

import (
	"context"
	"fmt"
	"strings"

	"motcua/cmd/admin"
	"motcua/directory"
	"motcua/directory/server"
)

// accountCloseCommand disables an account, or enables one.
func accountCloseCommand(open bool) *command {
	name, short, said := "account disable", "let an account in no more, everywhere; its delegations end", "is disabled"
	if open {
		name, short, said = "account enable", "let a disabled account in again", "is enabled"
	}
	var reason *string
	c := accountTool(name, "WHO", short, "motcua "+name+" --data /var/lib/motcua/directory --reason \"QĐ 15/QĐ-UBND\" hoa.dienan", 1,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			if *reason == "" {
				return usagef("%s: give --reason", name)
			}
			var a directory.Account
			if err := tool.Post(ctx, "/account/close", server.CloseRequest{Who: args[0], Open: open, Reason: *reason}, &a); err != nil {
				return err
			}
			fmt.Fprintf(std.out, "%s %s. An office whose line is cut hears of it when the line is back.\n", a.Login, said)
			return nil
		})
	reason = c.flags.String("reason", "", "`why`; the person can read it")
	return c
}

func accountResetCommand() *command {
	var hours *int
	var asJSON *bool
	c := accountTool("account reset", "WHO", "issue a code with which the owner sets a new password, once",
		"motcua account reset --data /var/lib/motcua/directory --hours 4 hoa.dienan", 1,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			var a server.ResetAnswer
			if err := tool.Post(ctx, "/account/reset", server.ResetRequest{Who: args[0], Hours: *hours}, &a); err != nil {
				return err
			}
			if *asJSON {
				return printJSON(std.out, a)
			}
			fmt.Fprintln(std.out, a.Code)
			fmt.Fprintf(std.err, "For %s (%s), once, until %s. Be sure whom you give it to: whoever has it can sign in as them.\n",
				a.Account.Login, a.Account.Name, when(a.Expires.Unix()))
			return nil
		})
	hours = c.flags.Int("hours", 24, "how many `hours` the code is good, at most 72")
	asJSON = c.flags.Bool("json", false, "print JSON")
	return c
}

func accountMergeCommand() *command {
	var reason *string
	c := accountTool("account merge", "STAYS GOES", "make one of two accounts of the same person part of the other; this cannot be undone",
		"motcua account merge --data /var/lib/motcua/directory --reason \"công dân đăng ký hai lần\" an.nguyen an.nguyen2", 2,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			if *reason == "" {
				return usagef("account merge: give --reason")
			}
			var a directory.Account
			if err := tool.Post(ctx, "/account/merge", server.MergeRequest{Survivor: args[0], Merged: args[1], Reason: *reason}, &a); err != nil {
				return err
			}
			fmt.Fprintf(std.out, "%s stays, with the dossiers and the history of both. The other signs in no more.\n", a.Login)
			return nil
		})
	reason = c.flags.String("reason", "", "`why`; the person can read it")
	return c
}

func accountFactorListCommand() *command {
	var asJSON *bool
	c := accountTool("account factor list", "WHO", "list the second factors of an account",
		"motcua account factor list --data /var/lib/motcua/directory nam.dienan", 1,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			a, err := getAccount(ctx, tool, args[0])
			if err != nil || *asJSON {
				return firstError(err, func() error { return printJSON(std.out, a.Factors) })
			}
			for _, f := range a.Factors {
				fmt.Fprintf(std.out, "%s  %s  %s  %s\n", f.ID, f.Kind, when(f.Added), f.Label)
			}
			return nil
		})
	asJSON = c.flags.Bool("json", false, "print JSON")
	return c
}

func accountFactorRemoveCommand() *command {
	return accountTool("account factor remove", "WHO FACTOR", "take a lost second factor away; be sure who asks for it",
		"motcua account factor remove --data /var/lib/motcua/directory nam.dienan 6f1c0a", 2,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			var a directory.Account
			if err := tool.Post(ctx, "/account/factor/remove", server.FactorRequest{Who: args[0], Factor: args[1]}, &a); err != nil {
				return err
			}
			fmt.Fprintf(std.out, "%s has %d second factors left.\n", a.Login, len(a.Factors))
			return nil
		})
}

func accountFactorPolicyCommand() *command {
	var set *string
	var asJSON *bool
	c := accountTool("account factor policy", "", "show or set from which day on a role must have a second factor",
		"motcua account factor policy --data /var/lib/motcua/directory --set signatory=2027-01-01,admin=2027-01-01", 0,
		func(ctx context.Context, std stdio, tool *admin.Client, _ []string) (err error) {
			var p directory.FactorPolicy
			if *set == "" {
				err = tool.Get(ctx, "/account/policy", &p)
			} else if p, err = policyOf(*set); err == nil {
				err = tool.Post(ctx, "/account/policy", p, &p)
			}
			if err != nil || *asJSON {
				return firstError(err, func() error { return printJSON(std.out, p) })
			}
			for _, n := range p.Needs {
				fmt.Fprintf(std.out, "%s from %s\n", n.Role, n.From)
			}
			if len(p.Needs) == 0 {
				fmt.Fprintln(std.out, "Nobody must have a second factor.")
			}
			return nil
		})
	set = c.flags.String("set", "", "`role=day`, separated by commas, in place of what is; none: nobody must")
	asJSON = c.flags.Bool("json", false, "print JSON")
	return c
}

func policyOf(s string) (p directory.FactorPolicy, err error) {
	if s == "none" {
		return p, nil
	}
	for _, w := range words(s) {
		role, day, _ := strings.Cut(w, "=")
		p.Needs = append(p.Needs, directory.FactorNeed{Role: directory.Role(role), From: directory.Date(day)})
	}
	if err := p.Validate(); err != nil {
		return p, usagef("account factor policy: %v; as in: --set signatory=2027-01-01", err)
	}
	return p, nil
}
