package office

import (
	"encoding/binary"
	"fmt"
	"time"

	"motcua/node/store"
)

// A machine brought back from a backup does not know what the lost one did last: it may have asked for what is answered now. What
// would else be refused for good waits for a while, with its sender, for people to compare both sides.

const (
	restoredName = "restored"
	restoredWait = 60 * 24 * time.Hour
)

// MarkRestored notes that the store was brought back from a backup now.
func MarkRestored(t *store.Tx, now time.Time) error {
	return t.Set(restoredName, binary.BigEndian.AppendUint64(nil, uint64(now.Unix())))
}

// unasked refuses a report that this office has not asked for, or has it wait on a machine that was brought back lately.
func (o *Office) unasked(note string) error {
	lately := false
	err := o.Store.View(func(t *store.Tx) (err error) { lately, err = o.restoredLately(t); return err })
	if err != nil {
		return err
	}
	if lately {
		return fmt.Errorf("%s, as far as the backup goes that this office was brought back from: it waits for people to look", note)
	}
	return refuse(note, nil)
}

// restoredLately tells whether the store was brought back, or found to have lost something, within restoredWait.
func (o *Office) restoredLately(t *store.Tx) (bool, error) {
	at, _, err := t.Get(restoredName)
	if err != nil || len(at) != 8 {
		return false, err
	}
	return o.Now().Sub(time.Unix(int64(binary.BigEndian.Uint64(at)), 0)) < restoredWait, nil
}
