package state

import (
	"bytes"
	"errors"
	"fmt"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
)

// Published is the answer to a publication: how many rows it changed.
type Published struct {
	Changed uint32 `cbor:"1,keyasint"`
	// Publication is its number, 0 where it is not recorded.
	Publication uint64 `cbor:"2,keyasint,omitempty"`
}

// row is a public row to be written.
type row struct {
	key   string
	value any
}

func procedureKey(code string, version uint32) string {
	return fmt.Sprintf("procedure/%s/%010d", code, version)
}

func (t *transition) publish(c *command.Publish) (any, error) {
	g, err := t.genesis()
	if err != nil {
		return nil, err
	}
	if err := t.checkPublication(c, g); err != nil {
		return nil, err
	}
	rows := publishedRows(c)
	if err := fits(t, t.op, roomForTables, rows...); err != nil {
		return nil, err
	}
	old, err := t.replaced(c.Calendar)
	if err != nil {
		return nil, err
	}
	v, err := t.writePublic(rows, c.Publication)
	if err == nil && old != nil {
		err = put(t, calendarKey(old.Version), *old)
	}
	return v, err
}

// publishedRows are the rows of a publication.
func publishedRows(c *command.Publish) []row {
	var rows []row
	for _, l := range c.Levels {
		rows = append(rows, row{"level/" + string(l.ID), l})
	}
	for _, f := range c.Fields {
		rows = append(rows, row{"field/" + f.ID, f})
	}
	if c.Calendar != nil {
		rows = append(rows, row{"calendar", *c.Calendar})
	}
	for _, o := range c.Offices {
		rows = append(rows, row{"office/" + string(o.Code), o})
	}
	for _, p := range c.Procedures {
		rows = append(rows, row{procedureKey(p.Code, p.Version), p})
	}
	return rows
}

// writePublic writes public rows, and records it where it is part of a publication.
func (t *transition) writePublic(rows []row, part *command.Part) (any, error) {
	p, came, err := t.publication(part)
	if err != nil || came {
		return Published{Publication: p.Number}, err
	}
	changed, err := t.write(rows)
	if err != nil {
		return nil, err
	}
	if len(changed) > 0 {
		err = t.touch()
	}
	return Published{uint32(len(changed)), p.Number}, errors.Join(err, t.record(p, part, changed))
}

// write writes the rows that differ from what is there and returns their keys.
func (t *transition) write(rows []row) (changed []string, err error) {
	for _, r := range rows {
		b, err := wire.Marshal(r.value)
		if err != nil {
			return changed, fmt.Errorf("row %s: %w", r.key, err)
		}
		old, err := t.Get(r.key)
		if err != nil {
			return changed, err
		}
		if old == nil || !bytes.Equal(old, b) {
			t.Set(r.key, b)
			changed = append(changed, r.key)
		}
	}
	return changed, nil
}

// checkPublication checks what refers to other rows, in the tables or in the publication itself.
func (t *transition) checkPublication(c *command.Publish, g directory.Genesis) error {
	k := newKnown(t, c)
	for _, l := range c.Levels {
		if err := t.checkLevel(l); err != nil {
			return err
		}
	}
	for _, o := range c.Offices {
		if err := t.checkOffice(o, g, k); err != nil {
			return err
		}
	}
	if err := t.checkCalendar(c.Calendar); err != nil {
		return err
	}
	for _, p := range c.Procedures {
		if err := t.checkProcedure(p, k); err != nil {
			return err
		}
	}
	return k.err
}

func (t *transition) checkLevel(l directory.Level) error {
	old, _, err := get[directory.Level](t, "level/"+string(l.ID))
	if err == nil && len(l.Acts) < len(old.Acts) {
		err = t.fail(directory.Conflict, "level %s was changed by decisions since: change it with motcua office level, which keeps them", l.ID)
	}
	return err
}

func (t *transition) checkOffice(o directory.Office, g directory.Genesis, k *known) error {
	switch {
	case !g.Below(o.Code):
		return t.fail(directory.Invalid, "office %s is not of this province, whose codes begin with %s", o.Code, g.Prefix)
	case !k.has("level/" + string(o.Level)):
		return t.fail(directory.Invalid, "office %s: no level %q", o.Code, o.Level)
	case o.Parent != "" && !k.has("office/"+string(o.Parent)):
		return t.fail(directory.Invalid, "office %s: no parent %s", o.Code, o.Parent)
	}
	old, ok, err := get[directory.Office](t, "office/"+string(o.Code))
	if err != nil || !ok {
		return err
	}
	if len(o.Acts) < len(old.Acts) {
		return t.fail(directory.Conflict, "office %s was changed by decisions since: change it with motcua office, which keeps them", o.Code)
	}
	for _, n := range old.Names {
		if !bears(o, n) {
			return t.fail(directory.Conflict, "office %s once bore the name %q: history keeps it", o.Code, n.Text.VI)
		}
	}
	return nil
}

// bears tells whether the office has the name; its period may have been ended meanwhile.
func bears(o directory.Office, n directory.Named) bool {
	for _, m := range o.Names {
		if m.Text.VI == n.Text.VI && m.Valid.From == n.Valid.From {
			return true
		}
	}
	return false
}

func (t *transition) checkCalendar(c *directory.Calendar) error {
	if c == nil {
		return nil
	}
	old, ok, err := get[directory.Calendar](t, "calendar")
	if err != nil || !ok || old.Version < c.Version {
		return err
	}
	a, errA := wire.Marshal(old)
	b, errB := wire.Marshal(*c)
	if bytes.Equal(a, b) {
		return errors.Join(errA, errB)
	}
	return t.fail(directory.Conflict, "calendar version %d is in force: publish version %d", old.Version, old.Version+1)
}

func (t *transition) checkProcedure(p directory.Procedure, k *known) error {
	if !k.has("field/" + p.Field) {
		return t.fail(directory.Invalid, "procedure %s: no field %q", p.Code, p.Field)
	}
	places := []directory.Step{{ID: "in charge", Level: p.Level, Office: p.Office}}
	for _, s := range append(places, p.Route...) {
		if s.Level != "" && !k.has("level/"+string(s.Level)) {
			return t.fail(directory.Invalid, "procedure %s: %s: no level %q", p.Code, s.ID, s.Level)
		}
		if s.Office != "" && !k.has("office/"+string(s.Office)) {
			return t.fail(directory.Invalid, "procedure %s: %s: no office %s", p.Code, s.ID, s.Office)
		}
	}
	old, err := t.Get(procedureKey(p.Code, p.Version))
	if err != nil || old == nil {
		return err
	}
	b, err := wire.Marshal(p)
	if err != nil || bytes.Equal(old, b) {
		return err
	}
	return t.fail(directory.Conflict, "procedure %s version %d is published and never changes: publish a new version", p.Code, p.Version)
}

// known answers whether a row is in the tables or in the publication.
type known struct {
	t    *transition
	rows map[string]bool
	err  error
}

func newKnown(t *transition, c *command.Publish) *known {
	k := &known{t: t, rows: map[string]bool{}}
	for _, l := range c.Levels {
		k.rows["level/"+string(l.ID)] = true
	}
	for _, f := range c.Fields {
		k.rows["field/"+f.ID] = true
	}
	for _, o := range c.Offices {
		k.rows["office/"+string(o.Code)] = true
	}
	return k
}

func (k *known) has(key string) bool {
	if _, seen := k.rows[key]; !seen {
		b, err := k.t.Get(key)
		k.rows[key] = b != nil
		k.err = errors.Join(k.err, err)
	}
	return k.rows[key]
}
