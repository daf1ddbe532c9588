package command_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
)

func text(s string) directory.Text { return directory.Text{VI: s} }

func procedure() directory.Procedure {
	return directory.Procedure{
		Code: "1.004873", Version: 1, Name: text("Cấp giấy"), Field: "civil_status", Level: "commune",
		Limit: directory.Limit{Amount: 3, Unit: directory.WorkingDay}, LegalBasis: []string{"Luật Hộ tịch"}, Decision: "QĐ 1",
		Result: text("Giấy"), Form: []byte(`{"type":"object"}`),
		Route: []directory.Step{
			{ID: "check", Name: text("Kiểm tra"), Kind: directory.StepCheck},
			{ID: "return", Name: text("Trả"), Kind: directory.StepReturn},
		},
	}
}

func account() directory.Account {
	return directory.Account{ID: "a1", Login: "an.nguyen", Kind: directory.Citizen, Name: "Nguyễn Văn An", Verifier: "$argon2id$"}
}

// commands are one of each kind.
func commands(t testing.TB) []command.Command {
	hash := digest.Of([]byte("token"))
	sign, err := edition.Sign(directorytest.Identity(10).Sign, 7, digest.Of([]byte("body")))
	if err != nil {
		t.Fatal(err)
	}
	node := directorytest.Identity(100).Public()
	return []command.Command{
		&command.Found{Genesis: directorytest.Genesis(3)},
		&command.Publish{
			Levels:  []directory.Level{{ID: "commune", Name: text("xã"), Rank: 1}},
			Offices: []directory.Office{{Code: "H32.22327", Level: "commune", Names: []directory.Named{{Text: text("UBND xã")}}}},
			Fields:  []directory.Field{{ID: "civil_status", Name: text("Hộ tịch")}},
			Calendar: &directory.Calendar{Version: 1, Sessions: []directory.Session{{From: 420, To: 690}}, Years: []directory.CalendarYear{
				{Year: 2026, Decision: "TB 1", Off: []directory.DayOff{{Date: "2026-09-02", Name: text("Quốc khánh")}}},
			}},
			Procedures: []directory.Procedure{procedure()},
		},
		&command.PutAccount{Account: account()},
		&command.RegisterAccount{Account: account(), From: "H32.22327"},
		&command.IssueToken{Hash: hash, Office: "H32.22327", Expires: 1_800_000_000},
		&command.Enrol{Hash: hash, Identity: node, Addr: "10.1.0.1:7400", Portal: "https://xa.example"},
		&command.Revoke{Office: "H32.22327", Key: node.ID(), Reason: "mất máy"},
		&command.Announce{Office: "H32.22327", Addr: "10.1.0.2:7400", Portal: "https://xa.example"},
		&command.Report{From: "H32.22327", Tracks: []directory.Track{{
			Code: "H32.22327-261124-0001", Alias: "N4K7-Q2MX-8RTD", Root: "H32.22327", Holder: "H32.574", State: "waiting",
			Due: 1_796_000_000, AsOf: 1_795_000_000_000, Applicant: "a1", Checks: []digest.Digest{hash},
		}}},
		&command.CutEdition{Number: 7},
		&command.CosignEdition{Number: 7, Member: "dir-1", Record: sign},
	}
}

func encoded(t testing.TB) (out []directorytest.Format) {
	for i, c := range commands(t) {
		b, err := command.Encode(command.RequestID{byte(i), 2, 3}, 1_795_000_000_000+int64(i), c)
		if err != nil {
			t.Fatalf("%s: %v", c.Kind(), err)
		}
		out = append(out, directorytest.Format{Name: fmt.Sprintf("kind-%d", c.Kind()), Bytes: b})
	}
	return out
}

func TestFormatsStayAndEveryKindHasOne(t *testing.T) {
	all := encoded(t)
	secret, err := command.Encode(command.RequestID{1}, 1_795_000_000_000, &command.Found{
		Genesis: directorytest.Genesis(1), Secret: bytes.Repeat([]byte{5}, command.SecretSize),
	})
	if err != nil {
		t.Fatal(err)
	}
	directorytest.Golden(t, append(slices.Clone(all), directorytest.Format{Name: "kind-1-secret", Bytes: secret}))
	for i, f := range all {
		if want := fmt.Sprintf("kind-%d", i+1); f.Name != want {
			t.Errorf("no golden bytes of %s", want)
		}
		e, c, err := command.Decode(f.Bytes)
		if err != nil || c.Kind() != e.Kind || c.Validate() != nil {
			t.Errorf("%s is not read back: %v", f.Name, err)
		}
	}
	if _, err := command.Open(command.Kind(len(all)+1), []byte{0xa0}); directory.CodeOf(err) != directory.Newer {
		t.Errorf("a kind beyond the last: %v, want newer", err)
	}
}

func TestALaterFormatStops(t *testing.T) {
	b, err := command.Seal(command.RequestID{1}, 1, command.KindCutEdition, []byte{0xa2, 1, 5, 2, 6}) // a key this version has not
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := command.Decode(b); directory.CodeOf(err) != directory.Newer {
		t.Errorf("a key of a later version: %v, want newer", err)
	}
	good := encoded(t)[9].Bytes
	later := slices.Clone(good)
	later[2] = 2 // the envelope's version
	if _, _, err := command.Decode(later); directory.CodeOf(err) != directory.Newer {
		t.Errorf("an envelope of a later version: %v, want newer", err)
	}
}

func TestALargePublicationIsSplitParentsFirst(t *testing.T) {
	all := &command.Publish{}
	for i := range 300 {
		p := procedure()
		p.Code = fmt.Sprintf("1.%06d", i)
		p.Form = []byte(fmt.Sprintf(`{"title":%q}`, strings.Repeat("x", 2000)))
		all.Procedures = append(all.Procedures, p)
	}
	for i := range 100 { // children before their parents
		o := directory.Office{Code: directory.OfficeCode(fmt.Sprintf("H32.%d", 1000+i)), Level: "commune", Names: []directory.Named{{Text: text("x")}}}
		if i < 99 {
			o.Parent = directory.OfficeCode(fmt.Sprintf("H32.%d", 1001+i))
		}
		all.Offices = append(all.Offices, o)
	}
	parts, err := all.Split()
	if err != nil || len(parts) < 3 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	seen, procedures := map[directory.OfficeCode]bool{"": true}, 0
	for _, p := range parts {
		if _, err := command.Body(p); err != nil {
			t.Errorf("a part does not fit: %v", err)
		}
		for _, o := range p.Offices {
			if !seen[o.Parent] {
				t.Errorf("%s comes before its parent", o.Code)
			}
			seen[o.Code] = true
		}
		procedures += len(p.Procedures)
	}
	if procedures != 300 || len(seen) != 101 {
		t.Errorf("%d procedures and %d offices came out", procedures, len(seen)-1)
	}
}

func TestWhatAStrangerChoosesIsBounded(t *testing.T) {
	long := string(make([]byte, 9000))
	tracks := make([]directory.Track, directory.MaxTrackBatch+1)
	staff := account()
	staff.Kind = directory.Staff
	big := account()
	big.Address = long
	slash := account()
	slash.ID = "a/b"
	for what, c := range map[string]command.Command{
		"too many tracks":      &command.Report{From: "H32.1", Tracks: tracks},
		"no tracks":            &command.Report{From: "H32.1"},
		"somebody as staff":    &command.RegisterAccount{From: "H32.1", Account: staff},
		"a large account":      &command.RegisterAccount{From: "H32.1", Account: big},
		"an id with a slash":   &command.RegisterAccount{From: "H32.1", Account: slash},
		"an address, no port":  &command.Announce{Office: "H32.1", Addr: "10.0.0.1"},
		"a portal that is not": &command.Announce{Office: "H32.1", Addr: "10.0.0.1:1", Portal: "javascript:alert(1)"},
		"a short secret":       &command.Found{Genesis: directorytest.Genesis(1), Secret: []byte{1}},
		"a long reason":        &command.Revoke{Office: "H32.1", Reason: long},
		"a batched signature":  &command.CosignEdition{Number: 1, Member: "dir-1"},
	} {
		if s, ok := c.(*command.CosignEdition); ok {
			s.Record.Path = make([]digest.Digest, 1)
		}
		if _, err := command.Body(c); directory.CodeOf(err) != directory.Invalid {
			t.Errorf("%s: %v, want invalid", what, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range encoded(f) {
		f.Add(e.Bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, c, err := command.Decode(b)
		if err != nil {
			return
		}
		_ = c.Validate()
		sent, err := command.Open(e.Kind, e.Body)
		if err != nil {
			return // nobody could have had it put into the log
		}
		body, err := command.Body(sent)
		if err != nil {
			return // it does not validate
		}
		if string(body) != string(e.Body) {
			t.Error("a command that is read is not written the same")
		}
	})
}
