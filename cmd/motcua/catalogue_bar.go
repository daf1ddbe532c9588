package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// bar shows on a terminal how far something has come; elsewhere it shows nothing.
type bar struct {
	w     io.Writer // nil: nobody looks
	what  string
	total int // 0: not known
	shown time.Time
	wide  int
}

// barEvery is how often the bar moves.
const barEvery = 80 * time.Millisecond

func newBar(std stdio, what string, total int) *bar {
	b := &bar{what: what, total: total}
	if isTerminal(std.err) {
		b.w = std.err
	}
	return b
}

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// at shows that so many are done.
func (b *bar) at(done int) {
	if b.w == nil || time.Since(b.shown) < barEvery && done != b.total {
		return
	}
	b.shown = time.Now()
	line := fmt.Sprintf("%s %d", b.what, done)
	if b.total > 0 {
		const width = 30
		full := min(width, width*done/b.total)
		line = fmt.Sprintf("%s [%s%s] %d/%d", b.what, strings.Repeat("#", full), strings.Repeat(".", width-full), done, b.total)
	}
	b.wide = max(b.wide, len(line))
	fmt.Fprintf(b.w, "\r%-*s", b.wide, line)
}

// end clears the line.
func (b *bar) end() {
	if b.w != nil && b.wide > 0 {
		fmt.Fprintf(b.w, "\r%s\r", strings.Repeat(" ", b.wide))
	}
}
