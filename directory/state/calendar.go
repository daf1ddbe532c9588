package state

import (
	"errors"
	"fmt"

	"motcua/directory"
	"motcua/directory/command"
)

func calendarKey(version uint32) string { return fmt.Sprintf("calendars/%010d", version) }

// publishCalendar keeps the version in force and puts the next one in its place.
func (t *transition) publishCalendar(c *command.PublishCalendar) error {
	old, ok, err := get[directory.Calendar](t, "calendar")
	if err != nil {
		return err
	}
	if next := old.Version + 1; c.Calendar.Version != next {
		return t.fail(directory.Conflict, "version %d of the calendar is next, not %d: begin again from the one in force", next, c.Calendar.Version)
	}
	if err := fits(t, t.op, roomForTables, row{"calendar", c.Calendar}); err != nil {
		return err
	}
	if ok {
		err = put(t, calendarKey(old.Version), old)
	}
	return errors.Join(err, put(t, "calendar", c.Calendar), t.touch())
}

// replaced returns the calendar that one replaces, to be kept; nil for none. Servers of the first upgrade level did not keep it, and
// all servers must write the same.
func (t *transition) replaced(next *directory.Calendar) (*directory.Calendar, error) {
	if next == nil {
		return nil, nil
	}
	level, errLevel := Level(t)
	old, ok, err := get[directory.Calendar](t, "calendar")
	if err := errors.Join(errLevel, err); err != nil || !ok || level < 2 || old.Version == next.Version {
		return nil, err
	}
	return &old, nil
}

// Calendar returns a version of the calendar, the one in force for 0, false if it is not there.
func Calendar(r Reader, version uint32) (directory.Calendar, bool, error) {
	c, ok, err := get[directory.Calendar](r, "calendar")
	if err != nil || ok && (version == 0 || version == c.Version) {
		return c, ok, err
	}
	return get[directory.Calendar](r, calendarKey(version))
}
