package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"motcua/cmd/admin"
	"motcua/directory"
	"motcua/directory/server"
)

// grantWords are a grant as it is typed.
type grantWords struct{ office, roles, fields, steps, from, to string }

// grantsOf reads a grant for each role.
func grantsOf(name string, w grantWords) (out []directory.Grant, err error) {
	for _, r := range words(w.roles) {
		g := directory.Grant{
			Office: directory.OfficeCode(w.office), Role: directory.Role(r), Fields: words(w.fields), Steps: words(w.steps),
			Valid: directory.Period{From: directory.Date(w.from), To: directory.Date(w.to)},
		}
		if err := g.Validate(); err != nil {
			return nil, usagef("%s: %v; roles are desk, specialist, signatory and admin", name, err)
		}
		out = append(out, g)
	}
	return out, nil
}

// words splits at commas.
func words(s string) (out []string) {
	for _, w := range strings.Split(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

func limitFlags(c *command) (fields, steps *string) {
	return c.flags.String("fields", "", "`ids` of the fields of work it is limited to, separated by commas; none: all"),
		c.flags.String("steps", "", "`steps` it is limited to: accept, check, decide, return, or PROCEDURE/STEP; none: all")
}

// grantFlags are the flags that name a grant.
func grantFlags(c *command) func() grantWords {
	office := c.flags.String("office", "", "`code` of the office")
	role := c.flags.String("role", "", "`role`: desk, specialist, signatory or admin")
	fields, steps := limitFlags(c)
	from, to := c.flags.String("from", "", "first `day`, yyyy-mm-dd"), c.flags.String("to", "", "last `day`, yyyy-mm-dd")
	return func() grantWords { return grantWords{*office, *role, *fields, *steps, *from, *to} }
}

func givenFlags(c *command) map[string]bool {
	given := map[string]bool{}
	c.flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	return given
}

func when(unix int64) string { return time.Unix(unix, 0).In(directory.Zone).Format("02/01/2006 15:04") }

// grantText says a grant in a line.
func grantText(g directory.Grant) string {
	s := fmt.Sprintf("%s at %s", g.Role, g.Office)
	for _, part := range []struct{ word, value string }{
		{"for", strings.Join(g.Fields, ", ")}, {"steps", strings.Join(g.Steps, ", ")}, {"from", string(g.Valid.From)}, {"to", string(g.Valid.To)},
	} {
		if part.value != "" {
			s += " " + part.word + " " + part.value
		}
	}
	return s
}

func grantsText(all []directory.Grant) (out []string) {
	for _, g := range all {
		out = append(out, grantText(g))
	}
	return out
}

func accountGrantCommand() *command {
	var read func() grantWords
	var reason *string
	c := accountTool("account grant", "WHO", "give a role in an office, for all its work or for some fields and steps",
		"motcua account grant --data /var/lib/motcua/directory --office H32.22693 --role signatory --fields land --steps decide nam.dienan", 1,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			grants, err := grantsOf("account grant", read())
			if err != nil || len(grants) == 0 {
				return firstError(err, func() error { return usagef("account grant: give --office and --role") })
			}
			return changeGrants(ctx, std, tool, server.GrantsRequest{Who: args[0], Add: grants, Reason: *reason})
		})
	read, reason = grantFlags(c), c.flags.String("reason", "", "`decision` or reason, for the history")
	return c
}

func changeGrants(ctx context.Context, std stdio, tool *admin.Client, q server.GrantsRequest) error {
	var a directory.Account
	if err := tool.Post(ctx, "/account/grants", q, &a); err != nil {
		return err
	}
	return printAccounts(std.out, []directory.Account{a})
}

func accountUngrantCommand() *command {
	var read func() grantWords
	var reason *string
	c := accountTool("account ungrant", "WHO", "take roles in an office away: all that the flags fit",
		"motcua account ungrant --data /var/lib/motcua/directory --office H32.22693 --role signatory nam.dienan", 1,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			w := read()
			if w.office == "" {
				return usagef("account ungrant: give --office")
			}
			a, err := getAccount(ctx, tool, args[0])
			if err != nil {
				return err
			}
			q := server.GrantsRequest{Who: args[0], Reason: *reason}
			for _, g := range a.Grants {
				if w.fit(g) {
					q.Remove = append(q.Remove, g)
				}
			}
			if len(q.Remove) == 0 {
				return fmt.Errorf("account ungrant: %s has no such grant; motcua account show lists them", args[0])
			}
			return changeGrants(ctx, std, tool, q)
		})
	read, reason = grantFlags(c), c.flags.String("reason", "", "`decision` or reason, for the history")
	return c
}

// fit tells whether a grant is among those that words name; what is not said fits.
func (w grantWords) fit(g directory.Grant) bool {
	fits := func(said, is string) bool { return said == "" || said == is }
	same := func(said string, is []string) bool { return said == "" || slices.Equal(words(said), is) }
	return fits(w.office, string(g.Office)) && (w.roles == "" || slices.Contains(words(w.roles), string(g.Role))) &&
		same(w.fields, g.Fields) && same(w.steps, g.Steps) && fits(w.from, string(g.Valid.From)) && fits(w.to, string(g.Valid.To))
}

func accountDelegateCommand() *command {
	var read func() grantWords
	var decision *string
	c := accountTool("account delegate", "FROM TO", "let somebody act for another of the same office, within a role of the other's own, for some days",
		"motcua account delegate --data /var/lib/motcua/directory --office H32.22693 --role signatory --from 2026-12-01 --to 2026-12-14 --decision \"QĐ 12/QĐ-UBND\" nam.dienan lan.dienan", 2,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			grants, err := grantsOf("account delegate", read())
			if err != nil || len(grants) != 1 || *decision == "" {
				return firstError(err, func() error {
					return usagef("account delegate: give --office, one --role, --from, --to and --decision")
				})
			}
			var a directory.Account
			q := server.DelegateRequest{From: args[0], To: args[1], Grant: grants[0], Decision: *decision}
			if err := tool.Post(ctx, "/account/delegate", q, &a); err != nil {
				return err
			}
			return printAccount(std.out, a, loginsOf(ctx, tool))
		})
	read, decision = grantFlags(c), c.flags.String("decision", "", "`number` of the decision, or the reason")
	return c
}

func accountUndelegateCommand() *command {
	var reason *string
	c := accountTool("account undelegate", "FROM DELEGATION", "end a delegation before its time; motcua account show has its id",
		"motcua account undelegate --data /var/lib/motcua/directory --reason \"đã đi làm lại\" nam.dienan 6f1c0a", 2,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			if *reason == "" {
				return usagef("account undelegate: give --reason")
			}
			var a directory.Account
			if err := tool.Post(ctx, "/account/delegate", server.DelegateRequest{From: args[0], ID: args[1], End: *reason}, &a); err != nil {
				return err
			}
			return printAccount(std.out, a, loginsOf(ctx, tool))
		})
	reason = c.flags.String("reason", "", "`why`")
	return c
}
