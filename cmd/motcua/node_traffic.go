package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"motcua/directory"
	"motcua/node/server"
	"motcua/replication"
	"motcua/replication/courier"
)

func nodeRetryCommand() *command {
	c := newCommand("node retry", "", "try now what waits for other offices, instead of at the planned time", "motcua node retry --data /var/lib/motcua/node --to H32.22327")
	node := addNodeFlags(c)
	to := c.flags.String("to", "", "only what waits for this `office` (default: all)")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		tool, err := node.client(ctx, c.name)
		if err != nil {
			return err
		}
		if err := tool.Post(ctx, "/retry", map[string]string{"To": *to}, nil); err != nil {
			return err
		}
		fmt.Fprintln(std.out, "Being tried now. See how it goes with: motcua node status")
		return nil
	}
	return c
}

func nodeLimitsCommand() *command {
	c := newCommand("node limits", "", "say how much of the line parcels and backups may take, and at which hours large parcels go; without flags, show it",
		"motcua node limits --data /var/lib/motcua/node --rate 2000 --to H32.22693=256 --hours 20:00-06:00\nmotcua node limits --data /var/lib/motcua/node --rate 0 --hours any")
	node := addNodeFlags(c)
	rate := c.flags.Int64("rate", -1, "`kbit/s` to all offices together, 0 for no limit (default: as before)")
	to := c.flags.String("to", "", "`OFFICE=kbit/s` for single offices, separated by commas; 0 takes a limit away")
	hours := c.flags.String("hours", "", "`HH:MM-HH:MM` at which large parcels go, or any (default: as before)")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		tool, err := node.client(ctx, c.name)
		if err != nil {
			return err
		}
		var s server.Status
		if err := tool.Get(ctx, "/status", &s); err != nil {
			return err
		}
		l, err := newLimits(s.Limits, *rate, *to, *hours)
		if err != nil {
			return err
		}
		if *rate >= 0 || *to != "" || *hours != "" {
			if err := tool.Post(ctx, "/limits", l, &l); err != nil {
				return err
			}
		}
		if *asJSON {
			return printJSON(std.out, l)
		}
		fmt.Fprintln(std.out, limitWords(l))
		return nil
	}
	return c
}

// kbit is bytes a second.
const kbit = 1000 / 8

// newLimits changes limits as the flags say.
func newLimits(l courier.Limits, rate int64, to, hours string) (courier.Limits, error) {
	if rate >= 0 {
		l.Rate = rate * kbit
	}
	for _, word := range strings.FieldsFunc(to, func(r rune) bool { return r == ',' }) {
		office, text, _ := strings.Cut(word, "=")
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			return l, usagef("node limits: --to %s: want OFFICE=kbit/s, as in H32.22693=256", word)
		}
		if l.To == nil {
			l.To = map[replication.Name]int64{}
		}
		if l.To[replication.Name(office)] = n * kbit; n == 0 {
			delete(l.To, replication.Name(office))
		}
	}
	switch from, until, both := strings.Cut(hours, "-"); {
	case hours == "any":
		l.From, l.Until = 0, 0
	case hours != "":
		a, err1 := time.Parse("15:04", from)
		b, err2 := time.Parse("15:04", until)
		if !both || err1 != nil || err2 != nil {
			return l, usagef("node limits: --hours %s: want HH:MM-HH:MM, as in 20:00-06:00, or any", hours)
		}
		l.From, l.Until = a.Hour()*60+a.Minute(), b.Hour()*60+b.Minute()
	}
	if err := l.Validate(); err != nil {
		return l, usagef("node %v", err)
	}
	return l, nil
}

func limitWords(l courier.Limits) string {
	words := []string{"no limit to all offices together"}
	if l.Rate > 0 {
		words[0] = fmt.Sprintf("%d kbit/s to all offices together", l.Rate/kbit)
	}
	for office, r := range l.To {
		words = append(words, fmt.Sprintf("%d kbit/s to %s", r/kbit, office))
	}
	if l.From != l.Until {
		words = append(words, fmt.Sprintf("large parcels from %02d:%02d until %02d:%02d", l.From/60, l.From%60, l.Until/60, l.Until%60))
	} else {
		words = append(words, "large parcels at any hour")
	}
	return "Of the line: " + strings.Join(words, ", ") + "."
}

// printUnsent lists what waits and what was refused.
func printUnsent(w io.Writer, s server.Status) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(s.Unsent) > 0 {
		fmt.Fprintln(t, "\nPARCEL\tTO\tWHAT\tSINCE\tSENT\tATTEMPTS\tBY\tWHY\tNEXT\t")
	}
	for _, u := range s.Unsent {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d of %d KiB\t%d\t%s\t%s\t%s\t%s\n", u.Parcel, u.To, u.Kind, clock(u.Since), u.Done>>10, (u.Bytes+1023)>>10, u.Attempts,
			u.Carrier, dash(u.Reason), nextWords(u), mark(u))
	}
	if len(s.Refused) > 0 {
		fmt.Fprintln(t, "\nREFUSED\tBY\tWHAT\tWHEN\tWHY\t")
	}
	for _, r := range s.Refused {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s %s\t\n", r.Parcel, r.To, r.Kind, clock(r.At), r.Refusal, r.Note)
	}
	t.Flush()
}

func clock(unix int64) string { return time.Unix(unix, 0).In(directory.Zone).Format("02/01 15:04") }

func nextWords(u server.Unsent) string {
	switch {
	case u.Sending:
		return "being sent"
	case u.Next == 0:
		return "soon"
	}
	return clock(u.Next)
}

// mark says what asks for a person.
func mark(u server.Unsent) string {
	switch {
	case u.Overdue:
		return "PAST ITS LIFETIME: decide on the page Outbox, or carry it on a stick"
	case u.Raised:
		return "LATE"
	}
	return ""
}
