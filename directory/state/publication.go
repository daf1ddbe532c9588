package state

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"motcua/directory"
	"motcua/directory/command"
)

// holdTime is for how long, in milliseconds, no edition is cut after a part of a publication that is not the last. It bounds
// what a publisher that goes away delays: a revocation waits for an edition.
const holdTime = 4000

// hold is the publication under way.
type hold struct {
	Publication uint64 `cbor:"1,keyasint"`
	Until       int64  `cbor:"2,keyasint"` // Unix milliseconds
}

// Held tells whether a publication is under way at a time, Unix milliseconds.
func Held(r Reader, at int64) (bool, error) {
	h, ok, err := get[hold](r, "publishing")
	return ok && at < h.Until, err
}

func publicationKey(number uint64) string { return fmt.Sprintf("publication/%010d", number) }

func publicationOf(id command.RequestID) string {
	return "publication-of/" + hex.EncodeToString(id[:])
}

func partKey(number uint64, part uint32) string { return fmt.Sprintf("part/%010d/%06d", number, part) }

// lastPublication is the number of the newest publication, 0 for none.
func lastPublication(r Reader) (uint64, error) {
	n, _, err := get[uint64](r, "meta/publication")
	return n, err
}

// publication returns the record that a part belongs to, a new one for the first, and whether the part has come already;
// zero where nothing is recorded.
func (t *transition) publication(part *command.Part) (p directory.Publication, came bool, err error) {
	if part == nil {
		return p, false, nil
	}
	number, begun, err := get[uint64](t, publicationOf(part.ID))
	if err != nil {
		return p, false, err
	}
	if !begun {
		last, err := lastPublication(t)
		return directory.Publication{Number: last + 1, At: t.at, Terms: part.Terms, Parts: part.Parts}, false, err
	}
	p, _, err = get[directory.Publication](t, publicationKey(number))
	if err == nil && (p.Terms != part.Terms || p.Parts != part.Parts) {
		err = t.fail(directory.Conflict, "publication %d has other terms: begin a new one", number)
	}
	if err != nil {
		return p, false, err
	}
	_, came, err = get[[]string](t, partKey(number, part.Part))
	return p, came, err
}

// record notes that a part has come, and what it changed.
func (t *transition) record(p directory.Publication, part *command.Part, changed []string) error {
	if part == nil {
		return nil
	}
	p.Done++
	p.Changed += uint32(len(changed))
	errs := []error{put(t, publicationKey(p.Number), p), put(t, partKey(p.Number, part.Part), changed)}
	if p.Done == 1 {
		errs = append(errs, put(t, publicationOf(part.ID), p.Number), put(t, "meta/publication", p.Number))
	}
	if p.Done < p.Parts {
		errs = append(errs, put(t, "publishing", hold{p.Number, t.at + holdTime}))
	} else {
		errs = append(errs, t.release(p.Number))
	}
	return errors.Join(errs...)
}

// release lets editions be cut again, unless another publication is under way.
func (t *transition) release(number uint64) error {
	h, ok, err := get[hold](t, "publishing")
	if ok && h.Publication == number {
		t.Delete("publishing")
	}
	return err
}

func withdrawnKey(w directory.Withdrawal) string {
	return fmt.Sprintf("withdrawn/%s/%010d", w.Code, w.Version)
}

// withdraw ends procedures. What is withdrawn already can be given another date while that is still to come: an editor who
// slipped must be able to mend it.
func (t *transition) withdraw(c *command.Withdraw) (any, error) {
	today := directory.DateOf(time.UnixMilli(t.at))
	var rows []row
	for _, w := range c.Withdrawals {
		b, err := t.Get(procedureKey(w.Code, w.Version))
		if err != nil {
			return nil, err
		}
		if b == nil {
			return nil, t.fail(directory.NotFound, "procedure %s has no version %d", w.Code, w.Version)
		}
		old, ok, err := get[directory.Withdrawal](t, withdrawnKey(w))
		if err != nil {
			return nil, err
		}
		if ok && old != w && old.From <= today {
			return nil, t.fail(directory.Conflict, "procedure %s is withdrawn since %s: publish a new version to revive it", w.Code, old.From)
		}
		rows = append(rows, row{withdrawnKey(w), w})
	}
	if err := fits(t, t.op, roomForKeys, rows...); err != nil {
		return nil, err
	}
	return t.writePublic(rows, &c.Publication)
}

func (t *transition) reportOpen(c *command.ReportOpen) error {
	if _, err := t.activeNode(c.Office); err != nil {
		return err
	}
	return put(t, "open/"+string(c.Office), directory.OpenDossiers{Office: c.Office, At: t.at, Counts: c.Counts})
}

// Withdrawals returns the withdrawals of procedures, by code and version.
func Withdrawals(r Reader) ([]directory.Withdrawal, error) {
	return list[directory.Withdrawal](r, "withdrawn/")
}

// Publications returns what was ever published, oldest first.
func Publications(r Reader) ([]directory.Publication, error) {
	return list[directory.Publication](r, "publication/")
}

// PublishedRows returns the keys of the rows that a publication changed.
func PublishedRows(r Reader, number uint64) (out []string, err error) {
	parts, err := list[[]string](r, fmt.Sprintf("part/%010d/", number))
	for _, p := range parts {
		out = append(out, p...)
	}
	return out, err
}

// OpenDossiers returns what each office last said about its dossiers in progress.
func OpenDossiers(r Reader) ([]directory.OpenDossiers, error) {
	return list[directory.OpenDossiers](r, "open/")
}

// Catalogue is the public tables that an editor works on.
type Catalogue struct {
	Levels     []directory.Level
	Offices    []directory.Office
	Fields     []directory.Field
	Procedures []directory.Procedure // every version, by code and version
	Withdrawn  []directory.Withdrawal
	Calendar   *directory.Calendar
}

// CatalogueOf reads them.
func CatalogueOf(r Reader) (c Catalogue, err error) {
	var errs [6]error
	c.Levels, errs[0] = list[directory.Level](r, "level/")
	c.Offices, errs[1] = list[directory.Office](r, "office/")
	c.Fields, errs[2] = list[directory.Field](r, "field/")
	c.Procedures, errs[3] = list[directory.Procedure](r, "procedure/")
	c.Withdrawn, errs[4] = Withdrawals(r)
	days, ok, err := get[directory.Calendar](r, "calendar")
	if ok {
		c.Calendar = &days
	}
	errs[5] = err
	return c, errors.Join(errs[:]...)
}
