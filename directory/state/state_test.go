package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/state"
)

// memory is a store in memory.
type memory map[string][]byte

func (m memory) Get(key string) ([]byte, error) { return m[key], nil }
func (m memory) Set(key string, value []byte)   { m[key] = value }
func (m memory) Delete(key string)              { delete(m, key) }
func (m memory) Scan(prefix string, f func(string, []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(k, prefix) {
			if err := f(k, m[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// tables are tables to which a test applies commands.
type tables struct {
	t *testing.T
	memory
	index uint64
	at    int64 // Unix seconds
	log   [][]byte
}

const (
	commune = directory.OfficeCode("H32.22327")
	other   = directory.OfficeCode("H32.22330")
	start   = 1_795_000_000
)

func text(s string) directory.Text { return directory.Text{VI: s} }

func office(c directory.OfficeCode) directory.Office {
	return directory.Office{Code: c, Level: "commune", Names: []directory.Named{{Text: text("UBND " + string(c))}}}
}

func procedure() directory.Procedure {
	return directory.Procedure{
		Code: "1.004873", Version: 1, Name: text("Cấp giấy"), Field: "civil", Level: "commune",
		Limit: directory.Limit{Amount: 3, Unit: directory.WorkingDay}, LegalBasis: []string{"Luật"}, Decision: "QĐ 1", Result: text("Giấy"),
		Form: []byte(`{}`), Route: []directory.Step{{ID: "return", Name: text("Trả"), Kind: directory.StepReturn}},
	}
}

func publication() *command.Publish {
	return &command.Publish{
		Levels:     []directory.Level{{ID: "commune", Name: text("xã"), Rank: 1}},
		Fields:     []directory.Field{{ID: "civil", Name: text("Hộ tịch")}},
		Offices:    []directory.Office{office(commune), office(other)},
		Calendar:   &directory.Calendar{Version: 1, Sessions: []directory.Session{{From: 420, To: 690}}},
		Procedures: []directory.Procedure{procedure()},
	}
}

// founded is a province that has its first publication.
func founded(t *testing.T) *tables {
	s := &tables{t: t, memory: memory{}, at: start}
	s.fine(&command.Found{Genesis: directorytest.Genesis(3)})
	s.fine(publication())
	return s
}

// enrolled has a node at each of the two offices besides.
func enrolled(t *testing.T) *tables {
	s := founded(t)
	s.enrol(commune, 100)
	s.enrol(other, 110)
	return s
}

func (s *tables) enrol(o directory.OfficeCode, id byte) {
	s.t.Helper()
	hash := digest.Of([]byte{id})
	s.fine(&command.IssueToken{Hash: hash, Office: o, Expires: s.at + 3600})
	s.fine(enrolment(hash, id))
}

func enrolment(hash digest.Digest, id byte) *command.Enrol {
	return &command.Enrol{Hash: hash, Identity: directorytest.Identity(id).Public(), Addr: fmt.Sprintf("10.1.0.%d:7400", id)}
}

// apply applies a command as a new request.
func (s *tables) apply(c command.Command) state.Result {
	s.t.Helper()
	return s.repeat(command.RequestID{byte(len(s.log)), byte(len(s.log) >> 8), 1, byte(len(s.log) >> 16)}, c)
}

func (s *tables) repeat(id command.RequestID, c command.Command) state.Result {
	s.t.Helper()
	b, err := command.Encode(id, s.at*1000, c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.log = append(s.log, b)
	s.index += 2 // Raft has entries of its own in between
	r, err := state.Apply(s, s.index, b)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *tables) fine(c command.Command) state.Result {
	s.t.Helper()
	r := s.apply(c)
	if r.Failure != nil {
		s.t.Fatal(r.Failure)
	}
	return r
}

// fails checks that a command is refused with a code and changes nothing but the memory of the answer.
func (s *tables) fails(code directory.Code, c command.Command) {
	s.t.Helper()
	before := s.content()
	if r := s.apply(c); directory.CodeOf(r.Err()) != code {
		s.t.Errorf("%s: %v, want %s", c.Kind(), r.Err(), code)
	}
	if !maps.Equal(before, s.content()) {
		s.t.Errorf("%s was refused and has changed the tables", c.Kind())
	}
}

// content is every row but the memory of answers.
func (s *tables) content() map[string]string {
	out := map[string]string{}
	for k, v := range s.memory {
		memory := k == "meta/answers" || strings.HasPrefix(k, "request/") || strings.HasPrefix(k, "recent/") || strings.HasPrefix(k, "answer/")
		if !memory {
			out[k] = string(v)
		}
	}
	return out
}

func value[T any](t *testing.T, r state.Result) (v T) {
	t.Helper()
	if err := wire.Unmarshal(r.Value, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func citizen(id, login string) directory.Account {
	return directory.Account{ID: directory.AccountID(id), Login: login, Kind: directory.Citizen, Name: "An", Verifier: "v"}
}

func TestAProvinceIsFoundedOnce(t *testing.T) {
	s := &tables{t: t, memory: memory{}, at: start}
	s.fails(directory.NotFound, publication())
	s.fine(&command.Found{Genesis: directorytest.Genesis(3)})
	s.fine(&command.Found{Genesis: directorytest.Genesis(3)})
	s.fails(directory.Conflict, &command.Found{Genesis: directorytest.Genesis(1)})
}

func TestTheServersKeepTheirFirstSecret(t *testing.T) {
	s := founded(t)
	secret := func(n byte) *command.Found {
		return &command.Found{Genesis: directorytest.Genesis(3), Secret: bytes.Repeat([]byte{n}, command.SecretSize)}
	}
	s.fails(directory.Conflict, &command.Found{Genesis: directorytest.Genesis(1), Secret: secret(3).Secret})
	s.fine(secret(1)) // a province that was founded without one
	s.fine(secret(2))
	s.fine(&command.Found{Genesis: directorytest.Genesis(3)})
	if b, err := state.Secret(s); err != nil || !bytes.Equal(b, secret(1).Secret) {
		t.Errorf("the secret is %x, %v", b, err)
	}
}

func TestPublicationKeepsHistory(t *testing.T) {
	s := founded(t)
	if p := value[state.Published](t, s.fine(publication())); p.Changed != 0 {
		t.Errorf("the same publication changed %d rows", p.Changed)
	}
	p := procedure()
	p.Name = text("Đổi")
	s.fails(directory.Conflict, &command.Publish{Procedures: []directory.Procedure{p}})
	p.Version = 2
	s.fine(&command.Publish{Procedures: []directory.Procedure{p}})
	renamed := office(commune)
	renamed.Names = []directory.Named{{Text: text("UBND phường mới")}}
	s.fails(directory.Conflict, &command.Publish{Offices: []directory.Office{renamed}})
	renamed = office(commune)
	renamed.Names[0].Valid.To = "2026-12-31"
	renamed.Names = append(renamed.Names, directory.Named{Text: text("UBND phường mới"), Valid: directory.Period{From: "2027-01-01"}})
	s.fine(&command.Publish{Offices: []directory.Office{renamed}})
	cal := *publication().Calendar
	cal.Sessions = []directory.Session{{From: 480, To: 720}}
	s.fails(directory.Conflict, &command.Publish{Calendar: &cal})
	cal.Version = 2
	s.fine(&command.Publish{Calendar: &cal})
}

func TestPublicationRefersToWhatThereIs(t *testing.T) {
	s := founded(t)
	foreign, orphan, levelless := office("H99.1"), office("H32.9"), office("H32.9")
	orphan.Parent, levelless.Level = "H32.8", "canton"
	field, level, place, step := procedure(), procedure(), procedure(), procedure()
	for i, p := range []*directory.Procedure{&field, &level, &place, &step} {
		p.Code = fmt.Sprintf("2.00000%d", i)
	}
	field.Field, level.Level, place.Office = "none", "canton", "H32.8"
	step.Route = []directory.Step{
		{ID: "a", Name: text("A"), Kind: directory.StepCheck}, {ID: "b", Name: text("B"), Kind: directory.StepCheck, Level: "canton"}, step.Route[0],
	}
	for _, o := range []directory.Office{foreign, orphan, levelless} {
		s.fails(directory.Invalid, &command.Publish{Offices: []directory.Office{o}})
	}
	for _, p := range []directory.Procedure{field, level, place, step} {
		s.fails(directory.Invalid, &command.Publish{Procedures: []directory.Procedure{p}})
	}
	child, parent := office("H32.9"), office("H32.8")
	child.Parent = parent.Code
	s.fine(&command.Publish{Offices: []directory.Office{child, parent}})
}

func TestAccounts(t *testing.T) {
	s := enrolled(t)
	register := func(a directory.Account) *command.RegisterAccount {
		return &command.RegisterAccount{From: commune, Account: a}
	}
	s.fine(register(citizen("a", "an.nguyen")))
	s.fine(register(citizen("a", "an.nguyen")))
	changed := citizen("a", "an.nguyen")
	changed.Verifier = "another"
	s.fails(directory.Conflict, register(changed))
	s.fails(directory.Conflict, register(citizen("b", "an.nguyen")))
	s.fails(directory.Conflict, &command.PutAccount{Account: citizen("b", "an.nguyen")})
	staff := citizen("s", "officer")
	staff.Kind, staff.Grants = directory.Staff, []directory.Grant{{Office: commune, Role: directory.DeskOfficer}}
	s.fine(&command.PutAccount{Account: staff})
	if all, err := state.StaffOf(s, commune); err != nil || len(all) != 1 || all[0].Version != 1 {
		t.Errorf("staff: %+v, %v", all, err)
	}
	staff.Login, staff.Grants[0].Office = "officer.2", other
	if a := value[directory.Account](t, s.fine(&command.PutAccount{Account: staff})); a.Version != 2 {
		t.Errorf("changed account has version %d", a.Version)
	}
	if all, err := state.StaffOf(s, commune); err != nil || len(all) != 1 || all[0].Version != 2 || all[0].Serves(commune) {
		t.Errorf("the office that was left is not told: %+v, %v", all, err)
	}
	if _, ok, err := state.AccountByLogin(s, "officer"); ok || err != nil {
		t.Errorf("the old login still works: %v", err)
	}
	if a, ok, err := state.AccountByLogin(s, " OFFICER.2 "); !ok || err != nil || a.ID != "s" {
		t.Errorf("the new login: %+v, %v", a, err)
	}
	s.fine(register(citizen("c", "officer"))) // a login given up is free
}

func TestTracksBelongToTheirRoot(t *testing.T) {
	s := enrolled(t)
	report := func(from directory.OfficeCode, n directory.Track) state.Reported {
		t.Helper()
		return value[state.Reported](t, s.fine(&command.Report{From: from, Tracks: []directory.Track{n}}))
	}
	kept := func(what string, want uint32, r state.Reported) {
		t.Helper()
		if r.Kept != want || len(r.Refused) != int(1-want) {
			t.Errorf("%s: %+v", what, r)
		}
	}
	sub := directory.Track{Code: "N4K7-Q2MX-8RTD", Holder: commune, State: "submitted", AsOf: 10, Applicant: "a"}
	kept("a portal reports a submission", 1, report(other, sub))
	dossier := directory.Track{Code: "H32.22327-261124-0001", Alias: sub.Code, Root: commune, Holder: commune, State: "accepted", AsOf: 20}
	kept("another office claims the root", 0, report(other, dossier))
	refused := sub
	refused.Root, refused.State, refused.AsOf = commune, "refused", 11
	kept("another office refuses in the root's name", 0, report(other, refused))
	forged := dossier
	forged.Root = other
	kept("another office takes its code", 0, report(other, forged))
	kept("the root accepts", 1, report(commune, dossier))
	kept("the portal comes late", 0, report(other, sub))
	second := dossier
	second.Code = "H32.22327-261124-0002"
	kept("one submission, two dossiers", 0, report(commune, second))
	turned := directory.Track{Code: "AAAA-BBBB-CCCC", Root: commune, Holder: commune, State: "refused", AsOf: 10}
	kept("the office refuses a submission", 1, report(commune, turned))
	late := turned
	late.Root, late.AsOf = "", 11
	kept("its portal comes late", 0, report(other, late))
	late.Root = other
	kept("another office takes it", 0, report(other, late))
	older := dossier
	older.State, older.AsOf = "old", 19
	report(commune, older)
	got, ok, err := state.TrackOf(s, sub.Code)
	if err != nil || !ok || got.Code != dossier.Code || got.State != "accepted" {
		t.Errorf("by the submission's code: %+v, %v", got, err)
	}
	newer := dossier
	newer.State, newer.AsOf, newer.Applicant = "returned", 30, "a"
	report(commune, newer)
	if mine, err := state.TracksOf(s, "a"); err != nil || len(mine) != 1 || mine[0].State != "returned" {
		t.Errorf("tracks of the applicant: %+v, %v", mine, err)
	}
}

func TestARepeatedRequestHasOneEffectAndOneAnswer(t *testing.T) {
	s := enrolled(t)
	id := command.RequestID{0xff, 1}
	put := &command.PutAccount{Account: citizen("a", "an.nguyen")}
	first := s.repeat(id, put)
	s.at += 5
	second := s.repeat(id, put)
	if first.Index != second.Index || string(first.Value) != string(second.Value) {
		t.Errorf("one request, two answers: %+v, %+v", first, second)
	}
	failed := s.repeat(command.RequestID{0xff, 2}, &command.CutEdition{Number: 99})
	if again := s.repeat(command.RequestID{0xff, 2}, &command.CutEdition{Number: 99}); again.Index != failed.Index || again.Err() == nil {
		t.Errorf("a failure is not remembered: %+v", again)
	}
	s.index += state.Window
	if third := s.repeat(id, put); third.Index == first.Index {
		t.Error("an answer is remembered beyond its window, which servers might not agree on")
	}
}

func TestEditionsAreCutSignedAndRead(t *testing.T) {
	s := enrolled(t)
	s.fails(directory.Conflict, &command.CutEdition{Number: 2})
	s.fine(&command.CutEdition{Number: 1})
	s.fails(directory.Conflict, &command.CutEdition{Number: 2}) // nothing has changed
	h, _, err := state.Due(s)
	if err != nil {
		t.Fatal(err)
	}
	cosign := func(n byte, by byte, number uint64) *command.CosignEdition {
		r, err := edition.Sign(directorytest.Identity(10*by).Sign, number, h.Digest)
		if err != nil {
			t.Fatal(err)
		}
		return &command.CosignEdition{Number: 1, Member: fmt.Sprintf("dir-%d", n), Record: r}
	}
	s.fails(directory.NotFound, cosign(4, 1, 1))
	s.fails(directory.Invalid, cosign(1, 2, 1))
	s.fails(directory.Invalid, cosign(1, 1, 2))
	s.fine(cosign(1, 1, 1))
	if done, _ := state.Complete(s); done.Number != 0 {
		t.Error("one of three is taken for a majority")
	}
	s.fine(cosign(1, 1, 1))
	if done, _ := state.Complete(s); done.Number != 0 {
		t.Error("one member is counted twice")
	}
	s.fine(cosign(3, 3, 1))
	if done, _ := state.Complete(s); done.Number != 1 {
		t.Error("two of three are no majority")
	}
	signed, ok, err := state.SignedEdition(s, 1)
	if err != nil || !ok {
		t.Fatal(err)
	}
	g := directorytest.Genesis(3)
	e, err := signed.Verify(edition.Trust{Genesis: g.Digest(), Members: g.Members})
	if err != nil || len(e.Offices) != 2 || len(e.Nodes) != 2 || len(e.Procedures) != 1 || e.Calendar == nil || e.Index != h.Index {
		t.Errorf("edition: %+v, %v", e, err)
	}
}

func TestOldEditionsGiveWayAndAreNotMixedUp(t *testing.T) {
	s := founded(t)
	for i := uint64(1); i <= 6; i++ {
		p := procedure()
		p.Version = uint32(i + 1)
		p.Form = []byte(fmt.Sprintf(`{"title":%q}`, strings.Repeat("x", int(20000*(7-i)))[:min(60000, 20000*(7-int(i)))]))
		s.fine(&command.Publish{Procedures: []directory.Procedure{p}})
		s.fine(&command.CutEdition{Number: i})
		h, _, err := state.Due(s)
		if err != nil || i > 2 {
			continue
		}
		r, err := edition.Sign(directorytest.Identity(10).Sign, i, h.Digest)
		if err != nil {
			t.Fatal(err)
		}
		s.fine(&command.CosignEdition{Number: i, Member: "dir-1", Record: r})
	}
	for i := uint64(1); i <= 6; i++ {
		signed, ok, err := state.SignedEdition(s, i)
		if err != nil || ok != (i > 2) {
			t.Errorf("edition %d: kept %v, %v", i, ok, err)
		}
		if ok && len(signed.Cosignatures) != 0 {
			t.Errorf("edition %d carries signatures of another", i)
		}
	}
}

func TestTheSameLogMakesTheSameTables(t *testing.T) {
	a := enrolled(t)
	a.fine(&command.CutEdition{Number: 1})
	b := &tables{t: t, memory: memory{}}
	for i, entry := range a.log {
		if _, err := state.Apply(b, uint64(2*(i+1)), entry); err != nil {
			t.Fatal(err)
		}
	}
	if !maps.EqualFunc(a.memory, b.memory, slices.Equal) {
		t.Error("one log, two tables")
	}
}

func TestAnUnreadableEntryStops(t *testing.T) {
	s := founded(t)
	b, err := command.Seal(command.RequestID{9}, 1, 999, []byte{0xa0})
	if err != nil {
		t.Fatal(err)
	}
	before := maps.Clone(s.memory)
	if _, err := state.Apply(s, s.index+1, b); directory.CodeOf(err) != directory.Newer {
		t.Errorf("a command of a later version: %v, want an error with the code newer", err)
	}
	if !maps.EqualFunc(before, s.memory, slices.Equal) {
		t.Error("it has changed the tables")
	}
}

// failing is a disk that fails.
type failing struct{ memory }

var errDisk = errors.New("disk")

func (failing) Get(string) ([]byte, error) { return nil, errDisk }

func TestADiskThatFailsIsNoAnswer(t *testing.T) {
	s := founded(t)
	for _, b := range s.log {
		if _, err := state.Apply(failing{s.memory}, 1000, b); !errors.Is(err, errDisk) {
			t.Errorf("a failing disk: %v", err)
		}
	}
}
