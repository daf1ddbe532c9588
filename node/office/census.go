package office

import (
	"cmp"
	"context"
	"slices"
	"time"

	"motcua/directory"
	"motcua/node/store"
)

// The measures of the census of dossiers in progress. It is told when it has changed, and now and then in any case, so that
// an editor of the catalogue sees by its time that the office still counts.
const (
	censusEvery = 10 * time.Minute
	censusAgain = 12 * time.Hour
	censusPage  = 500
)

// census is what the directory was last told.
type census struct {
	counts   []directory.OpenCount
	told     time.Time // zero: nothing yet
	recovery uint64    // the directory's last before that
}

// countOpen tells the directory how many dossiers are in progress here, by procedure and version, until ctx ends.
func (o *Office) countOpen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := o.tellOpen(ctx); err != nil && ctx.Err() == nil {
			o.Log.Debug("open dossiers not told", "err", err)
		}
		wait(ctx, censusEvery)
	}
}

// tellOpen counts, and tells what has changed. What fails is told the next time.
func (o *Office) tellOpen(ctx context.Context) error {
	counts, err := o.openCounts()
	if err != nil {
		return err
	}
	now := o.Now()
	recovery := o.recovery.Load()
	known := !o.census.told.IsZero() && o.census.recovery == recovery && slices.Equal(counts, o.census.counts)
	if known && now.Sub(o.census.told) < censusAgain {
		return nil
	}
	if err := o.insist(ctx, callTime, func(ctx context.Context) error { return o.Calls.ReportOpen(ctx, counts) }); err != nil {
		return err
	}
	o.census = census{counts, now, recovery}
	return nil
}

// openCounts counts the accepted dossiers that this office answers for and that stand in one of the desk's lists. Children are
// counted where their roots are.
func (o *Office) openCounts() ([]directory.OpenCount, error) {
	n := map[directory.OpenCount]uint32{}
	for _, b := range Buckets() {
		for from := store.Cursor(""); ; {
			var rows []store.Row
			err := o.Store.View(func(t *store.Tx) (err error) { rows, from, err = t.ByBucket(string(b), from, censusPage); return err })
			if err != nil {
				return nil, err
			}
			for _, r := range rows {
				if r.Kind == store.RowRoot && r.Root == string(o.Code) && r.ProcVersion > 0 {
					n[directory.OpenCount{Procedure: r.Procedure, Version: r.ProcVersion}]++
				}
			}
			if from == "" {
				break
			}
		}
	}
	var out []directory.OpenCount
	for c, open := range n {
		c.Open = open
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b directory.OpenCount) int {
		return cmp.Or(cmp.Compare(a.Procedure, b.Procedure), cmp.Compare(a.Version, b.Version))
	})
	return out[:min(len(out), directory.MaxOpenCounts)], nil
}
