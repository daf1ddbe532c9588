package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// typed runs one command line in process.
func typed(t *testing.T, line ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.Background(), stdio{strings.NewReader(""), &o, &e}, line)
	return code, o.String(), e.String()
}

func TestEveryCommandExplainsItself(t *testing.T) {
	for _, c := range commands() {
		code, out, errs := typed(t, append(strings.Fields(c.name), "--help")...)
		if code != 0 || errs != "" {
			t.Errorf("%s --help: exit %d, %s", c.name, code, errs)
		}
		for _, want := range []string{c.short, "Usage:", "Example:", c.example[:len("motcua ")+len(c.name)]} {
			if !strings.Contains(out, want) {
				t.Errorf("%s --help does not say %q", c.name, want)
			}
		}
		if !strings.HasPrefix(c.example, "motcua "+c.name) {
			t.Errorf("%s: its example is of another command: %s", c.name, c.example)
		}
	}
}

func TestWrongWords(t *testing.T) {
	for line, want := range map[string]string{
		"":                          "which command?",
		"frobnicate":                "unknown command",
		"office shut":               "no command \"office shut\"",
		"office":                    "see the list above",
		"demo cut":                  "name one office or server",
		"demo --port 80":            "want 1024 to 65000",
		"demo --colour red":         "not defined",
		"demo status extra":         "takes no",
		"node serve":                "name the data folder with --data",
		"directory serve":           "name the data folder with --data",
		"node enrol --data x":       "token",
		"office token --data x":     "office",
		"bundle write --office x":   "folder",
		"key revoke --data x H32.1": "--reason",
	} {
		code, _, errs := typed(t, strings.Fields(line)...)
		if code != 2 || !strings.Contains(errs, want) {
			t.Errorf("motcua %s: exit %d, %q; want exit 2 and %q", line, code, errs, want)
		}
	}
}

// TestAGroupOfCommandsListsThem: who knows half of a name finds the rest.
func TestAGroupOfCommandsListsThem(t *testing.T) {
	code, out, errs := typed(t, "office", "--help")
	if code != 0 || errs != "" || !strings.Contains(out, "motcua office close") || strings.Contains(out, "motcua node") {
		t.Errorf("exit %d, %q, %s", code, errs, out)
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	empty := t.TempDir()
	for line, want := range map[string]string{
		"demo status --data " + empty:                                                "start it first",
		"demo cut --data " + empty + " dir-1":                                        "start it first",
		"node serve --data " + empty:                                                 "node enrol",
		"directory serve --data " + empty:                                            "directory init",
		"directory status --data " + empty:                                           "start it first",
		"bundle read --data " + empty + " x":                                         "start it first",
		"account add --data " + empty + " --office H32.1 --role desk --name Hoa hoa": "start it first",
	} {
		code, _, errs := typed(t, strings.Fields(line)...)
		if code != 1 || !strings.Contains(errs, want) {
			t.Errorf("motcua %s: exit %d, %q; want exit 1 and %q", line, code, errs, want)
		}
	}
}

// TestDeployedCommandsExist holds every command line of the deploy folder and the README against the program.
func TestDeployedCommandsExist(t *testing.T) {
	found := 0
	for _, pattern := range []string{"../../README.md", "../../deploy/*.md", "../../deploy/systemd/*.service"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: nothing there (%v)", pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(string(text), "\n") {
				if words := commandLine(line); words != nil {
					found++
					checkCommandLine(t, path, line, words)
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("found only %d command lines: this test no longer reads them", found)
	}
}

// commandLine returns the words after "motcua" of a line that runs it.
func commandLine(line string) []string {
	line = strings.TrimSpace(line)
	for _, start := range []string{"motcua ", "go run ./cmd/motcua ", "ExecStart=/usr/bin/motcua "} {
		if rest, ok := strings.CutPrefix(line, start); ok {
			rest, _, _ = strings.Cut(rest, "#")
			return strings.Fields(rest)
		}
	}
	return nil
}

func checkCommandLine(t *testing.T, path, line string, words []string) {
	t.Helper()
	c, rest := find(commands(), words)
	if c == nil {
		t.Errorf("%s: no such command: %s", path, line)
		return
	}
	for _, w := range rest {
		if name, ok := strings.CutPrefix(w, "--"); ok && c.flags.Lookup(name) == nil {
			t.Errorf("%s: %s has no flag --%s: %s", path, c.name, name, line)
		}
	}
}
