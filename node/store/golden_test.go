package store

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/directory"
)

// TestGoldenTables holds every key and value of one of each thing still.
func TestGoldenTables(t *testing.T) {
	s := open(t, t.TempDir())
	chain, p := name("chain"), parcelTo(t, "H32.2", 1)
	row := Row{
		Chain: chain, Kind: RowChild, Code: "H32.22327-261124-0001", Alias: "N4K7-Q2MX-8RTD", Parent: name("root"), Root: "H32.22327", Holder: "H32.568",
		Procedure: "1.004227", ProcVersion: 2, Applicant: "Nguyễn Văn An", Account: "acct", Status: "processing", Bucket: "today", Step: "appraise",
		Due: 1_795_500_000, Accepted: 1_795_400_000_000, Updated: 1_795_400_000_001, Terms: []string{"an"}, Extra: []byte{1}, Decided: 5, Returned: 6,
	}
	rec, rcpt := receiptFor(p)
	account := directory.Account{ID: "1", Login: "an", Kind: directory.Citizen, Name: "An", Verifier: "v", Version: 1}
	waits := account
	waits.ID, waits.Login = "2", "binh"
	fork := chainOf(t, chain, 1, "fork")
	var dump bytes.Buffer
	update(t, s, func(tx *Tx) error {
		_, errNumber := tx.NextNumber("H32.22327", "261124")
		_, errSettle := tx.Settle(rec, rcpt) // nothing yet to settle
		err := errors.Join(errNumber, errSettle,
			tx.Append(chain, digest.Digest{}, chainOf(t, chain, 2, "")), tx.PutRow(row), tx.PutOutgoing(p, chain, "request"),
			tx.PutReceipt(rec, rcpt), tx.PutSubmission(rec), tx.PutRequest(chain, []byte("r")),
			tx.PutLook(Look{Chain: chain, At: 1, Account: "acct", Name: "An", Role: "desk", Office: "H32.22327", Purpose: "work"}), tx.QueueTrack(directory.Track{Code: "H32-1", AsOf: 1}),
			tx.PutDraft(Draft{"d", "acct", 1, []byte("b")}), tx.SetOnce("token", "answer"), tx.PutAccount(account), tx.PutProvisional(waits),
			tx.HoldBlob(name("file"), "draft"), tx.Set("setting", []byte("value")))
		did, errFork := tx.PutCopy(chain, fork)
		if !did.Forked {
			t.Error("no fork")
		}
		for _, k := range tx.pending(nil, nil) {
			if table(k[0]) != tLog && table(k[0]) != tLogLeaf { // salted: see TestTheLogIsTheTreeOfTheStandard
				fmt.Fprintf(&dump, "%x = %x\n", k, tx.own.writes[k])
			}
		}
		_, errSettle = tx.Settle(rec, rcpt)
		for _, k := range []key{tOutgoing.of(p.ID()), tSettlement.of(p.ID())} {
			fmt.Fprintf(&dump, "settled %x = %x\n", k, tx.own.writes[string(k)])
		}
		return errors.Join(err, errFork, errSettle)
	})
	golden.Check(t, "tables", dump.Bytes())
}
