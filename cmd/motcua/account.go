package main

import (
	"context"
	"fmt"
	"strings"

	"motcua/cmd/province"
	"motcua/directory"
	"motcua/directory/server"
	"motcua/node/session"
)

// accountCommands are the tools of province IT for accounts.
func accountCommands() []*command { return []*command{accountAddCommand()} }

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
