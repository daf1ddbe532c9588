package office

import (
	"context"
	"errors"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/node/store"
)

// The measures of what runs by itself.
const (
	gatherTime   = 200 * time.Millisecond // acts that come within it are reported together
	reportEvery  = 2 * time.Second        // between two reports, whatever happens in between
	exchangeTime = 15 * time.Minute       // for all that waits: a week's 20,000 tracks take two minutes at 512 kbit/s
	reportRetry  = 5 * time.Second
	staffEvery   = time.Minute
	sweepEvery   = time.Hour
	orphanAge    = time.Hour
	callTime     = 10 * time.Second
	confirmBatch = 100
	sweptDrafts  = 100 // at a time
)

// Background does what nobody waits for until ctx ends: it reports tracks, has provisional accounts confirmed, refreshes
// the staff's accounts, hands over what an office that has closed was ordered to, and removes files that no act came to name. Call it once.
func (o *Office) Background(ctx context.Context) {
	o.poke()
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { o.refreshAccounts(ctx) })
	work.Go(func() { o.countOpen(ctx) })
	work.Go(func() { o.regainAll(ctx) })
	work.Go(func() { o.handsOver(ctx) })
	staff, sweep := time.NewTicker(staffEvery), time.NewTicker(sweepEvery)
	defer staff.Stop()
	defer sweep.Stop()
	work.Go(func() { o.reports(ctx) })
	o.repack(ctx)
	o.refreshStaff(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-staff.C:
			o.repack(ctx)
			o.refreshStaff(ctx)
		case <-sweep.C:
			o.sweepDrafts(ctx)
			o.sweepBlobs(ctx)
		}
	}
}

// reports tells the directory what is new, soon after it happened and not more often than every reportEvery.
func (o *Office) reports(ctx context.Context) {
	retry := time.NewTimer(0)
	defer retry.Stop()
	last := time.Now().Add(-reportEvery)
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.report:
			wait(ctx, max(gatherTime, reportEvery-time.Since(last)))
			o.again(ctx, retry)
			last = time.Now()
		case <-retry.C:
			o.again(ctx, retry)
		}
	}
}

// again reports and confirms, and tries later what failed.
func (o *Office) again(ctx context.Context, retry *time.Timer) {
	err := errors.Join(o.retell(ctx), o.reportTracks(ctx), o.confirm(ctx))
	if o.spend.Swap(false) {
		err = errors.Join(err, o.reportSpent(ctx))
	}
	retry.Stop()
	if err != nil && ctx.Err() == nil {
		o.Log.Debug("directory not told yet", "err", err)
		retry.Reset(reportRetry)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// reportTracks tells the directory where dossiers are, all that changed since, in one exchange. Of a dossier that changed more than
// once its newest state is told.
func (o *Office) reportTracks(ctx context.Context) error {
	pending := func(after string, n int) (page []directory.Track, err error) {
		err = o.Store.View(func(t *store.Tx) (err error) { page, err = t.PendingTracks(after, n); return err })
		return page, err
	}
	if first, err := pending("", 1); err != nil || len(first) == 0 {
		return err
	}
	var fault error // of this machine, which says nothing of the directory's reach
	sent := func(part []directory.Track) error {
		// A crash here: they are reported again, which changes nothing at the directory.
		fault = o.Store.Update(ctx, func(t *store.Tx) error { return t.TracksSent(part) })
		o.heard()
		return fault
	}
	err := o.insist(ctx, exchangeTime, func(ctx context.Context) error {
		if err := o.Calls.ReportAll(ctx, pending, sent); fault == nil {
			return err
		}
		return nil
	})
	return errors.Join(err, fault)
}

// confirm has the directory take the accounts that were registered out of its reach.
func (o *Office) confirm(ctx context.Context) error {
	var list []directory.Account
	err := o.Store.View(func(t *store.Tx) (err error) { list, err = t.Provisional(confirmBatch); return err })
	if err != nil {
		return err
	}
	for _, a := range list {
		var confirmed directory.Account
		err := o.insist(ctx, callTime, func(ctx context.Context) (err error) { confirmed, err = o.Calls.Register(ctx, a); return err })
		if c := directory.CodeOf(err); err != nil && c != directory.Conflict && c != directory.Known && c != directory.Invalid {
			return err
		}
		o.heard()
		err = o.Store.Update(ctx, func(t *store.Tx) error {
			if err != nil {
				// The login was taken meanwhile: the account goes on at this office alone, until its owner chooses
				// another. It must not stand before those that come after it.
				o.Log.Warn("provisional account not confirmed", "account", a, "code", directory.CodeOf(err))
				return t.RefuseProvisional(a.ID)
			}
			return t.PutAccount(confirmed)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// refreshStaff fetches the accounts that have a role here, so that they can sign in with the line cut.
func (o *Office) refreshStaff(ctx context.Context) {
	var list client.Roster
	err := o.insist(ctx, callTime, func(ctx context.Context) (err error) { list, err = o.roster(ctx); return err })
	if err != nil {
		o.Log.Debug("staff not refreshed", "err", err)
		return
	}
	if err = o.keepStaff(ctx, list); err != nil {
		o.Log.Error("staff not stored", "err", err)
	}
	if err := o.reportSpent(ctx); err != nil {
		o.Log.Debug("recovery codes not reported yet", "err", err)
	}
}

func (o *Office) roster(ctx context.Context) (r client.Roster, err error) {
	if o.Accounts != nil {
		return o.Accounts.Roster(ctx, o.Code)
	}
	r.Accounts, err = o.Calls.Staff(ctx, o.Code)
	return r, err
}

// refreshAccounts looks up again the accounts of citizens who are signed in here.
func (o *Office) refreshAccounts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-o.checks.due:
			if outOfReach(o.refreshAccount(ctx, id)) {
				wait(ctx, reportRetry)
			}
		}
	}
}

// refreshAccount looks up one. NotFound is no fault: an account made here may not be at the directory yet.
func (o *Office) refreshAccount(ctx context.Context, id directory.AccountID) error {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := o.fetchAccount(call, id)
	if err != nil && directory.CodeOf(err) != directory.NotFound {
		o.Log.Debug("account not refreshed", "account", id, "err", err)
		return err
	}
	return nil
}

// sweepDrafts throws away drafts that nobody has touched for draftLife, with their papers.
func (o *Office) sweepDrafts(ctx context.Context) {
	before := o.Now().Add(-draftLife).UnixMilli()
	err := o.Store.Update(ctx, func(t *store.Tx) error {
		old, err := t.OldDrafts(before, sweptDrafts)
		for _, k := range old {
			if err := expire(t, k, before); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		o.Log.Error("drafts not swept", "err", err)
	}
}

// expire throws away one draft, unless it was touched after all.
func expire(t *store.Tx, k store.Draft, before int64) error {
	d, kept, err := getDraft(t, Citizen{Account: directory.Account{ID: directory.AccountID(k.Account)}}, k.ID)
	if directory.CodeOf(err) == directory.NotFound || err == nil && kept.Updated >= before {
		return nil
	}
	if err != nil {
		return err
	}
	return dropDraft(t, k.ID, d)
}

// sweepSpool removes the chunks of parcels that no act came to send: a crash between packing and committing. It runs before any act of this
// process, which could be between the two itself.
func (o *Office) sweepSpool() {
	n, err := o.Spool.Sweep(func(id digest.Digest) (keep bool) {
		err := o.Store.View(func(t *store.Tx) error {
			out, err := t.Outgoing(id)
			keep = err == nil && out.Waits()
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		})
		return keep || err != nil
	})
	if n > 0 || err != nil {
		o.Log.Info("spool swept", "count", n, "err", err)
	}
}

// sweepBlobs removes the sealed files that nothing names.
func (o *Office) sweepBlobs(ctx context.Context) {
	n, err := o.Blobs.Sweep(ctx, time.Now().Add(-orphanAge), func(d digest.Digest) (held bool, err error) {
		err = o.Store.View(func(t *store.Tx) error { held, err = t.BlobHeld(d); return err })
		return held, err
	})
	if n > 0 || err != nil {
		o.Log.Info("attachments swept", "count", n, "err", err)
	}
}
