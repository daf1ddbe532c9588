package client

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
)

// accountMessages are one of each message of accounts.
func accountMessages(t testing.TB) map[string][]byte {
	device := Device{Source: [16]byte{1, 2, 3}, Known: true}
	phone := "0905000001"
	body := marshal(t, &command.EditAccount{ID: "a1", By: command.By{Actor: directory.Actor{Account: "a1"}, Proof: "v"}, Profile: command.Profile{Phone: &phone}})
	return map[string][]byte{
		"entry":        marshal(t, Entry{SignIn{Login: "an.nguyen", Verifier: "v"}, device}),
		"entry-old":    marshal(t, Entry{SignIn: SignIn{Login: "an.nguyen", Verifier: "v"}}),
		"change":       marshal(t, AccountChange{command.KindEditAccount, body}),
		"reset":        marshal(t, Reset{Login: "an.nguyen", Code: "ABCD-EFGH-JKMN-PQRS", Verifier: "v"}),
		"history-wish": marshal(t, command.By{Actor: directory.Actor{Account: "a1"}, Proof: "v"}),
		"roster": marshal(t, Roster{
			Accounts: []directory.Account{{ID: "a1", Login: "an", Kind: directory.Staff, Name: "An", Verifier: "v", Version: 2}},
			Policy:   directory.FactorPolicy{Needs: []directory.FactorNeed{{Role: directory.Signatory, From: "2027-01-01"}}},
		}),
		"history": marshal(t, []directory.Change{{
			At: 1_795_000_000_000, Account: "a1", Version: 2, By: directory.Actor{Office: "H32.1", Account: "a1"}, Act: directory.ActRenamed,
			Was: "an", Is: "an.nguyen", Fields: []string{"phone"}, Grants: []directory.Grant{{Office: "H32.1", Role: directory.DeskOfficer}},
			Reason: "QĐ", Other: "a2", Delegation: "d",
		}}),
	}
}

func TestAccountMessagesStay(t *testing.T) {
	all := accountMessages(t)
	var b strings.Builder
	for _, name := range []string{"entry", "entry-old", "change", "reset", "history-wish", "roster", "history"} {
		fmt.Fprintf(&b, "%s %x\n", name, all[name])
	}
	golden.Check(t, "accounts", []byte(b.String()))
	golden.Check(t, "reset-device", marshal(t, Reset{"an.nguyen", "ABCD-EFGH-JKMN-PQRS", "v", Device{Source: [16]byte{1, 2, 3}}}))
}

// FuzzAccountMessages reads whatever comes as each message of accounts that a node may send.
func FuzzAccountMessages(f *testing.F) {
	for _, b := range accountMessages(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{new(Entry), new(AccountChange), new(Reset), new(command.By), new(Roster), new([]directory.Change), new(directory.Account)} {
			if wire.Unmarshal(b, v) != nil {
				continue
			}
			if again, err := wire.Marshal(v); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%T is not written as it was read: %v", v, err)
			}
		}
	})
}
