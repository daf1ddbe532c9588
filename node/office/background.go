package office

import (
	"context"
	"errors"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/store"
)

// The measures of what runs by itself.
const (
	gatherTime   = 200 * time.Millisecond // acts that come within it are reported together
	reportRetry  = 5 * time.Second
	staffEvery   = time.Minute
	sweepEvery   = time.Hour
	orphanAge    = time.Hour
	callTime     = 10 * time.Second
	confirmBatch = 100
)

// Background does what nobody waits for until ctx ends: it reports tracks, has provisional accounts confirmed, refreshes
// the staff's accounts and removes files that no act came to name. Call it once.
func (o *Office) Background(ctx context.Context) {
	o.poke()
	staff, sweep := time.NewTicker(staffEvery), time.NewTicker(sweepEvery)
	defer staff.Stop()
	defer sweep.Stop()
	retry := time.NewTimer(0)
	defer retry.Stop()
	o.refreshStaff(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-staff.C:
			o.refreshStaff(ctx)
		case <-sweep.C:
			o.sweepBlobs(ctx)
		case <-o.report:
			wait(ctx, gatherTime)
			o.again(ctx, retry)
		case <-retry.C:
			o.again(ctx, retry)
		}
	}
}

// again reports and confirms, and tries later what failed.
func (o *Office) again(ctx context.Context, retry *time.Timer) {
	err := errors.Join(o.reportTracks(ctx), o.confirm(ctx))
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

// reportTracks tells the directory where dossiers are, in batches, until nothing waits.
func (o *Office) reportTracks(ctx context.Context) error {
	for {
		var batch []directory.Track
		err := o.Store.View(func(t *store.Tx) (err error) { batch, err = t.PendingTracks(directory.MaxTrackBatch); return err })
		if err != nil || len(batch) == 0 {
			return err
		}
		call, cancel := context.WithTimeout(ctx, callTime)
		err = o.Calls.Report(call, batch)
		cancel()
		if err != nil {
			return err
		}
		o.heard()
		// A crash here: they are reported again, which changes nothing at the directory.
		if err := o.Store.Update(ctx, func(t *store.Tx) error { return t.TracksSent(batch) }); err != nil {
			return err
		}
	}
}

// confirm has the directory take the accounts that were registered out of its reach.
func (o *Office) confirm(ctx context.Context) error {
	var list []directory.Account
	err := o.Store.View(func(t *store.Tx) (err error) { list, err = t.Provisional(confirmBatch); return err })
	if err != nil {
		return err
	}
	for _, a := range list {
		call, cancel := context.WithTimeout(ctx, callTime)
		confirmed, err := o.Calls.Register(call, a)
		cancel()
		if err != nil && outOfReach(err) {
			return err
		}
		if err != nil {
			// The login was taken meanwhile: the account goes on at this office alone, until its owner chooses another.
			o.Log.Warn("provisional account not confirmed", "account", a, "code", directory.CodeOf(err))
			continue
		}
		o.heard()
		if err := o.Store.Update(ctx, func(t *store.Tx) error { return t.PutAccount(confirmed) }); err != nil {
			return err
		}
	}
	return nil
}

// refreshStaff fetches the accounts that have a role here, so that they can sign in with the line cut.
func (o *Office) refreshStaff(ctx context.Context) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	list, err := o.Calls.Staff(call, o.Code)
	if err != nil {
		o.Log.Debug("staff not refreshed", "err", err)
		return
	}
	o.heard()
	err = o.Store.Update(ctx, func(t *store.Tx) error {
		for _, a := range list {
			if err := t.PutAccount(a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.Log.Error("staff not stored", "err", err)
	}
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
