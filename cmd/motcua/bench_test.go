package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"motcua/cmd/bench"
)

// TestParcelsAreMeasured: every figure is taken, of two processes, and nothing is left behind.
func TestParcelsAreMeasured(t *testing.T) {
	t.Setenv(asProgram, "1")
	dir := shortTemp(t)
	var out, said bytes.Buffer
	if code := run(t.Context(), stdio{strings.NewReader(""), &out, &said}, []string{"bench", "parcels", "--short", "--json", "--dir", dir}); code != 0 {
		t.Fatalf("exit code %d: %s", code, said.String())
	}
	for _, want := range []string{"parcels/32", "parcels/32, median", "parcels/32, p99", "memory of the sender", "memory of the receiver"} {
		if !strings.Contains(out.String(), `"name":"`+want+`"`) {
			t.Errorf("%s is not among the figures:\n%s", want, out.String())
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind (%v)", left, err)
	}
}

// TestTheDirectoryIsMeasured: every figure is taken, of real processes, and nothing is left behind. How good they are says
// nothing here.
func TestTheDirectoryIsMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("starts nine servers")
	}
	t.Setenv(asProgram, "1")
	dir := shortTemp(t)
	var out, said bytes.Buffer
	if code := run(t.Context(), stdio{strings.NewReader(""), &out, &said}, []string{"bench", "directory", "--short", "--json", "--dir", dir}); code != 0 {
		t.Fatalf("exit code %d: %s", code, said.String())
	}
	seen := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		var m bench.Measure
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil || m.Value <= 0 || m.Unit == "" || (m.Goal != "") != (m.Met != nil) {
			t.Errorf("%s: %v", line, err)
		}
		name, _, _ := strings.Cut(m.Name, ",")
		seen[name] = true
	}
	for _, want := range []string{"writes/1", "writes/16", "linearizable reads/1", "linearizable reads/16", "fail-over",
		"memory at rest", "restart with 10000 accounts", "memory after it", "local reads in process"} {
		if !seen[want] {
			t.Errorf("%s is not among the figures:\n%s", want, out.String())
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind (%v)", left, err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}
