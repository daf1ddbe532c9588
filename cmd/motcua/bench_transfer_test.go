package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"motcua/cmd/bench"
)

// TestTransfersAreMeasured: each line gives its figures over real sockets. How good they are says nothing here.
func TestTransfersAreMeasured(t *testing.T) {
	var out, said bytes.Buffer
	args := []string{"bench", "transfer", "--short", "--json", "--line", "60ms", "--line", "shared"}
	if code := run(t.Context(), stdio{strings.NewReader(""), &out, &said}, args); code != 0 {
		t.Fatalf("exit code %d: %s", code, said.String())
	}
	seen := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		var m bench.Measure
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.Value <= 0 {
			t.Errorf("%s: %v", line, err)
		}
		name, _, _ := strings.Cut(m.Name, "/")
		seen[name] = true
	}
	if !seen["goodput"] || !seen["shared"] {
		t.Errorf("figures:\n%s", out.String())
	}
	if code := run(t.Context(), stdio{strings.NewReader(""), &out, &said}, []string{"bench", "transfer", "--line", "fast"}); code != 2 {
		t.Errorf("a line that there is not: exit code %d", code)
	}
}
