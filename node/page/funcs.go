package page

import (
	"html/template"
	"strings"
	"time"

	"motcua/directory"
	"motcua/node/text"
)

// funcs are what templates call. They are bound to a language, so parts need not be handed one.
func funcs(l text.Lang) template.FuncMap {
	return template.FuncMap{
		"t": l.Message,
		"n": l.Count,
		// vi is for letters and slips, which are in Vietnamese whatever the reader chose.
		"vi":      text.VI.Message,
		"base":    func() string { return "/" + string(l) },
		"desk":    func() string { return "/" + string(l) + "/desk" },
		"lang":    func() text.Lang { return l },
		"date":    l.Date,
		"time":    l.Time,
		"clock":   l.Clock,
		"day":     l.Day,
		"weekday": l.Weekday,
		"left":    l.Left,
		"moment":  l.Moment,
		"iso":     func(t time.Time) string { return t.In(directory.Zone).Format(time.RFC3339) },
		"money":   l.Money,
		"size":    l.Size,
		"num":     func(n int) string { return l.Number(int64(n)) },
		"wait":    l.Wait,
		"limit":   l.Limit,
		"budget":  l.Quarters,
		"role":    l.Role,
		"add":     func(a, b int) int { return a + b },
		"upper":   text.Upper,
		"lines":   lines,
		"join":    text.Address,
		"tel":     func(s string) string { return strings.Map(digit, s) },
	}
}

// lines splits a value that may have several; an empty one has none.
func lines(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

func digit(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}
