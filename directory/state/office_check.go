package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"motcua/directory"
)

// maxFaults bounds the faults that an answer names.
const maxFaults = 8

// newFaults fails with what is wrong in a chart and was not wrong before, on any day from a date on.
func newFaults(before, after Chart, from directory.Date) error {
	days := map[directory.Date]bool{from: true}
	before.days(from, days)
	after.days(from, days)
	var out []string
	for _, d := range slices.Sorted(maps.Keys(days)) {
		old := before.faults(d)
		for _, f := range after.faults(d) {
			if !slices.Contains(old, f) && !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	more := ""
	if len(out) > maxFaults {
		more = fmt.Sprintf("; and %d more", len(out)-maxFaults)
		out = out[:maxFaults]
	}
	return refused(directory.Conflict, "%s%s", strings.Join(out, "; "), more)
}

// days adds the days, from a date on, on which something begins or ends.
func (c Chart) days(from directory.Date, days map[directory.Date]bool) {
	note := func(p directory.Period) {
		if p.From > from {
			days[p.From] = true
		}
		if p.To >= from {
			days[p.To.AddDays(1)] = true
		}
	}
	for _, o := range c.Offices {
		note(o.Valid)
		for _, u := range o.Parents {
			note(u.Valid)
		}
	}
	for _, l := range c.Levels {
		note(l.Valid)
	}
}

// faults is what is wrong on a day: parents and levels that are not there, circles, and units with two offices.
func (c Chart) faults(on directory.Date) (out []string) {
	units := map[string]directory.OfficeCode{}
	for _, o := range c.Open(on) {
		if l, ok := c.Levels[o.Level]; !ok || !l.Valid.Contains(on) {
			out = append(out, fmt.Sprintf("office %s is of the level %s, which is not there on %s", o.Code, o.Level, on))
		}
		if p := o.ParentOn(on); p != "" {
			out = append(out, c.parentFault(o, p, on)...)
		}
		if other, taken := units[o.Unit]; taken && o.Unit != "" {
			out = append(out, fmt.Sprintf("offices %s and %s would both have the unit %s on %s", other, o.Code, o.Unit, on))
		}
		units[o.Unit] = o.Code
	}
	return out
}

func (c Chart) parentFault(o directory.Office, parent directory.OfficeCode, on directory.Date) []string {
	if p, ok := c.Offices[parent]; !ok || !p.Valid.Contains(on) {
		return []string{fmt.Sprintf("office %s is under %s, which is not open on %s: move it, or close it", o.Code, parent, on)}
	}
	at := o.Code
	for range directory.MaxDepth {
		if at = c.Offices[at].ParentOn(on); at == "" {
			return nil
		}
	}
	return []string{fmt.Sprintf("office %s is above itself on %s, or more than %d offices are above it", o.Code, on, directory.MaxDepth)}
}
