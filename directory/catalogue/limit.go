package catalogue

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"motcua/directory"
	"motcua/directory/fold"
)

// units are the words for units of time, folded, longer ones first, and what one of them is in a published unit.
var units = []struct {
	words string
	unit  directory.TimeUnit
	times float64
	exact bool // nothing was converted
}{
	{"ngay lam viec", directory.WorkingDay, 1, true},
	{"working days", directory.WorkingDay, 1, true},
	{"working day", directory.WorkingDay, 1, true},
	{"working_day", directory.WorkingDay, 1, true},
	{"gio lam viec", directory.WorkingHour, 1, true},
	{"working hours", directory.WorkingHour, 1, true},
	{"working hour", directory.WorkingHour, 1, true},
	{"working_hour", directory.WorkingHour, 1, true},
	{"ngay lich", directory.Day, 1, true},
	{"ngay", directory.Day, 1, true},
	{"days", directory.Day, 1, true},
	{"day", directory.Day, 1, true},
	{"gio", directory.WorkingHour, 1, true},
	{"hours", directory.WorkingHour, 1, true},
	{"hour", directory.WorkingHour, 1, true},
	{"tuan", directory.Day, 7, false},
	{"week", directory.Day, 7, false},
	{"thang", directory.Day, 30, false}, // Civil Code 2015, art. 147 (2): a month is 30 days
	{"months", directory.Day, 30, false},
	{"month", directory.Day, 30, false},
	{"nam", directory.Day, 365, false},
	{"phut", directory.WorkingHour, 1.0 / 60, false},
	{"minute", directory.WorkingHour, 1.0 / 60, false},
}

// sameDay are the words for "at once, the same working day", folded.
var sameDay = regexp.MustCompile(`\b(trong ngay|tra ngay|giai quyet ngay|ngay khi|ngay sau khi|ngay tai thoi diem|same day|at once|tuc thoi)\b`)

// unstated are what people write where they have no number.
var unstated = regexp.MustCompile(`^(-+|\.+|/|khong|khong co|khong co thong tin|khong quy dinh( cu the)?|chua quy dinh( cu the)?|khong xac dinh|chua co|n/a|null|none|not stated)?\.?$`)

const number = `(\d+(?:[.,]\d+)?(?:/\d+)?)`

var (
	amounts = regexp.MustCompile(number + `\s*(?:\([^()]*\)\s*)?(?:(?:-|–|den|to)\s*` + number + `\s*(?:\([^()]*\)\s*)?)?(` + unitWords() + `)\b`)
	bare    = regexp.MustCompile(`^` + number + `(?:\s*(?:-|–|den)\s*` + number + `)?$`)
	maxDays = 3650.0
)

func unitWords() string {
	var out []string
	for _, u := range units {
		out = append(out, regexp.QuoteMeta(u.words))
	}
	return strings.Join(out, "|")
}

// reading is a time limit as it was read.
type reading struct {
	limit directory.Limit
	fault Fault  // why it is none, or what was chosen; "" for a plain one
	text  string // as it was
}

// ok tells whether there is a limit.
func (r reading) ok() bool { return r.fault == "" || r.fault.Severity() != Error }

// ParseLimit reads a time limit from a number, a unit and a text, any of which may be empty. What it says in the end is the
// fault: none for a plain reading, a warning where something was chosen or converted, an error where there is no limit. A
// number without a unit is an error: nobody can tell a day from a working day.
func ParseLimit(amount, unit, text string) (directory.Limit, Fault) {
	r := readLimit(amount, unit, text)
	return r.limit, r.fault
}

func readLimit(amount, unit, text string) reading {
	joined := strings.TrimSpace(strings.TrimSpace(amount) + " " + strings.TrimSpace(unit))
	if strings.TrimSpace(amount) == "" {
		joined = ""
	}
	r := readText(joined)
	if other := readText(text); joined == "" || !r.ok() && other.ok() {
		return other
	}
	return r
}

// readText reads a limit from a phrase. Of several it takes the longest: the office is never promised less than it has.
func readText(s string) reading {
	r := reading{text: strings.TrimSpace(s)}
	f := fold.Line(s)
	f = strings.TrimSuffix(strings.TrimSpace(f), ".")
	found := amounts.FindAllStringSubmatch(f, -1)
	switch {
	case len(found) == 0 && unstated.MatchString(f):
		r.fault = NoLimit
		return r
	case len(found) == 0 && bare.MatchString(f):
		r.fault = LimitNoUnit
		return r
	case len(found) == 0 && sameDay.MatchString(f):
		r.limit = directory.Limit{Unit: directory.WorkingDay}
		return r
	case len(found) == 0:
		r.fault = LimitUnreadable
		return r
	}
	return r.longest(found)
}

func (r reading) longest(found [][]string) reading {
	longest, distinct := -1.0, map[directory.Limit]bool{}
	converted := false
	for _, m := range found {
		for _, n := range m[1:3] {
			if n == "" {
				continue
			}
			l, exact, ok := limitOf(n, m[3])
			if !ok {
				r.fault = LimitUnreadable
				return r
			}
			distinct[l] = true
			if d := days(l); d > longest {
				r.limit, longest, converted = l, d, !exact
			}
		}
	}
	switch {
	case len(distinct) > 1:
		r.fault = LimitRange
	case converted:
		r.fault = LimitConverted
	}
	return r
}

// limitOf makes a limit of a number and a unit. Parts of days become working hours, eight to a day.
func limitOf(n, unit string) (l directory.Limit, exact, ok bool) {
	v, ok := fraction(n)
	if !ok {
		return l, false, false
	}
	for _, u := range units {
		if u.words != unit {
			continue
		}
		v *= u.times
		exact := u.exact && v == math.Trunc(v)
		l.Unit = u.unit
		if v != math.Trunc(v) && u.unit != directory.WorkingHour {
			v, l.Unit = v*8, directory.WorkingHour
		}
		v = math.Ceil(v - 1e-9)
		l.Amount = uint16(min(v, math.MaxUint16))
		return l, exact, v >= 0 && days(l) <= maxDays
	}
	return l, false, false
}

// fraction reads "10", "0,5", "0.5" and "1/2".
func fraction(s string) (float64, bool) {
	a, b, divided := strings.Cut(strings.ReplaceAll(s, ",", "."), "/")
	v, err := strconv.ParseFloat(a, 64)
	if err != nil {
		return 0, false
	}
	if divided {
		d, err := strconv.ParseFloat(b, 64)
		if err != nil || d == 0 {
			return 0, false
		}
		v /= d
	}
	return v, true
}

// days puts a limit on one scale, in working days, for comparison alone: calendar days count as five of seven.
func days(l directory.Limit) float64 {
	switch l.Unit {
	case directory.Day:
		return float64(l.Amount) * 5 / 7
	case directory.WorkingHour:
		return float64(l.Amount) / 8
	}
	return float64(l.Amount)
}

// LimitWords tells a limit in a language.
func LimitWords(l directory.Limit, lang string) string {
	if l.Amount == 0 {
		if lang == "en" {
			return "the same working day"
		}
		return "trong ngày làm việc"
	}
	words := map[directory.TimeUnit][2]string{
		directory.WorkingDay: {"ngày làm việc", "working days"}, directory.Day: {"ngày", "days"}, directory.WorkingHour: {"giờ làm việc", "working hours"},
	}
	w, ok := words[l.Unit]
	switch {
	case !ok:
		return fmt.Sprint(l.Amount)
	case lang == "en" && l.Amount == 1:
		return "1 " + strings.TrimSuffix(w[1], "s")
	case lang == "en":
		return fmt.Sprintf("%d %s", l.Amount, w[1])
	}
	return fmt.Sprintf("%d %s", l.Amount, w[0])
}
