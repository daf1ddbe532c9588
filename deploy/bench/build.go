package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
)

// goTool runs the go command in a folder.
func goTool(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s %s: %w: %s", args[0], args[len(args)-1], err, last(out, 500))
	}
	return nil
}

// last returns the end of what a program has said.
func last(said []byte, n int) []byte { return said[max(0, len(said)-n):] }

// rqliteModule cannot be required beside others: versions that it needs are published under two names. It is built in its own
// module.
const rqliteModule = "github.com/rqlite/rqlite/v8@v8.43.4"

// fetchRqlite returns the folder with its source.
func fetchRqlite(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", rqliteModule)
	b, err := cmd.Output()
	var m struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(b, &m); err != nil || jsonErr != nil || m.Dir == "" {
		return "", fmt.Errorf("download %s: %v %v %s", rqliteModule, err, jsonErr, m.Error)
	}
	return m.Dir, nil
}

// buildIn builds the program of a package in the module of a folder.
func buildIn(ctx context.Context, dir, bin, name, pkg string) (string, error) {
	exe := filepath.Join(bin, name)
	return exe, goTool(ctx, dir, "build", "-o", exe, pkg)
}
