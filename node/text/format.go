package text

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"motcua/directory"
)

// Date writes the day of t as dd/mm/yyyy, an en dash for the zero time.
func (l Lang) Date(t time.Time) string { return layout(t, "02/01/2006") }

// Time writes the day and minute of t: dd/mm/yyyy HH:MM.
func (l Lang) Time(t time.Time) string { return layout(t, "02/01/2006 15:04") }

// Clock writes the minute of t: HH:MM.
func (l Lang) Clock(t time.Time) string { return layout(t, "15:04") }

func layout(t time.Time, form string) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(directory.Zone).Format(form)
}

// Moment writes t as people say it at the time of now: the minute alone on the same day, else day and minute.
func (l Lang) Moment(t, now time.Time) string {
	if directory.DateOf(t) == directory.DateOf(now) {
		return l.Clock(t)
	}
	return l.Time(t)
}

// Day writes a civil date as dd/mm/yyyy, an en dash for none.
func (l Lang) Day(d directory.Date) string { return l.Date(d.Time()) }

// Weekday writes the day of t with its weekday: "thứ Tư, 25/11/2026".
func (l Lang) Weekday(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return l.T("weekday."+strconv.Itoa(int(t.In(directory.Zone).Weekday()))) + ", " + l.Date(t)
}

// Number groups thousands as the language does: 1.234.567 or 1,234,567.
func (l Lang) Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	sep := "."
	if l == EN {
		sep = ","
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteString(sep)
		}
		b.WriteRune(c)
	}
	return sign + b.String()
}

// Money writes an amount in đồng; it is grouped the Vietnamese way in both languages, as it stands on the receipt.
func (l Lang) Money(dong uint64) string { return VI.Number(int64(dong)) + "\u00a0₫" }

// Size writes a number of bytes for people as their computers do: KB and MB of 1,024, MB with one decimal. It rounds down,
// so that a limit never promises more than it is.
func (l Lang) Size(bytes int64) string {
	switch {
	case bytes < 1<<10:
		return l.Number(bytes) + "\u00a0B"
	case bytes < 1<<20:
		return strconv.FormatInt(bytes>>10, 10) + "\u00a0KB"
	}
	whole, tenth := bytes>>20, bytes%(1<<20)*10>>20
	s := l.Number(whole)
	if tenth > 0 {
		point := ","
		if l == EN {
			point = "."
		}
		s += point + strconv.FormatInt(tenth, 10)
	}
	return s + "\u00a0MB"
}

// Wait writes how long somebody has to wait, rounded up to minutes below an hour and to hours above.
func (l Lang) Wait(d time.Duration) string {
	if minutes := int((d + time.Minute - 1) / time.Minute); minutes < 60 {
		return l.N("wait.minutes", max(1, minutes))
	}
	return l.N("wait.hours", int((d+time.Hour-1)/time.Hour))
}

// TooMany is what to say to somebody who has tried too often; wait is 0 where nobody knows how long it takes.
func (l Lang) TooMany(wait time.Duration) string {
	if wait <= 0 {
		return l.T("fault.too_many")
	}
	return l.T("fault.too_many_wait", l.Wait(wait))
}

// Limit writes a time limit: "15 ngày làm việc".
func (l Lang) Limit(m directory.Limit) string {
	if m.Amount == 0 {
		return l.T("limit.at_once")
	}
	return l.N("limit."+string(m.Unit), int(m.Amount))
}

// Quarters writes working time given in quarters of a working day (2 h): "1 ngày 4 giờ làm việc".
func (l Lang) Quarters(q int) string {
	days, hours := q/4, q%4*2
	switch {
	case q <= 0:
		return ""
	case days == 0:
		return l.N("limit.working_hour", hours)
	case hours == 0:
		return l.N("limit.working_day", days)
	}
	return l.N("limit.days", days) + " " + l.N("limit.working_hour", hours)
}

// Left says how a due date stands at a moment, in calendar terms a person can check: overdue, today, or in days.
func (l Lang) Left(due, now time.Time) string {
	if due.IsZero() {
		return "–"
	}
	days := dayNumber(due) - dayNumber(now)
	switch {
	case due.Before(now) && days == 0:
		return l.T("left.late_today", l.Clock(due))
	case due.Before(now):
		return l.N("left.late", -days)
	case days == 0:
		return l.T("left.today", l.Clock(due))
	case days == 1:
		return l.T("left.tomorrow", l.Clock(due))
	}
	return l.N("left.days", days)
}

func dayNumber(t time.Time) int {
	return int(directory.DateOf(t).Time().Unix()+7*3600) / 86400
}

// Hours writes the worked sessions of a day: "07:00–11:30, 13:30–17:00".
func (l Lang) Hours(sessions []directory.Session) string {
	parts := make([]string, len(sessions))
	for i, s := range sessions {
		parts[i] = minutes(s.From) + "–" + minutes(s.To)
	}
	return strings.Join(parts, ", ")
}

func minutes(m uint16) string {
	return time.Time{}.Add(time.Duration(m) * time.Minute).Format("15:04")
}

// Address writes a place and telephone on one line, leaving out what is empty.
func Address(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " · ")
}

// Upper writes the first letter of a phrase as a capital.
func Upper(s string) string {
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	return string(unicode.ToUpper(r[0])) + string(r[1:])
}
