package catalogue

import (
	"fmt"
	"strconv"

	"motcua/directory"
)

// route checks the steps: their form, that somebody decides, and that every place is there and can be reached.
func (l *linter) route() {
	route := l.e.Route
	if len(route) == 0 || len(route) > 64 {
		l.add(NoRoute, "route")
		return
	}
	seen, decides := map[string]bool{}, false
	for i, s := range route {
		if wrong := stepFault(s, i == 0, i == len(route)-1, seen[s.ID]); wrong != "" {
			l.add(BadStep, path("route", i), s.ID, wrong)
		}
		seen[s.ID] = true
		decides = decides || s.Kind == directory.StepDecide
		l.reachable(i, s)
	}
	if !decides {
		l.add(NobodyDecides, "route")
	}
}

// stepFault says what is wrong with the form of a step, "" if nothing.
func stepFault(s directory.Step, first, last, repeated bool) string {
	switch {
	case !idForm.MatchString(s.ID) || repeated:
		return "mã bước sai hoặc trùng (malformed or repeated id)"
	case s.Name.VI == "":
		return "thiếu tên (no name)"
	case s.Kind != directory.StepCheck && s.Kind != directory.StepDecide && s.Kind != directory.StepReturn:
		return fmt.Sprintf("loại bước %q không có (unknown kind)", string(s.Kind))
	case first && s.Elsewhere():
		return "bước đầu phải do cơ quan tiếp nhận làm (the first step belongs to the root office)"
	case s.Kind == directory.StepReturn && s.Elsewhere():
		return "chỉ cơ quan tiếp nhận trả kết quả (only the root office returns a result)"
	case s.Acknowledge > directory.MaxAcknowledge:
		return "thời hạn xác nhận đã nhận quá 720 giờ (over 720 hours to acknowledge)"
	case s.Acknowledge > 0 && !s.Elsewhere():
		return "thời hạn xác nhận đã nhận chỉ dùng cho bước do cơ quan khác làm (only a step of another office is acknowledged)"
	case last != (s.Kind == directory.StepReturn):
		return "bước cuối, và chỉ bước cuối, là trả kết quả (the last step alone returns the result)"
	}
	return ""
}

// reachable checks that where a step is done exists, and can be reached from every office that may accept a dossier: a level
// is that of an office above it.
func (l *linter) reachable(i int, s directory.Step) {
	at := path("route", i)
	if s.Office != "" {
		l.office(s.Office, at+".office")
	}
	if s.Level == "" {
		return
	}
	if !l.levels[s.Level] {
		l.add(UnknownLevel, at+".level", string(s.Level))
		return
	}
	for _, root := range l.roots() {
		if !l.above(root, s.Level) {
			l.add(StepUnreachable, at, string(root.Code), s.ID, string(s.Level))
			return // one office says it: they are many
		}
	}
}

// above tells whether an office of the level stands above another, open on the day.
func (l *linter) above(o directory.Office, level directory.LevelID) bool {
	key := string(o.Parent) + "/" + string(level) + "/" + string(l.day())
	if yes, known := l.reach[key]; known {
		return yes
	}
	yes, seen := false, map[directory.OfficeCode]bool{}
	for p, ok := l.offices[o.Parent]; ok && !seen[p.Code]; p, ok = l.offices[p.Parent] {
		seen[p.Code] = true
		if p.Level == level && p.Valid.Contains(l.day()) {
			yes = true
			break
		}
	}
	l.reach[key] = yes
	return yes
}

// budget checks that the steps fit the limit, in quarters of a working day; calendar days count as five of seven. Published
// routes do break it, so it is a warning.
func (l *linter) budget() {
	if l.e.Limit.Unit == "" {
		return
	}
	limit := int(4*days(l.e.Limit) + 0.999)
	if l.e.Limit.Amount == 0 {
		limit = 4
	}
	sum := 0
	for _, s := range l.e.Route {
		sum += int(s.Budget)
	}
	if sum > limit {
		l.add(BudgetOverLimit, "route", quarters(sum)+" ngày", quarters(limit)+" ngày")
	}
}

// quarters writes quarters of a day as days: 2,25.
func quarters(n int) string {
	return strconv.Itoa(n/4) + []string{"", ",25", ",5", ",75"}[n%4]
}
