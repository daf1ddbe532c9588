// Command motcua is the whole system in one program: the node of an office, the servers of the provincial directory,
// the tools of province IT, and a small demonstration province.
//
// Exit codes: 0 fine, 1 failed, 2 wrong words on the command line. Errors read "what failed: why; what to do".
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, stdio{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// stdio is where a command reads and writes, so that tests can run commands in process.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, std stdio, args []string) int {
	err := dispatch(ctx, std, args)
	var usage *usageError
	switch {
	case err == nil, errors.Is(err, errHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(std.err, "motcua: %s\n", usage.message)
		return 2
	default:
		fmt.Fprintf(std.err, "motcua: %v\n", err)
		return 1
	}
}
