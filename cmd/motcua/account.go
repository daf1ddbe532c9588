package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"motcua/cmd/admin"
	"motcua/cmd/province"
	"motcua/directory"
	dircommand "motcua/directory/command"
	"motcua/directory/server"
	"motcua/node/session"
)

// accountCommands are the tools of province IT for accounts. An account is named by its login, its id, or a citizen's identity
// number.
func accountCommands() []*command {
	return []*command{
		accountAddCommand(), accountListCommand(), accountShowCommand(), accountEditCommand(), accountRenameCommand(), accountHistoryCommand(),
		accountGrantCommand(), accountUngrantCommand(), accountDelegateCommand(), accountUndelegateCommand(),
		accountCloseCommand(false), accountCloseCommand(true), accountResetCommand(), accountMergeCommand(),
		accountFactorListCommand(), accountFactorRemoveCommand(), accountFactorPolicyCommand(),
	}
}

// accountTool is a command on accounts: want arguments, and a tool that asks the directory server.
func accountTool(name, args, short, example string, want int, run func(ctx context.Context, std stdio, tool *admin.Client, args []string) error) *command {
	c := newCommand(name, args, short, example)
	dir := c.flags.String("data", "", directoryFolder)
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != want {
			return usagef("%s: want %s, as in: %s", c.name, c.args, c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		return run(ctx, std, tool, args)
	}
	return c
}

func accountAddCommand() *command {
	var office, roles, name, fields, steps *string
	c := accountTool("account add", "LOGIN", "make an account for a member of staff; its first password is printed once",
		"motcua account add --data /var/lib/motcua/directory --office H32.22693 --role desk --name \"Nguyễn Thị Hoa\" hoa.dienan", 1,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			if *office == "" || *roles == "" || *name == "" {
				return usagef("account add: give --office, --role, --name and the login; motcua account add --help has an example")
			}
			grants, err := grantsOf("account add", grantWords{*office, *roles, *fields, *steps, "", ""})
			if err != nil {
				return err
			}
			return addAccount(ctx, std, tool, directory.Account{Login: args[0], Name: *name, Grants: grants})
		})
	office = c.flags.String("office", "", "`code` of the office")
	roles = c.flags.String("role", "", "`roles`, separated by commas: desk, specialist, signatory, admin")
	name = c.flags.String("name", "", "`name` of the person")
	fields, steps = limitFlags(c)
	return c
}

func addAccount(ctx context.Context, std stdio, tool *admin.Client, a directory.Account) error {
	password := province.NewPassword()
	verifier, err := session.NewPasswords(1).Hash(ctx, password)
	if err != nil {
		return err
	}
	a.ID, a.Login, a.Kind, a.MustChange = province.NewAccountID(), directory.NormalLogin(a.Login), directory.Staff, true
	if err := tool.Post(ctx, "/account", server.AccountRequest{Account: a, Verifier: verifier}, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s\nThis password is shown once; its owner chooses another at the first sign-in.\n", password)
	return nil
}

func accountListCommand() *command {
	var office, since *string
	var twins, resets, asJSON *bool
	c := accountTool("account list", "", "list the staff of an office, accounts of one identity number that should be merged, or reset codes given to citizens",
		"motcua account list --data /var/lib/motcua/directory --office H32.22693 --json", 0,
		func(ctx context.Context, std stdio, tool *admin.Client, _ []string) error {
			path, err := accountsPath(*office, *since, *twins, *resets)
			if err != nil {
				return err
			}
			var list server.AccountList
			if err := tool.Get(ctx, path, &list); err != nil {
				return err
			}
			if *asJSON {
				return printJSON(std.out, list)
			}
			for _, t := range list.Twins {
				fmt.Fprintf(std.out, "%s  has the identity number of  %s\n", t.ID, t.Other)
			}
			return firstError(printResets(std, list.Resets, loginsOf(ctx, tool)), func() error { return printAccounts(std.out, list.Accounts) })
		})
	office = c.flags.String("office", "", "`code` of the office")
	twins = c.flags.Bool("twins", false, "accounts whose identity number another has, from before one number was one account")
	resets = c.flags.Bool("resets", false, "reset codes that offices issued to citizens at their desks, newest first; with --office, those of one office")
	since = c.flags.String("since", "", "with --resets, the first `day`, as in 2026-11-01; without, thirty days ago")
	asJSON = c.flags.Bool("json", false, "print JSON")
	return c
}

// accountsPath is what account list asks for.
func accountsPath(office, since string, twins, resets bool) (string, error) {
	switch {
	case twins && resets || since != "" && !resets || !resets && (office == "") == !twins:
		return "", usagef("account list: give --office, --twins, or --resets, which may have --office and --since")
	case twins:
		return "/accounts?twins=1", nil
	case !resets:
		return "/accounts?office=" + url.QueryEscape(office), nil
	case since == "":
		since = string(directory.DateOf(time.Now().AddDate(0, 0, -30)))
	}
	if err := directory.Date(since).Validate(); err != nil {
		return "", usagef("account list: --since: %v", err)
	}
	return "/accounts?resets=1&office=" + url.QueryEscape(office) + "&since=" + since, nil
}

func printResets(std stdio, all []directory.DeskReset, login logins) error {
	t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, r := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\tby %s\n", when(r.At/1000), r.Office, login(r.Account), login(r.By))
	}
	if len(all) >= directory.MaxHistory {
		fmt.Fprintf(std.err, "These are the newest %d: name an office, or a later day.\n", len(all))
	}
	return t.Flush()
}

func printAccounts(w io.Writer, all []directory.Account) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, a := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", a.Login, a.Name, standing(a), strings.Join(grantsText(a.Grants), "; "))
	}
	return t.Flush()
}

// standing says in a word how an account stands.
func standing(a directory.Account) string {
	switch {
	case a.Merged != "":
		return "merged"
	case a.Disabled:
		return "disabled"
	case len(a.Grants) == 0 && a.Kind == directory.Staff:
		return "no role"
	case a.MustChange:
		return "first password"
	case a.SecondFactor():
		return "second factor"
	}
	return "active"
}

func accountShowCommand() *command {
	var asJSON *bool
	c := accountTool("account show", "WHO", "show an account, by login, id or identity number",
		"motcua account show --data /var/lib/motcua/directory --json hoa.dienan", 1,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			a, err := getAccount(ctx, tool, args[0])
			if err != nil || *asJSON {
				return firstError(err, func() error { return printJSON(std.out, a) })
			}
			return printAccount(std.out, a, loginsOf(ctx, tool))
		})
	asJSON = c.flags.Bool("json", false, "print JSON")
	return c
}

func firstError(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

func getAccount(ctx context.Context, tool *admin.Client, who string) (a directory.Account, err error) {
	err = tool.Get(ctx, "/account?who="+url.QueryEscape(who), &a)
	return a, err
}

// logins says an account by its login.
type logins func(directory.AccountID) string

// loginsOf asks for each account once. One that cannot be had is said by its id.
func loginsOf(ctx context.Context, tool *admin.Client) logins {
	known := map[directory.AccountID]string{"": ""}
	return func(id directory.AccountID) string {
		if _, ok := known[id]; !ok {
			known[id] = string(id)
			if a, err := getAccount(ctx, tool, string(id)); err == nil {
				known[id] = a.Login
			}
		}
		return known[id]
	}
}

func printAccount(w io.Writer, a directory.Account, login logins) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "id\t%s\nlogin\t%s\nname\t%s\nkind\t%s\nstanding\t%s\n", a.ID, a.Login, a.Name, a.Kind, standing(a))
	for _, f := range [][2]string{{"identity", a.Identity}, {"phone", a.Phone}, {"email", a.Email}, {"address", a.Address}, {"merged into", login(a.Merged)}} {
		if f[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", f[0], f[1])
		}
	}
	if a.Closed != nil {
		fmt.Fprintf(t, "disabled\t%s, %s\n", when(a.Closed.At), a.Closed.Reason)
	}
	for _, g := range grantsText(a.Grants) {
		fmt.Fprintf(t, "grant\t%s\n", g)
	}
	for _, d := range a.Given {
		fmt.Fprintf(t, "delegates\t%s  to %s: %s (%s)\n", d.ID, login(d.To), grantText(d.Grant), d.Decision)
	}
	for _, d := range a.Acting {
		fmt.Fprintf(t, "acts\t%s  for %s: %s (%s)\n", d.ID, login(d.From), grantText(d.Grant), d.Decision)
	}
	for _, f := range a.Factors {
		fmt.Fprintf(t, "factor\t%s  %s %s, since %s\n", f.ID, f.Kind, f.Label, when(f.Added))
	}
	return t.Flush()
}

func accountEditCommand() *command {
	var name, identity, phone, email, address *string
	c := newCommand("account edit", "WHO", "change the particulars of an account; an empty value takes one away",
		"motcua account edit --data /var/lib/motcua/directory --phone 0905123456 hoa.dienan")
	dir := c.flags.String("data", "", directoryFolder)
	name, identity = c.flags.String("name", "", "`name` of the person"), c.flags.String("identity", "", "identity `number` or tax code")
	phone, email = c.flags.String("phone", "", "telephone `number`"), c.flags.String("email", "", "e-mail `address`")
	address = c.flags.String("address", "", "postal `address`")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		given := givenFlags(c)
		part := func(flag string, v *string) *string {
			if given[flag] {
				return v
			}
			return nil
		}
		p := dircommand.Profile{
			Name: part("name", name), Identity: part("identity", identity), Phone: part("phone", phone),
			Email: part("email", email), Address: part("address", address),
		}
		if len(args) != 1 || p == (dircommand.Profile{}) {
			return usagef("account edit: name the account and what to change, as in: %s", c.example)
		}
		return editAccount(ctx, std, c, *dir, args[0], p)
	}
	return c
}

func editAccount(ctx context.Context, std stdio, c *command, dir, who string, p dircommand.Profile) error {
	tool, err := directoryTool(c.name, dir)
	if err != nil {
		return err
	}
	var a directory.Account
	if err := tool.Post(ctx, "/account/edit", server.EditRequest{Who: who, Profile: p}, &a); err != nil {
		return err
	}
	return printAccount(std.out, a, loginsOf(ctx, tool))
}

func accountRenameCommand() *command {
	return accountTool("account rename", "WHO LOGIN", "give an account another login; the old one is kept from others for a year",
		"motcua account rename --data /var/lib/motcua/directory hoa.dienan hoa.nguyen", 2,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			var a directory.Account
			q := server.EditRequest{Who: args[0], Profile: dircommand.Profile{Login: &args[1]}}
			if err := tool.Post(ctx, "/account/edit", q, &a); err != nil {
				return err
			}
			fmt.Fprintf(std.out, "The account signs in as %s from now on.\n", a.Login)
			return nil
		})
}

func accountHistoryCommand() *command {
	var asJSON *bool
	c := accountTool("account history", "WHO", "show who changed what of an account, and when, newest first",
		"motcua account history --data /var/lib/motcua/directory hoa.dienan", 1,
		func(ctx context.Context, std stdio, tool *admin.Client, args []string) error {
			var lines []directory.Change
			if err := tool.Get(ctx, "/account/history?who="+url.QueryEscape(args[0]), &lines); err != nil {
				return err
			}
			if *asJSON {
				return printJSON(std.out, lines)
			}
			return printHistory(std.out, lines, loginsOf(ctx, tool))
		})
	asJSON = c.flags.Bool("json", false, "print JSON")
	return c
}

func printHistory(w io.Writer, lines []directory.Change, login logins) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		by := "province IT"
		if !l.By.Province() {
			by = strings.TrimSpace(fmt.Sprintf("%s %s", l.By.Office, login(l.By.Account)))
		}
		var what []string
		for _, s := range [][2]string{
			{l.Was, "from " + l.Was}, {l.Is, "to " + l.Is}, {strings.Join(l.Fields, ""), strings.Join(l.Fields, ", ")},
			{string(l.Other), "with " + login(l.Other)}, {l.Reason, l.Reason},
		} {
			if s[0] != "" {
				what = append(what, s[1])
			}
		}
		what = append(what, grantsText(l.Grants)...)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", when(l.At/1000), l.Act, by, strings.Join(what, "; "))
	}
	return t.Flush()
}
