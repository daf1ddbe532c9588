package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

func versionCommand() *command {
	c := newCommand("version", "", "print what this program was built from", "motcua version")
	c.run = func(_ context.Context, std stdio, _ []string) error {
		fmt.Fprintln(std.out, version())
		return nil
	}
	return c
}

// version names the build: the module's version or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "motcua (unknown build)"
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = " " + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = " (modified)"
		}
	}
	return "motcua " + info.Main.Version + revision + dirty + ", " + info.GoVersion
}
