package text

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"motcua/directory"
	"motcua/node/calendar"
	"motcua/node/dossier"
	"motcua/node/session"
	"motcua/replication"
)

var verb = regexp.MustCompile(`%[0-9]*[a-z]`)

// TestBothLanguages holds that every message has both languages, in NFC, with the same verbs.
func TestBothLanguages(t *testing.T) {
	seen := map[string]bool{}
	for _, table := range tables() {
		for key, p := range table {
			for _, fault := range faults(p) {
				t.Errorf("%s: %s", key, fault)
			}
			if seen[key] {
				t.Errorf("%s stands in two tables", key)
			}
			seen[key] = true
		}
	}
	for want, p := range map[string]phrase{
		"missing": {"Xin chào", ""}, "verbs": {"%s ngày", "days"}, "NFC": {"Đa\u0306ng", "x"}, "plural": {"%s ngày", "%s day|days"}, "space": {"Xin chào ", "Hello"},
	} {
		if got := strings.Join(faults(p), ";"); !strings.Contains(got, want) {
			t.Errorf("a phrase with fault %q passes as %q", want, got)
		}
	}
}

func faults(p phrase) (out []string) {
	if p.vi == "" || p.en == "" {
		return []string{"a language is missing"}
	}
	if !norm.NFC.IsNormalString(p.vi) {
		out = append(out, "not NFC")
	}
	if strings.TrimSpace(p.vi) != p.vi || strings.TrimSpace(p.en) != p.en {
		out = append(out, "space at an end")
	}
	want := verb.FindAllString(p.vi, -1)
	forms := strings.Split(p.en, "|")
	for _, form := range forms {
		if !slices.Equal(kinds(want), kinds(verb.FindAllString(form, -1))) {
			fault := "verbs differ"
			if len(forms) > 1 {
				fault = "plural: verbs differ"
			}
			out = append(out, fault)
		}
	}
	return out
}

// kinds drops widths: 09 and 9 are the same argument.
func kinds(verbs []string) (out []string) {
	for _, v := range verbs {
		out = append(out, v[len(v)-1:])
	}
	return out
}

// keyUse finds the keys that templates name.
var keyUse = regexp.MustCompile(`\b(?:t|n|vi) "([a-z0-9_.]+)"`)

// TestKeys holds that templates and Go files of node ask only for keys that are here, and that no key is left over. Keys
// that are put together at run time begin with a prefix listed here.
func TestKeys(t *testing.T) {
	made := []string{"weekday.", "limit.", "state.", "act.", "role.", "subject.", "method.", "notice.", "problem.", "parcel.", "outcome.", "look.", "history.", "grant.", "account.kind.", "fault.file_empty", "fault.no_role"}
	used := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return scan(path, used)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(used) < 100 {
		t.Fatalf("found only %d keys in use", len(used))
	}
	for key := range used {
		if _, ok := lookup(key); !ok {
			t.Errorf("%q is asked for and not in the table", key)
		}
	}
	for _, table := range tables() {
		for key := range table {
			isMade := slices.ContainsFunc(made, func(p string) bool { return strings.HasPrefix(key, p) })
			if !used[key] && !isMade {
				t.Errorf("%q is in the table and nobody asks for it", key)
			}
		}
	}
}

// scan adds the keys that a file names.
func scan(path string, used map[string]bool) error {
	switch filepath.Ext(path) {
	case ".html":
		b, err := os.ReadFile(path)
		for _, m := range keyUse.FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = true
		}
		return err
	case ".go":
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(filepath.Base(path), "table_") {
			return nil
		}
		return scanGo(path, used)
	}
	return nil
}

// scanGo takes every string literal that is a key: keys are also chosen in one place and asked for in another. The first
// argument of T, N, Message and Count counts even if it is none, so that a slip is found.
func scanGo(path string, used map[string]bool) error {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return err
	}
	note := func(n ast.Node, anyway bool) {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		s, err := strconv.Unquote(lit.Value)
		if _, known := lookup(s); err == nil && (known || anyway) {
			used[s] = true
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		note(n, false)
		if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 {
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if ok && slices.Contains([]string{"T", "N", "Message", "Count"}, sel.Sel.Name) {
				note(call.Args[0], true)
			}
		}
		return true
	})
	return nil
}

// TestEveryStateHasWords holds that each status of a dossier says what it means and what to do.
func TestEveryStateHasWords(t *testing.T) {
	all := []dossier.Status{
		dossier.StatusSubmitted, dossier.StatusProcessing, dossier.StatusAccepted, dossier.StatusWaiting, dossier.StatusDecided,
		dossier.StatusDone, dossier.StatusReturned, dossier.StatusRefused, dossier.StatusRequested, dossier.StatusReported,
	}
	for _, l := range Langs() {
		for _, s := range append(all, "from_the_future") {
			w := l.State(s)
			for _, words := range []string{w.Label, w.Means, w.Do} {
				if words == "" || strings.Contains(words, "⟦") {
					t.Errorf("%s %s: %q", l, s, words)
				}
			}
			if (w.Label == l.T("state.unknown")) != (s == "from_the_future") {
				t.Errorf("%s %s has the words of an unknown state, or the other way round", l, s)
			}
		}
		for k := dossier.KindAccepted; k <= dossier.KindTaken; k++ {
			if a := l.Act(k); a == l.T("act.unknown") || strings.Contains(a, "⟦") {
				t.Errorf("%s: event kind %d has no words", l, k)
			}
		}
	}
}

// TestFormats holds the ways of writing that people check with their eyes.
func TestFormats(t *testing.T) {
	at := time.Date(2026, 11, 25, 2, 5, 0, 0, time.UTC) // 09:05 in Việt Nam
	for got, want := range map[string]string{
		VI.Time(at):                          "25/11/2026 09:05",
		VI.Weekday(at):                       "thứ Tư, 25/11/2026",
		EN.Weekday(at):                       "Wednesday, 25/11/2026",
		VI.Date(time.Time{}):                 "–",
		VI.Moment(at, at.Add(time.Hour)):     "09:05",
		VI.Moment(at, at.Add(24*time.Hour)):  "25/11/2026 09:05",
		VI.Money(1234567):                    "1.234.567\u00a0₫",
		VI.Number(-1000):                     "−1.000",
		EN.Number(999):                       "999",
		EN.Number(1000):                      "1,000",
		VI.Size(2_450_000):                   "2,3\u00a0MB",
		EN.Size(2_450_000):                   "2.3\u00a0MB",
		VI.Size(20 << 20):                    "20\u00a0MB",
		EN.Size(50 << 20):                    "50\u00a0MB",
		VI.Size(20<<20 - 1):                  "19,9\u00a0MB",
		VI.Size(1<<20 - 1):                   "1023\u00a0KB",
		VI.Size(1023):                        "1.023\u00a0B",
		VI.Wait(0):                           "1 phút",
		VI.Wait(14*time.Minute + 1):          "15 phút",
		EN.Wait(time.Minute):                 "1 minute",
		VI.Wait(59*time.Minute + 1):          "1 giờ",
		EN.Wait(61 * time.Minute):            "2 hours",
		VI.TooMany(15 * time.Minute):         "Quá nhiều lần thử. Đợi 15 phút rồi thử lại",
		VI.TooMany(0):                        "Quá nhiều lần thử. Đợi một lúc rồi thử lại",
		VI.Quarters(6):                       "1 ngày 4 giờ làm việc",
		EN.Quarters(4):                       "1 working day",
		VI.Limit(directory.Limit{Amount: 0}): "Trong ngày làm việc",
		EN.Limit(directory.Limit{Amount: 15, Unit: directory.WorkingDay}): "15 working days",
		EN.N("fresh.waiting", 1):           "1 dossier waiting to be sent",
		EN.T("no.such.key"):                "⟦no.such.key⟧",
		VI.Left(at.Add(48*time.Hour), at):  "còn 2 ngày",
		VI.Left(at.Add(24*time.Hour), at):  "đến hạn 09:05 ngày mai",
		VI.Left(at.Add(time.Hour), at):     "đến hạn 10:05 hôm nay",
		VI.Left(at.Add(-time.Hour), at):    "trễ hạn từ 08:05 hôm nay",
		EN.Left(at.Add(-24*time.Hour), at): "1 day overdue",
		VI.Hours([]directory.Session{{From: 420, To: 690}, {From: 810, To: 1020}}): "07:00–11:30, 13:30–17:00",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestNobodyReadsACode holds that every role a look or an act can have, and every refusal of a parcel, is worded, one of a
// newer version too.
func TestNobodyReadsACode(t *testing.T) {
	roles := []directory.Role{
		directory.DeskOfficer, directory.Specialist, directory.Signatory, directory.Admin, dossier.SystemRole,
		directory.Role(directory.Citizen), directory.Role(directory.Business), directory.Role(directory.Staff), "applicant", "from_the_future",
	}
	refusals := []replication.Refusal{
		replication.BadSignature, replication.UnknownSender, replication.RevokedSender, replication.NotForMe, replication.Unreadable,
		replication.Unwelcome, "from_the_future",
	}
	for _, l := range Langs() {
		for _, r := range roles {
			if s := l.Role(r); s == string(r) || s == "" || strings.Contains(s, "⟦") || (s == l.T("role.other")) != (r == "from_the_future") {
				t.Errorf("%s: role %q reads %q", l, r, s)
			}
		}
		for _, r := range refusals {
			if s := l.Refusal(string(r)); s == string(r) || strings.Contains(s, "⟦") || (s == l.T("parcel.refused.other")) != (r == "from_the_future") {
				t.Errorf("%s: refusal %q reads %q", l, r, s)
			}
		}
	}
	if VI.Role("citizen") != "Người nộp hồ sơ" || VI.Role("") != "" {
		t.Errorf("an applicant is %q, no role %q", VI.Role("citizen"), VI.Role(""))
	}
}

// TestPasswordsAreAskedAsTheyAreTaken holds the words to the bounds.
func TestPasswordsAreAskedAsTheyAreTaken(t *testing.T) {
	for _, l := range Langs() {
		for _, key := range []string{"fault.password", "register.password_hint"} {
			for _, bound := range []int{session.MinPassword, session.MaxPassword} {
				if s := l.T(key); !strings.Contains(s, strconv.Itoa(bound)) {
					t.Errorf("%s %s does not say %d: %q", l, key, bound, s)
				}
			}
		}
	}
}

// TestExplainNamesEverything: whatever moved a due date is said.
func TestExplainNamesEverything(t *testing.T) {
	at := time.Date(2026, 11, 23, 17, 30, 0, 0, directory.Zone)
	lines := strings.Join(VI.Explain(calendar.Explanation{
		Received: at, Start: at.Add(14 * time.Hour), Due: at.Add(96 * time.Hour), Limit: directory.Limit{Amount: 2, Unit: directory.WorkingDay},
		Weekends: 2, Holidays: []directory.DayOff{{Date: "2026-11-24", Name: directory.Text{VI: "Ngày Văn hóa Việt Nam"}}},
		Swapped: []directory.Date{"2026-08-22"}, NextDay: true, Moved: true, Provisional: []int{2027},
	}), "\n")
	for _, want := range []string{"23/11/2026 17:30", "24/11/2026 07:30", "2 ngày làm việc", "2 ngày cuối tuần", "Ngày Văn hóa", "22/08/2026", "15:00", "chuyển sang", "2027", "27/11/2026"} {
		if !strings.Contains(lines, want) {
			t.Errorf("the explanation does not say %q:\n%s", want, lines)
		}
	}
}
