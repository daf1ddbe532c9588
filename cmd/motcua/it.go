package main

import (
	"context"
	"fmt"
	"strings"

	"motcua/cmd/admin"
	"motcua/cmd/province"
	"motcua/directory"
	"motcua/directory/server"
	"motcua/node/session"
)

// adminCommands are the tools of province IT; each asks a running directory server.
func adminCommands() []*command {
	return []*command{cataloguePublishCommand(), officeTokenCommand(), accountAddCommand(), keyRevokeCommand()}
}

// directoryTool reaches the directory server of a folder.
func directoryTool(name, dir string) (*admin.Client, error) {
	if err := requireData(name, dir); err != nil {
		return nil, err
	}
	return admin.NewClient(dir)
}

const directoryFolder = "`folder` of a running directory server"

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

func officeTokenCommand() *command {
	c := newCommand("office token", "OFFICE", "issue a token with which one machine becomes an office's node, once", "motcua office token --data /var/lib/motcua/directory H32.22693")
	dir := c.flags.String("data", "", directoryFolder)
	hours := c.flags.Int("hours", 24, "how many `hours` the token is good")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("office token: name the office by its code, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		var t server.TokenAnswer
		q := server.TokenRequest{Office: directory.OfficeCode(args[0]), Hours: *hours}
		if err := tool.Post(ctx, "/token", q, &t); err != nil {
			return err
		}
		fmt.Fprintln(std.out, t.Token)
		fmt.Fprintf(std.err, "Good once, until %s. Whoever has it can become %s: hand it over like a key.\n",
			t.Expires.In(directory.Zone).Format("02/01/2006 15:04"), args[0])
		return nil
	}
	return c
}

func accountAddCommand() *command {
	c := newCommand("account add", "LOGIN", "make an account for a member of staff; its password is printed once",
		"motcua account add --data /var/lib/motcua/directory --office H32.22693 --role desk --name \"Nguyễn Thị Hoa\" hoa.dienan")
	dir := c.flags.String("data", "", directoryFolder)
	office := c.flags.String("office", "", "`code` of the office")
	roles := c.flags.String("role", "", "`roles`, separated by commas: desk, specialist, signatory, admin")
	name := c.flags.String("name", "", "`name` of the person")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 || *office == "" || *roles == "" || *name == "" {
			return usagef("account add: give --office, --role, --name and the login, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		grants, err := grantsOf(*office, *roles)
		if err != nil {
			return err
		}
		password := province.NewPassword()
		verifier, err := session.NewPasswords(1).Hash(ctx, password)
		if err != nil {
			return err
		}
		a := directory.Account{ID: province.NewAccountID(), Login: directory.NormalLogin(args[0]), Kind: directory.Staff, Name: *name, Grants: grants}
		if err := tool.Post(ctx, "/account", server.AccountRequest{Account: a, Verifier: verifier}, nil); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "%s\nThis password is shown once.\n", password)
		return nil
	}
	return c
}

func grantsOf(office, roles string) (out []directory.Grant, err error) {
	for _, r := range strings.Split(roles, ",") {
		switch role := directory.Role(strings.TrimSpace(r)); role {
		case directory.DeskOfficer, directory.Specialist, directory.Signatory, directory.Admin:
			out = append(out, directory.Grant{Office: directory.OfficeCode(office), Role: role})
		default:
			return nil, usagef("account add: unknown role %q; want desk, specialist, signatory or admin", r)
		}
	}
	return out, nil
}

func keyRevokeCommand() *command {
	c := newCommand("key revoke", "OFFICE", "stop trusting the key of an office's node", "motcua key revoke --data /var/lib/motcua/directory --reason \"máy bị mất\" H32.22693")
	dir := c.flags.String("data", "", directoryFolder)
	reason := c.flags.String("reason", "", "`why`; everyone can read it")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 || *reason == "" {
			return usagef("key revoke: give --reason and the office's code, as in: %s", c.example)
		}
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		q := server.RevokeRequest{Office: directory.OfficeCode(args[0]), Reason: *reason}
		if err := tool.Post(ctx, "/revoke", q, nil); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "The key of %s is trusted no longer, from now on and wherever the next edition comes. Enrol its new machine with motcua office token.\n", args[0])
		return nil
	}
	return c
}
