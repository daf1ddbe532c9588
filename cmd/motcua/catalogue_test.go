package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"motcua/directory"
	"motcua/directory/catalogue"
	"motcua/directory/server"
)

// records are the gathered ones where they lie beside the repository, else the samples of package catalogue.
func records(t *testing.T) (path string, n int) {
	t.Helper()
	path = "../../directory/catalogue/testdata/records.jsonl"
	for up, i := "../..", 0; i < lookAbove; up, i = filepath.Join("..", up), i+1 {
		if p := filepath.Join(up, "shared", "data", "procedures.jsonl"); fileExists(p) {
			path = p
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, strings.Count(strings.TrimSpace(string(b)), "\n") + 1
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// worked runs a command line that must work, and returns what it printed.
func worked(t *testing.T, line ...string) string {
	t.Helper()
	code, out, errs := typed(t, line...)
	if code != 0 {
		t.Fatalf("motcua %s: exit %d, %s", strings.Join(line, " "), code, errs)
	}
	return out
}

// imported is the summary that import prints as JSON.
type imported struct {
	Records, Imported int
	WithWarnings      int `json:"with_warnings"`
	HeldBack          int `json:"held_back"`
	Summary           []catalogue.Tally
}

// TestImportAccountsForEveryRecord: all records in one command; what is held back is in the report, and can be imported again.
func TestImportAccountsForEveryRecord(t *testing.T) {
	path, n := records(t)
	out, report := filepath.Join(t.TempDir(), "nhap.xlsx"), filepath.Join(t.TempDir(), "giu.xlsx")
	read := func(files ...string) (s imported) {
		t.Helper()
		line := append([]string{"catalogue", "import", "--json", "--out", out, "--report", report}, files...)
		if err := json.Unmarshal([]byte(worked(t, line...)), &s); err != nil {
			t.Fatal(err)
		}
		if s.Imported+s.WithWarnings+s.HeldBack != s.Records {
			t.Errorf("%d records: %+v", s.Records, s)
		}
		return s
	}
	first := read(path)
	if first.Records != n || len(first.Summary) < 10 {
		t.Errorf("%d records, %+v", n, first)
	}
	again := read(report)
	if again.Records != first.HeldBack || again.HeldBack != first.HeldBack {
		t.Errorf("of %d held back, %d came again and %d are held back", first.HeldBack, again.Records, again.HeldBack)
	}
	words := worked(t, "catalogue", "import", "--lang", "en", "--out", out, "--report", report, "../../directory/catalogue/testdata/records.jsonl")
	if !strings.Contains(words, "not taken over: ") || !strings.Contains(words, "Held back: ") {
		t.Errorf("it says\n%s", words)
	}
}

func TestLintExitsByWhatItFinds(t *testing.T) {
	dir := t.TempDir()
	bad, good := filepath.Join(dir, "bad.json"), filepath.Join(dir, "good.json")
	os.WriteFile(bad, []byte("[\n{\"code\": \"1.000001\", \"name\": {\"vi\": \"\"}, \"form\": {}}]"), 0o600)
	code, out, errs := typed(t, "catalogue", "lint", "--lang", "en", bad)
	if code != 1 || !strings.Contains(out, "bad.json:2: error no-name 1.000001 name.vi: the procedure has no Vietnamese name") || !strings.Contains(out, "error bad-form") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	code, out, _ = typed(t, "catalogue", "lint", "--json", bad)
	var found struct{ Errors int }
	if err := json.Unmarshal([]byte(out), &found); err != nil || found.Errors == 0 || code != 1 {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
	dirData, _ := startDirectory(t)
	worked(t, "catalogue", "export", "--data", dirData, "--out", good)
	worked(t, "catalogue", "lint", "--data", dirData, good)
}

// edit changes an exported file.
func edit(t *testing.T, path string, change func(*catalogue.Catalogue)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c catalogue.Catalogue
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	change(&c)
	if b, err = json.Marshal(c); err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func published(t *testing.T, dir string) (c server.Catalogue) {
	t.Helper()
	if err := ask(t, dir).Get(t.Context(), "/catalogue", &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAnEditorChangesTheCatalogue exports, edits, compares, publishes, withdraws and looks back.
func TestAnEditorChangesTheCatalogue(t *testing.T) {
	dir, _ := startDirectory(t)
	file, book := filepath.Join(t.TempDir(), "c.json"), filepath.Join(t.TempDir(), "c.xlsx")
	worked(t, "catalogue", "export", "--data", dir, "--out", file)
	worked(t, "catalogue", "export", "--data", dir, "--out", book, "--field", "Hộ tịch", "--office", "H32.22327")
	before := published(t, dir)
	if out := worked(t, "catalogue", "diff", "--data", dir, "--lang", "en", book); !strings.Contains(out, "0 new, 0 changed") {
		t.Errorf("an export differs from what it was made of:\n%s", out)
	}
	edit(t, file, func(c *catalogue.Catalogue) {
		c.Entries = c.Entries[:2]
		c.Entries[0].Limit = directory.Limit{Amount: 77, Unit: directory.WorkingDay}
	})
	code := before.Procedures[0].Code
	if out := worked(t, "catalogue", "diff", "--data", dir, file); !strings.Contains(out, "thành 77 ngày làm việc") || !strings.Contains(out, "hồ sơ đang giải quyết") {
		t.Errorf("diff:\n%s", out)
	}
	say := []string{"--data", dir, "--author", "Bình", "--decision", "QĐ 5", "--from", "01/01/2099"}
	refused := func(want string, line ...string) {
		t.Helper()
		if code, _, errs := typed(t, line...); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("motcua %s: exit %d, %s", strings.Join(line, " "), code, errs)
		}
	}
	refused("--yes", append([]string{"catalogue", "publish", file}, say...)...)
	refused("--author", "catalogue", "publish", "--data", dir, "--yes", file)
	worked(t, append([]string{"catalogue", "publish", "--dry-run", file}, say...)...)
	if len(published(t, dir).Procedures) != len(before.Procedures) {
		t.Fatal("a dry run has published")
	}
	worked(t, append([]string{"catalogue", "publish", "--yes", file}, say...)...)
	worked(t, append([]string{"catalogue", "withdraw", "--yes", before.Procedures[3].Code}, say...)...)
	after := published(t, dir)
	i := slices.IndexFunc(after.Procedures, func(p directory.Procedure) bool { return p.Code == code && p.Version == 2 })
	if i < 0 || after.Procedures[i].Limit.Amount != 77 || after.Procedures[i].Valid.From != "2099-01-01" || after.Procedures[i].Decision != "QĐ 5" {
		t.Errorf("version 2: %+v", after.Procedures[max(i, 0)])
	}
	if len(after.Procedures) != len(before.Procedures)+1 || len(after.Withdrawn) != 1 || after.Withdrawn[0].From != "2099-01-01" {
		t.Errorf("%d procedures, withdrawn %+v", len(after.Procedures), after.Withdrawn)
	}
	history := worked(t, "catalogue", "history", "--data", dir)
	if !strings.Contains(history, "1. ") || !strings.Contains(history, "Bình: QĐ 5") || !strings.Contains(history, code+" v2") || !strings.Contains(history, "2. ") {
		t.Errorf("history:\n%s", history)
	}
}

// TestMarksAndErrorsKeepADraftBack until a person has removed them or says so.
func TestMarksAndErrorsKeepADraftBack(t *testing.T) {
	dir, _ := startDirectory(t)
	out := filepath.Join(t.TempDir(), "nhap.json")
	worked(t, "catalogue", "import", "--data", dir, "--out", out, "../../directory/catalogue/testdata/records.jsonl")
	line := []string{"catalogue", "publish", "--data", dir, "--author", "Bình", "--decision", "QĐ 5", "--yes", out}
	if code, _, errs := typed(t, line...); code != 1 || !strings.Contains(errs, "--accept-marks") {
		t.Errorf("exit %d: %s", code, errs)
	}
	worked(t, append(line, "--accept-marks")...)
	n := len(published(t, dir).Procedures)
	edit(t, out, func(c *catalogue.Catalogue) { c.Entries[0].Limit.Unit = "" })
	if code, _, errs := typed(t, append(line, "--accept-marks")...); code != 1 || !strings.Contains(errs, "limit-no-unit") || len(published(t, dir).Procedures) != n {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// TestALargePublicationComesWhole: many parts, one record, and no edition between them.
func TestALargePublicationComesWhole(t *testing.T) {
	dir, _ := startDirectory(t)
	c := catalogue.Catalogue{Format: catalogue.Format}
	base := published(t, dir).Procedures[0]
	for i := range 300 {
		p := base
		p.Code = "9." + strings.Repeat("0", 6-len(itoa(i))) + itoa(i)
		p.Name.VI += " " + itoa(i)
		p.Conditions.VI = strings.Repeat("điều kiện ", 300)
		c.Entries = append(c.Entries, catalogue.Entry{Procedure: p})
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	worked(t, "catalogue", "publish", "--data", dir, "--author", "Bình", "--decision", "QĐ 6", "--yes", file)
	var all []server.PublicationRows
	if err := ask(t, dir).Get(t.Context(), "/publications", &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].Parts < 4 || all[0].Done != all[0].Parts || len(all[0].Rows) != 300 {
		t.Errorf("%d publications, %+v", len(all), all[0].Publication)
	}
}
