package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"motcua/cmd/admin"
	"motcua/cmd/province"
	"motcua/directory"
	"motcua/node/server"
	"motcua/replication"
	"motcua/replication/bundle"
)

func bundleCommands() []*command { return []*command{bundleWriteCommand(), bundleReadCommand()} }

// nodeFlags name a running node: by its folder, or, in a demo, by the office.
type nodeFlags struct{ dir, office *string }

func addNodeFlags(c *command) nodeFlags {
	return nodeFlags{
		c.flags.String("data", "", "`folder` of the running node"),
		c.flags.String("office", "", "an `office` of the running demo, instead of --data"),
	}
}

// client reaches the node that the flags name.
func (f nodeFlags) client(ctx context.Context, name string) (*admin.Client, error) {
	dir := *f.dir
	switch {
	case dir == "" && *f.office == "":
		return nil, usagef("%s: name the node with --data, or an office of the demo with --office", name)
	case dir == "":
		s, err := province.GetStatus(ctx, "")
		if err != nil {
			return nil, err
		}
		code, err := s.Find(*f.office)
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(s.Dir, code)
	}
	return admin.NewClient(dir)
}

func bundleWriteCommand() *command {
	c := newCommand("bundle write", "FOLDER", "write what waits for other offices, and the receipts owed to them, onto a stick",
		"motcua bundle write --data /var/lib/motcua/node /media/stick\nmotcua bundle write --data /var/lib/motcua/node --size 7000 --part 2 /media/stick")
	node := addNodeFlags(c)
	to := c.flags.String("to", "", "only for these `offices`, codes separated by commas (default: all)")
	size := c.flags.Int("size", 0, "divide it among several sticks that hold so many `MiB` each (default: one bundle)")
	part := c.flags.Int("part", 1, "which `number` of them to write")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if *size < 0 || *part < 1 || *part > 1 && *size == 0 {
			return usagef("bundle write: --part counts from 1 and goes with --size, as in: %s", c.example)
		}
		if len(args) != 1 {
			return usagef("bundle write: name the folder of the stick, as in: %s", c.example)
		}
		tool, err := node.client(ctx, c.name)
		if err != nil {
			return err
		}
		offices, err := node.offices(ctx, *to)
		if err != nil {
			return err
		}
		path, rep, err := writeBundle(ctx, std, tool, url.Values{"to": offices, "size": {strconv.Itoa(*size)}, "part": {strconv.Itoa(*part)}}, args[0])
		if err == nil {
			fmt.Fprintf(std.out, "wrote %s: %d parcels and %d receipts for %s, edition %d\nAt the other office: motcua bundle read --data FOLDER %s\n",
				path, rep.Parcels, rep.Receipts, dash(joinNames(rep.Index.To)), rep.Index.Edition, args[0])
		}
		return err
	}
	return c
}

func joinNames(names []replication.Name) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(n))
	}
	return b.String()
}

// offices are the codes that the words of --to mean; in a demo an office answers to its short name too.
func (f nodeFlags) offices(ctx context.Context, to string) ([]string, error) {
	words := strings.FieldsFunc(to, func(r rune) bool { return r == ',' || r == ' ' })
	if *f.dir != "" || len(words) == 0 {
		return words, nil
	}
	s, err := province.GetStatus(ctx, "")
	if err != nil {
		return nil, err
	}
	for i, w := range words {
		if words[i], err = s.Find(w); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// writeBundle asks the node for a bundle and keeps it, whole or not at all.
func writeBundle(ctx context.Context, std stdio, tool *admin.Client, what url.Values, dir string) (path string, rep bundle.Report, err error) {
	var s server.Status
	if err := tool.Get(ctx, "/status", &s); err != nil {
		return "", rep, err
	}
	body, size, err := tool.Stream(ctx, http.MethodGet, "/bundle?"+what.Encode(), "", nil)
	if err != nil {
		return "", rep, err
	}
	defer body.Close()
	b := newBar(std, "writing, KiB", int((max(size, 0)+1023)>>10))
	defer b.end()
	return bundle.Save(dir, replication.Name(s.Office), time.Now().In(directory.Zone), &barred{r: body, bar: b})
}

func bundleReadCommand() *command {
	c := newCommand("bundle read", "FILE|FOLDER…", "take in what a stick brings for this office", "motcua bundle read --data /var/lib/motcua/node /media/stick")
	node := addNodeFlags(c)
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) == 0 {
			return usagef("bundle read: name bundles or the folder of the stick, as in: %s", c.example)
		}
		tool, err := node.client(ctx, c.name)
		if err != nil {
			return err
		}
		if err := tool.Get(ctx, "/status", nil); err != nil {
			return err
		}
		files, err := bundlesIn(args)
		if err != nil {
			return err
		}
		return readBundles(ctx, std, tool, files, *asJSON)
	}
	return c
}

// bundlesIn lists the bundles that the arguments name, folders opened, oldest name first.
func bundlesIn(args []string) ([]string, error) {
	var out []string
	for _, a := range args {
		info, err := os.Stat(a)
		if err != nil {
			return nil, fmt.Errorf("read bundle: %w; is the stick plugged in?", err)
		}
		if !info.IsDir() {
			out = append(out, a)
			continue
		}
		found, err := filepath.Glob(filepath.Join(a, "*"+bundle.Suffix))
		if err != nil {
			return nil, fmt.Errorf("read bundle: %w", err)
		}
		slices.Sort(found)
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("read bundle: no file named *%s there; is it the right stick?", bundle.Suffix)
	}
	return out, nil
}

// readBundles takes in the files one after the other; a bad one does not keep the next from being read.
func readBundles(ctx context.Context, std stdio, tool *admin.Client, files []string, asJSON bool) error {
	var errs []error
	for _, path := range files {
		rep, err := readBundle(ctx, std, tool, path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			continue
		}
		if asJSON {
			if err := printJSON(std.out, rep); err != nil {
				return err
			}
		} else if rep.From != "" { // what is no bundle says so below, and no more
			fmt.Fprintf(std.out, "%s from %s: %d parcels and %d receipts taken, %d passed over (taken before, or for other offices)\n", path, rep.From, rep.Parcels, rep.Receipts, rep.Passed)
		}
		for _, f := range rep.Faults {
			errs = append(errs, fmt.Errorf("%s: %s", path, f))
		}
		if rep.Error != "" {
			errs = append(errs, fmt.Errorf("%s: %s", path, rep.Error))
		}
	}
	return errors.Join(errs...)
}

func readBundle(ctx context.Context, std stdio, tool *admin.Client, path string) (rep server.BundleReport, err error) {
	f, err := os.Open(path)
	if err != nil {
		return rep, err
	}
	defer f.Close()
	total := 0
	if info, err := f.Stat(); err == nil {
		total = int((info.Size() + 1023) >> 10)
	}
	b := newBar(std, "reading, KiB", total)
	defer b.end()
	return rep, tool.Send(ctx, "/bundle", &barred{r: f, bar: b}, &rep)
}

// barred reads and moves a bar, in KiB.
type barred struct {
	r    io.Reader
	bar  *bar
	done int64
}

func (b *barred) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.done += int64(n)
	b.bar.at(int((b.done + 1023) >> 10))
	return n, err
}
