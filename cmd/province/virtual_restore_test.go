package province_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motcua/crypto/recovery"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/server"
	"motcua/node/dossier"
	node "motcua/node/server"
	"motcua/node/store"
)

// ceremony makes the province's key for backups and publishes it at one server.
func (w *world) ceremony() []recovery.Share {
	w.t.Helper()
	r, shares, err := recovery.NewKey(1, 5, 3, time.Now(), w.recovery)
	w.fatal(err)
	b, err := wire.Marshal(r)
	w.fatal(err)
	if a := admin[server.BackupKeyAnswer](w, "dir-2", "/backup-key", server.BackupKeyRequest{Record: b}); !a.Newer {
		w.t.Error("the key is not new")
	}
	return shares
}

// streamed waits until everything that an office has is with its guardian.
func (w *world) streamed(code directory.OfficeCode) {
	w.t.Helper()
	begin := time.Now()
	w.fatal(eventually(4*time.Hour, "the backup of "+string(code), func() error {
		s, err := w.machines[string(code)].node.Status()
		if err == nil && (s.Backup.Until.Before(begin) || s.Backup.Files.Before(begin)) {
			err = fmt.Errorf("%+v", s.Backup)
		}
		return err
	}))
}

// touch has an office write something, so that there is a segment with everything before it.
func (w *world) touch(code directory.OfficeCode) {
	w.fatal(w.node(code).Store.Update(w.t.Context(), func(t *store.Tx) error { return t.Set("touched", []byte(time.Now().String())) }))
}

// burn puts a new machine in the place of an office's, which is no more.
func (w *world) burn(code directory.OfficeCode) {
	m := w.machines[string(code)]
	w.cut(m.name)
	w.off(m)
	w.fatal(os.RemoveAll(m.dir))
	w.heal(m.name)
	m.dir = filepath.Join(w.t.TempDir(), "node")
}

// restore brings an office back on its new machine, by the steps of province IT and of the officials.
func (w *world) restore(code directory.OfficeCode, shares []recovery.Share) node.Restored {
	w.t.Helper()
	m := w.machines[string(code)]
	admin[server.NodeStatus](w, "dir-1", "/revoke", server.RevokeRequest{Office: code, Reason: "burnt down"})
	answer := admin[server.TokenAnswer](w, "dir-1", "/token", server.TokenRequest{Office: code, Hours: 1})
	token, err := directory.ParseToken(answer.Token)
	w.fatal(err)
	f, err := node.Restoration{
		Dir: m.dir, Listen: func() (net.PacketConn, error) { return w.net.Listen(m.addr), nil }, Token: token, Addr: m.addr, Portal: "http://" + m.addr,
	}.Fetch(w.t.Context())
	w.fatal(err)
	if _, err := w.open(m, w.net.Listen(m.addr)); !errors.Is(err, node.ErrRestoring) {
		w.t.Errorf("opened while it is being restored: %v", err)
	}
	q, err := recovery.ReadRequest(f.Request)
	w.fatal(err)
	key, err := recovery.Combine(shares[:3])
	w.fatal(err)
	a, err := q.Answer(key)
	w.fatal(err)
	out, err := node.FinishRestore(w.t.Context(), m.dir, a, store.Options{NoMerging: true})
	w.fatal(err)
	w.start(m)
	return out
}

// TestBurntDown: a commune's machine burns with a dossier on its desk, one at the district and one whose request is still in the
// outbox. Brought back from its guardian on a new machine with new keys, it goes on with all three; what others had packed for the
// old keys arrives, what arrives twice has one effect, and no code is given twice.
func TestBurntDown(t *testing.T) {
	inProvince(t, func(w *world) {
		atDesk := w.tell(funeral).submits(locTho, dienAn).does(dienAn, accepts)
		away := w.tell(funeral).submits(dienAn, dienAn).does(dienAn, accepts, finishes, forwards).does(dienKhanh, receives)
		w.fatal(errors.Join(atDesk.err, away.err))
		w.off(w.machines[string(dienKhanh)]) // the office above: a server of the directory becomes the guardian
		shares := w.ceremony()
		waits := w.tell(funeral).submits(dienAn, dienAn).does(dienAn, accepts, finishes, forwards).waiting(dienAn, 1)
		waits.end()
		time.Sleep(30 * time.Minute) // for the key to spread
		w.touch(dienAn)
		w.streamed(dienAn)
		before := w.rowCodes(dienAn)
		w.burn(dienAn)
		w.start(w.machines[string(dienKhanh)])
		away.does(dienKhanh, decides, reports)
		away.passes(5 * time.Minute).end() // its report is packed for keys that are no more, and a relay has it

		out := w.restore(dienAn, shares)
		if out.Missing != 0 || time.Since(out.Until) > 2*time.Hour {
			t.Errorf("restored %+v", out)
		}
		if after := w.rowCodes(dienAn); after != before {
			t.Errorf("dossiers before %s, after %s", before, after)
		}
		atDesk.does(dienAn, finishes, forwards).does(dienKhanh, receives, decides, reports).does(dienAn, returns).
			sees(centre, dossier.StatusReturned, true).downloads(centre).end()
		away.does(dienAn, returns).sees(centre, dossier.StatusReturned, true).end()
		waits.does(dienKhanh, receives, decides, reports).does(dienAn, returns).sees(centre, dossier.StatusReturned, true).end()
		fresh := w.tell(funeral).submits(dienAn, dienAn).does(dienAn, accepts)
		fresh.end()
		if strings.Contains(before, fresh.code) {
			t.Errorf("the code %s was given twice", fresh.code)
		}
		fresh.does(dienAn, finishes, forwards).does(dienKhanh, receives, decides, reports).does(dienAn, returns).end()
		w.touch(dienAn)
		w.streamed(dienAn)
		w.lawsHold()
	})
}

// rowCodes are the codes in an office's lists.
func (w *world) rowCodes(code directory.OfficeCode) string {
	lines, err := w.toDo(w.t.Context(), code)
	w.fatal(err)
	var out []string
	for _, l := range lines {
		out = append(out, l.Code)
	}
	return strings.Join(out, " ")
}
