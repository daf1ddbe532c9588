// Package population makes the changes by which a province of a given size comes about: an office with its node, accounts,
// and tracks in reports as nodes send them. It is for measurements and tests. It is pure: the same size gives the same
// changes, about as large as those of people.
package population

import (
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/command"
)

// Office is the one office of the province.
const Office directory.OfficeCode = "H32.7"

// Size is how large the province is.
type Size struct {
	Accounts int // ids from AccountID(0) on
	Tracks   int // codes from Code(0) on
}

// AccountID is the id of an account by its number.
func AccountID(i int) directory.AccountID { return directory.AccountID(fmt.Sprintf("a%09d", i)) }

// Code is the dossier code of a track by its number.
func Code(i int) string { return fmt.Sprintf("%s-260601-%07d", Office, i) }

// Commands calls f with the changes in order, until f fails. The office's node has the identity; now is Unix
// milliseconds, of the tracks and for the enrolment.
func (s Size) Commands(g directory.Genesis, node identity.Public, now int64, f func(command.Command) error) error {
	token := digest.Of([]byte("population"))
	for _, c := range []command.Command{
		&command.Found{Genesis: g},
		&command.Publish{
			Levels:  []directory.Level{{ID: "commune", Name: directory.Text{VI: "xã"}, Rank: 3}},
			Offices: []directory.Office{{Code: Office, Level: "commune", Names: []directory.Named{{Text: directory.Text{VI: "UBND phường Lộc Thọ"}}}}},
		},
		&command.IssueToken{Hash: token, Office: Office, Expires: now/1000 + 3600},
		&command.Enrol{Hash: token, Identity: node, Addr: "127.0.0.1:7400"},
	} {
		if err := f(c); err != nil {
			return err
		}
	}
	for i := range s.Accounts {
		if err := f(&command.PutAccount{Account: account(i)}); err != nil {
			return err
		}
	}
	return s.reports(now, f)
}

func account(i int) directory.Account {
	return directory.Account{
		ID: AccountID(i), Login: fmt.Sprintf("%012d", i), Kind: directory.Citizen, Name: "Nguyễn Thị Minh Khai",
		Verifier: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b2dWRWJTmaaJObGRdescudvJCs",
	}
}

func (s Size) reports(now int64, f func(command.Command) error) error {
	for from := 0; from < s.Tracks; from += directory.MaxTrackBatch {
		r := &command.Report{From: Office}
		for i := from; i < min(s.Tracks, from+directory.MaxTrackBatch); i++ {
			r.Tracks = append(r.Tracks, s.track(i, now))
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

func (s Size) track(i int, now int64) directory.Track {
	t := directory.Track{Code: Code(i), Root: Office, Holder: Office, State: "processing", Due: now/1000 + 864_000, AsOf: now}
	if s.Accounts > 0 {
		t.Applicant = AccountID(i % s.Accounts)
	}
	t.Checks = []digest.Digest{directory.TrackCheck(t.Code, "0000")}
	return t
}
