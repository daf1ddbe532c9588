package cmd

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors is the order of the house, left to right: a package imports only from its own folder or one to its left.
var floors = []string{"crypto", "replication", "directory", "node", "cmd"}

// why says what each floor must not know, for the message of a failure.
var why = map[string]string{
	"crypto":      "keys and bytes must not know what they are used for",
	"replication": "the post office moves sealed parcels between names; it must not know what a name or a content stands for",
	"directory":   "the directory knows who, what and where, and nothing of dossiers",
	"node":        "an office works without the program that wires it",
}

// pure are the packages that take time, ids and the actor as arguments.
var pure = []string{
	"crypto/digest", "crypto/wire", "crypto/record", "replication", "replication/line", "directory", "directory/command", "directory/population", "directory/state", "directory/edition",
	"directory/catalogue", "directory/catalogue/sheet",
	"node/calendar", "node/dossier", "node/form", "directory/fold", "node/text",
}

// impure are imports that bring a clock, a disk, a network, a process or randomness.
var impure = []string{
	"os", "os/exec", "os/signal", "io/ioutil", "net", "net/http", "crypto/rand", "math/rand", "math/rand/v2", "log", "syscall",
	"path/filepath", "runtime", "golang.org/x/sys/unix", "github.com/dgraph-io/badger/v4",
}

// forbiddenCalls are functions of otherwise pure packages that read the clock or wait.
var forbiddenCalls = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
}

// only are the dependencies that one package alone may import, so that they can be replaced in one place.
var only = map[string]string{
	"github.com/quic-go/quic-go":            "replication/link",
	"github.com/libp2p/go-yamux/v5":         "replication/link",
	"github.com/hashicorp/raft":             "directory/cluster",
	"github.com/hashicorp/memberlist":       "replication/gossip",
	"github.com/cloudflare/circl":           "crypto/record",
	"github.com/fxamacker/cbor/v2":          "crypto/wire",
	"github.com/santhosh-tekuri/jsonschema": "node/form",
	"github.com/xuri/excelize/v2":           "directory/catalogue/sheet",
}

// workshop stands beside the house, a module of its own: it measures the product beside its peers, and imports both.
const workshop = "deploy/bench"

type source struct {
	dir  string // "node/office"
	path string
	file *ast.File
	test bool
}

func (s source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		out = append(out, p)
	}
	return out
}

// house reads every Go file of the project. It reads the files themselves: the answer of `go list` could come from a cache.
func house(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != ".." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, "../"))
		out = append(out, source{filepath.ToSlash(filepath.Dir(rel)), rel, f, strings.HasSuffix(path, "_test.go")})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found only %d Go files: this test no longer reads the house", len(out))
	}
	return out
}

func floorOf(path string) int {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "motcua/"), "/")
	return slices.Index(floors, first)
}

func TestImportsRunLeft(t *testing.T) {
	for _, s := range house(t) {
		own := floorOf(s.dir)
		if s.dir == workshop {
			own = len(floors)
		}
		for _, imp := range s.imports() {
			if err := checkImport(s, own, imp); err != nil {
				t.Errorf("%s: %v", s.path, err)
			}
		}
	}
}

func checkImport(s source, own int, imp string) error {
	if strings.HasPrefix(imp, "motcua/") {
		if to := floorOf(imp); to > own {
			return fmt.Errorf("imports %s: %s is to the right of %s in the house, and %s", imp, floors[to], floors[own], why[floors[own]])
		}
	}
	for dep, owner := range only {
		if !s.test && !strings.HasSuffix(s.dir, "test") && (imp == dep || strings.HasPrefix(imp, dep+"/")) && s.dir != owner && !strings.HasPrefix(s.dir, owner+"/") {
			return fmt.Errorf("imports %s: only %s may, so that it can be replaced in one place", imp, owner)
		}
	}
	return nil
}

func TestPurePackagesArePure(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range house(t) {
		if s.test || !slices.Contains(pure, s.dir) {
			continue
		}
		seen[s.dir] = true
		for _, imp := range s.imports() {
			if slices.Contains(impure, imp) {
				t.Errorf("%s imports %s: %s is pure, time, ids, bytes and the actor are its arguments", s.path, imp, s.dir)
			}
		}
		for _, bad := range impureCode(s.file) {
			t.Errorf("%s: %s: %s is pure, time, ids and the actor are its arguments", s.path, bad, s.dir)
		}
	}
	for _, p := range pure {
		if !seen[p] {
			t.Errorf("no package %s: the list of pure packages is out of date", p)
		}
	}
}

// impureCode finds goroutines and calls that read the clock.
func impureCode(f *ast.File) []string {
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			out = append(out, "starts a goroutine")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && slices.Contains(forbiddenCalls[x.Name], n.Sel.Name) {
				out = append(out, "uses "+x.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return out
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	said := map[string]bool{}
	for _, s := range house(t) {
		if s.test {
			continue
		}
		said[s.dir] = said[s.dir] || s.file.Doc != nil
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment: say first what it is, what it promises and what it does not do", dir)
		}
	}
}

// TestTopLevel keeps the top of the tree as it was given.
func TestTopLevel(t *testing.T) {
	want := []string{"LICENSE", "README.md", "cmd", "crypto", "deploy", "directory", "go.mod", "go.sum", "node", "replication"}
	found, err := filepath.Glob("../*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		name := filepath.Base(p)
		if !strings.HasPrefix(name, ".") && name != "screenshots" && !slices.Contains(want, name) {
			t.Errorf("%s stands at the top level, where only %s belong", name, strings.Join(want, " "))
		}
	}
}
