package state

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"motcua/directory"
	"motcua/directory/command"
)

// Reported is the answer to a report. A track that an office may not report is refused by itself; the others are kept.
type Reported struct {
	Kept    uint32   `cbor:"1,keyasint"`
	Refused []string `cbor:"2,keyasint,omitempty"` // codes
}

func (t *transition) report(c *command.Report) (any, error) {
	if _, err := t.activeNode(c.From); err != nil {
		return nil, err
	}
	var out Reported
	for _, track := range c.Tracks {
		old, ok, err := t.mayReport(c.From, track)
		if err != nil {
			return nil, err
		}
		if !ok {
			out.Refused = append(out.Refused, shortened(track.Code))
			continue
		}
		if err := t.keep(c.From, track, old); err != nil {
			return nil, err
		}
		out.Kept++
	}
	return out, nil
}

// shortened bounds a code that may be anything.
func shortened(code string) string { return strings.ToValidUTF8(code[:min(len(code), maxCode)], "") }

// maxCode bounds a code in an answer, in bytes.
const maxCode = 64

// dossierCode is the form of dossier codes, whose first part is the office that gave them (Decree 61/2018/NĐ-CP);
// submission codes look different.
var dossierCode = regexp.MustCompile(`^([A-Z0-9.]+)-[0-9]{6}-[0-9]{4,}$`)

// mayReport holds the rule of who speaks for a dossier. The root office does, for codes that begin with its own and for
// submissions made to it, and who took over from it when it closed. The portal where a submission was made may report it while nobody has taken it (no root); only
// the office that it names as the holder can take it then. Old is the track under the code as it was, nil for none.
func (t *transition) mayReport(from directory.OfficeCode, n directory.Track) (old *directory.Track, may bool, err error) {
	if command.ValidTrack(n) != nil || n.Root != "" && n.Root != from || n.Alias == n.Code || n.Root == "" && n.Alias != "" {
		return nil, false, nil
	}
	if m := dossierCode.FindStringSubmatch(n.Code); m != nil {
		if may, err = t.speaksFor(from, directory.OfficeCode(m[1])); err != nil || !may {
			return nil, false, err
		}
	}
	if old, may, err = t.follows(n.Code, n, from); err != nil || !may {
		return nil, false, err
	}
	if n.Alias != "" {
		if _, may, err = t.follows(n.Alias, n, from); err != nil || !may {
			return nil, false, err
		}
	}
	if old != nil && old.Alias == n.Alias && n.Alias != "" {
		return old, true, nil // it has been this one's since, and no other's can be
	}
	may, err = t.aliasFree(from, n)
	return old, may, err
}

// follows returns the track under a code, nil for none, and whether n may follow it.
func (t *transition) follows(code string, n directory.Track, from directory.OfficeCode) (*directory.Track, bool, error) {
	old, ok, err := get[directory.Track](t, "track/"+code)
	if err != nil || !ok {
		return nil, true, err
	}
	may, err := t.mayFollow(old, n, from)
	return &old, may, err
}

// mayFollow tells whether an office may report n where old was reported before.
func (t *transition) mayFollow(old, n directory.Track, from directory.OfficeCode) (bool, error) {
	switch {
	case old.Root != "":
		return t.speaksFor(from, old.Root)
	case n.Root != "":
		return t.speaksFor(from, old.Holder)
	}
	return old.Holder == n.Holder, nil
}

// speaksFor tells whether an office reports the dossiers of another: it is that office, or has taken over from it.
func (t *transition) speaksFor(from, office directory.OfficeCode) (bool, error) {
	if from == office {
		return true, nil
	}
	if level, err := Level(t); err != nil || level < command.LevelHandOver {
		return false, err
	}
	var fault error
	heirs := directory.Standing(office, directory.DateOf(time.UnixMilli(t.at)), func(c directory.OfficeCode) (directory.Office, bool) {
		o, ok, err := get[directory.Office](t, "office/"+string(c))
		fault = errors.Join(fault, err)
		return o, ok
	})
	return slices.Contains(heirs, from), fault
}

// aliasFree: a submission becomes one dossier.
func (t *transition) aliasFree(from directory.OfficeCode, n directory.Track) (bool, error) {
	if n.Alias == "" {
		taken, err := has(t, "alias/"+n.Code)
		return !taken || n.Root != "", err
	}
	code, taken, err := get[string](t, "alias/"+n.Alias)
	return !taken || code == n.Code, err
}

// keep writes a track unless what is there is further on or newer.
func (t *transition) keep(from directory.OfficeCode, n directory.Track, old *directory.Track) error {
	n.AsOf = min(n.AsOf, max(t.at, 1))
	if old != nil && (progress(n) < progress(*old) || progress(n) == progress(*old) && n.AsOf < old.AsOf) {
		return nil
	}
	if old != nil && n.Applicant == "" {
		n.Applicant = old.Applicant
	}
	if old != nil && len(n.Checks) == 0 {
		n.Checks = old.Checks
	}
	errs := []error{put(t, "track/"+n.Code, n)}
	if n.Alias != "" && (old == nil || old.Alias != n.Alias) {
		errs = append(errs, put(t, "alias/"+n.Alias, n.Code))
	}
	if n.Applicant != "" {
		errs = append(errs, t.enlist(from, n))
	}
	return errors.Join(errs...)
}

// enlist puts a track on its applicant's list, where each office has MaxMine places. On the next one its oldest gives way,
// if that is not another's by now.
func (t *transition) enlist(from directory.OfficeCode, n directory.Track) error {
	list := "mine/" + string(n.Applicant) + "/"
	if listed, err := has(t, list+n.Code); err != nil || listed {
		return err
	}
	places := "places/" + string(n.Applicant) + "/" + string(from)
	taken, _, errTaken := get[uint64](t, places)
	place := fmt.Sprintf("%s/%04d", places, taken%MaxMine)
	oldest, full, errOldest := get[string](t, place)
	if err := errors.Join(errTaken, errOldest); err != nil {
		return err
	}
	if full {
		old, _, err := get[directory.Track](t, "track/"+oldest)
		if err != nil {
			return err
		}
		if old.Root == "" || old.Root == from {
			t.Delete(list + oldest)
		}
	}
	return errors.Join(put(t, places, taken+1), put(t, place, n.Code), put(t, list+n.Code, true))
}

// progress orders what a portal reports, the arrival at the office, and what the office did: by different clocks, so that
// times could not.
func progress(n directory.Track) int {
	switch {
	case n.Root == "":
		return 0
	case n.State == directory.StateSubmitted:
		return 1
	}
	return 2
}

// TrackOf returns the track of a code, or of the dossier that a submission code has become.
func TrackOf(r Reader, code string) (directory.Track, bool, error) {
	real, ok, err := get[string](r, "alias/"+code)
	if err != nil {
		return directory.Track{}, false, err
	}
	if ok {
		code = real
	}
	return get[directory.Track](r, "track/"+code)
}

// MaxMine bounds the tracks returned for one account, and those that one office puts on its list.
const MaxMine = 1000

// TracksOf returns the tracks of an applicant, at most MaxMine, newest first. If there are more, every root office has as
// many of its own among them as every other: any office may name any applicant, and none shall crowd the others out. A
// submission that has become a dossier appears once, as the dossier.
func TracksOf(r Reader, id directory.AccountID) ([]directory.Track, error) {
	prefix := "mine/" + string(id) + "/"
	var out []directory.Track
	err := r.Scan(prefix, func(key string, _ []byte) error {
		code := strings.TrimPrefix(key, prefix)
		if accepted, err := has(r, "alias/"+code); err != nil || accepted {
			return err
		}
		n, ok, err := get[directory.Track](r, "track/"+code)
		if ok {
			out = append(out, n)
		}
		return err
	})
	slices.SortFunc(out, newestFirst)
	if len(out) > MaxMine {
		out = inTurn(out)[:MaxMine]
		slices.SortFunc(out, newestFirst)
	}
	return out, err
}

func newestFirst(a, b directory.Track) int {
	return cmp.Or(cmp.Compare(b.AsOf, a.AsOf), cmp.Compare(a.Code, b.Code))
}

// inTurn orders tracks so that each root office's first comes before any second, and so on.
func inTurn(tracks []directory.Track) []directory.Track {
	turn, next := map[string]int{}, map[directory.OfficeCode]int{}
	for _, n := range tracks {
		turn[n.Code] = next[n.Root]
		next[n.Root]++
	}
	slices.SortStableFunc(tracks, func(a, b directory.Track) int { return cmp.Compare(turn[a.Code], turn[b.Code]) })
	return tracks
}
