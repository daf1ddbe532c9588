package province_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/edition"
	"motcua/node/dossier"
	"motcua/node/office"
	"motcua/node/store"
	"motcua/replication"
)

// census is everything that stands in the province's stores at one moment. The checks read it and nothing else.
type census struct {
	said    ledger
	offices map[directory.OfficeCode]*holdings
	// tracks are the answers to "where is it", by code and by who was asked.
	tracks map[string]map[string]string
	// tables are the directory servers' tables: digests of values by key.
	tables map[string]map[string]digest.Digest
	// editions are the bodies of the newest edition, by who has it.
	editions map[string][]byte
}

// holdings are what one office holds.
type holdings struct {
	rows     []store.Row
	chains   map[digest.Digest][]dossier.Signed
	forks    int
	waiting  int // parcels without a receipt
	troubles int // parcels refused by their recipient
	sent     []sentParcel
	key      dossier.KeyOf // by this office's own replica
}

// sentParcel is a parcel that must have been sent, and what both ends know of it.
type sentParcel struct {
	what    string
	found   bool
	settled bool // the sender has a receipt
	taken   bool // the recipient has kept it
}

// rest waits until nothing is on its way: no parcel, no track, no edition, and nothing on any desk.
func (w *world) rest(within time.Duration) error {
	return eventually(within, "the province comes to rest", func() error {
		var errs []error
		for _, code := range w.running() {
			errs = append(errs, w.officeRests(code))
		}
		return errors.Join(append(errs, w.directoryRests())...)
	})
}

func (w *world) officeRests(code directory.OfficeCode) error {
	lines, err := w.toDo(w.t.Context(), code)
	if err != nil || len(lines) > 0 {
		return fmt.Errorf("%s: %d lines on the desk: %w", code, len(lines), err)
	}
	return w.node(code).Store.View(func(t *store.Tx) error {
		peers, err := t.OutgoingPeers()
		if err != nil || len(peers) > 0 {
			return fmt.Errorf("%s: parcels wait for %v: %w", code, peers, err)
		}
		tracks, err := t.PendingTracks("", 1)
		if err != nil || len(tracks) > 0 {
			return fmt.Errorf("%s: tracks wait: %w", code, err)
		}
		return nil
	})
}

func (w *world) directoryRests() error {
	numbers, applied := map[uint64]bool{}, map[uint64]bool{}
	for _, name := range servers {
		s, err := w.machines[name].server.Status()
		if err != nil {
			return err
		}
		if s.Pending {
			return fmt.Errorf("%s: an edition is under way", name)
		}
		numbers[s.Edition], applied[s.Applied] = true, true
	}
	for _, code := range w.running() {
		numbers[w.machines[string(code)].node.Replica().Number()] = true
	}
	if len(numbers) > 1 || len(applied) > 1 {
		return fmt.Errorf("editions %v, log %v", slices.Sorted(maps.Keys(numbers)), slices.Sorted(maps.Keys(applied)))
	}
	return nil
}

// census counts everything. The directory servers are off afterwards: their tables are read from the disk.
func (w *world) census() *census {
	w.t.Helper()
	c := &census{
		said: w.said, offices: map[directory.OfficeCode]*holdings{}, tracks: map[string]map[string]string{},
		tables: map[string]map[string]digest.Digest{}, editions: map[string][]byte{},
	}
	for _, code := range w.running() {
		h, err := w.holdings(code)
		w.fatal(err)
		c.offices[code] = h
		s, err := edition.Read(w.machines[string(code)].node.Replica().Bytes())
		w.fatal(err)
		c.editions[string(code)] = s.Body
	}
	for code, h := range c.offices {
		w.fatal(w.sentBy(code, h, c))
	}
	for _, name := range servers {
		b, err := w.ask(name, http.MethodGet, "/edition", nil)
		w.fatal(err)
		s, err := edition.Read(b)
		w.fatal(err)
		c.editions[name] = s.Body
	}
	for code, digits := range w.said.codes() {
		c.tracks[code] = w.tracks(code, digits)
	}
	for _, name := range servers {
		w.off(w.machines[name])
		t, err := readTables(filepath.Join(w.machines[name].dir, "tables"))
		w.fatal(err)
		c.tables[name] = t
	}
	return c
}

// holdings reads the store of an office.
func (w *world) holdings(code directory.OfficeCode) (*holdings, error) {
	h := &holdings{chains: map[digest.Digest][]dossier.Signed{}, key: w.keyOf(code)}
	_, troubles, err := w.node(code).Sendings(w.staff[code])
	if err != nil {
		return nil, err
	}
	h.troubles = len(troubles)
	err = w.node(code).Store.View(func(t *store.Tx) (err error) {
		ws, err := t.WaitingFor("", 1000)
		if err != nil {
			return err
		}
		h.waiting = len(ws)
		if h.rows, _, err = t.Newest("", 10_000); err != nil {
			return err
		}
		for _, r := range h.rows {
			if err := h.readChains(t, r.Chain); err != nil {
				return err
			}
		}
		return nil
	})
	return h, err
}

// readChains reads a chain and those of its children.
func (h *holdings) readChains(t *store.Tx, id digest.Digest) error {
	records, err := t.Chain(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	chain, err := dossier.ReadChain(records)
	if err != nil {
		return err
	}
	h.chains[id] = chain
	s, err := dossier.Replay(chain)
	if err != nil {
		return fmt.Errorf("chain %s: %w", id.Short(), err)
	}
	forks, err := t.Forks(id, 10)
	h.forks += len(forks)
	for _, c := range s.Children {
		err = errors.Join(err, h.readChains(t, c.ID))
	}
	return err
}

// sentBy finds what both ends know of the parcels that an office must have sent.
func (w *world) sentBy(code directory.OfficeCode, h *holdings, c *census) error {
	return w.node(code).Store.View(func(t *store.Tx) error {
		for _, handed := range w.said.handed {
			if handed.portal == code && handed.office != code {
				row, err := t.RowByCode(handed.alias)
				if err != nil {
					return err
				}
				h.sent = append(h.sent, w.parcel(t, "submission", row.Chain, handed.office))
			}
		}
		for id, chain := range h.chains {
			for _, e := range chain {
				b, err := dossier.BodyOf[dossier.Requested](e.Event)
				if e.Event.Kind == dossier.KindRequested && err == nil && e.Event.Office == string(code) {
					h.sent = append(h.sent, w.parcel(t, "request", b.Child, directory.OfficeCode(b.To)))
				}
			}
			s, err := dossier.Replay(chain)
			if err == nil && s.Office == string(code) && s.Status == dossier.StatusReported {
				root := c.stateOf(s.Root)
				h.sent = append(h.sent, w.parcel(t, "report", id, directory.OfficeCode(root.Office)))
			}
		}
		return nil
	})
}

// parcel looks one up by what it carries, at the sender and at the recipient.
func (w *world) parcel(t *store.Tx, kind string, about digest.Digest, to directory.OfficeCode) sentParcel {
	p := sentParcel{what: fmt.Sprintf("%s %s to %s", kind, about.Short(), to)}
	b, ok, err := t.Get("sent/" + kind + "/" + about.String())
	if err != nil || !ok {
		return p
	}
	id := digest.Digest(b)
	out, err := t.Outgoing(id)
	p.found, p.settled = err == nil, out.Outcome == replication.Delivered
	if m := w.machines[string(to)]; m.on() {
		m.node.Office().Store.View(func(t *store.Tx) error {
			_, p.taken, _ = t.Receipt(id)
			return nil
		})
	}
	return p
}

// keyOf finds keys in an office's replica.
func (w *world) keyOf(at directory.OfficeCode) dossier.KeyOf {
	r := w.machines[string(at)].node.Replica()
	return func(code string, _ int64, signer digest.Digest) (*record.PublicKey, error) {
		p, ok := r.Signer(signer)
		if !ok || string(p.Name) != code {
			return nil, fmt.Errorf("key %s is not one of %s's", signer.Short(), code)
		}
		return p.Keys.Sign, nil
	}
}

// tracks asks everybody where a dossier is.
func (w *world) tracks(code, digits string) map[string]string {
	out := map[string]string{}
	for _, at := range w.running() {
		v, err := w.node(at).Track(w.t.Context(), code, digits)
		out[string(at)] = trackLine(v, err)
	}
	for _, name := range servers {
		b, err := w.ask(name, http.MethodGet, "/lookup?code="+code, nil)
		var tr directory.Track
		if err == nil {
			err = json.Unmarshal(b, &tr)
		}
		v := office.TrackView{Code: tr.Code, Alias: tr.Alias, Status: dossier.Status(tr.State), Holder: office.Ref{Code: tr.Holder}}
		if tr.Due > 0 {
			v.Due = time.Unix(tr.Due, 0)
		}
		out[name] = trackLine(v, err)
	}
	return out
}

func trackLine(v office.TrackView, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("%s alias %s %s at %s, due %d", v.Code, v.Alias, v.Status, v.Holder.Code, v.Due.Unix())
}

// readTables reads the tables of a directory server that is off.
func readTables(dir string) (map[string]digest.Digest, error) {
	o := badger.DefaultOptions(dir).WithLogger(nil).WithMemTableSize(8 << 20).WithValueThreshold(32 << 10)
	db, err := badger.Open(o.WithNumCompactors(0))
	if err != nil {
		return nil, err
	}
	out := map[string]digest.Digest{}
	err = db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			v, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			out[string(it.Item().KeyCopy(nil))] = digest.Of(v)
		}
		return nil
	})
	return out, errors.Join(err, db.Close())
}

// stateOf folds the longest chain of an id, wherever it is held.
func (c *census) stateOf(id digest.Digest) (s dossier.State) {
	for _, h := range c.offices {
		if got, err := dossier.Replay(h.chains[id]); err == nil && got.Length > s.Length {
			s = got
		}
	}
	return s
}

// chains are the ids of all chains, wherever they are held.
func (c *census) chains() map[digest.Digest]bool {
	out := map[digest.Digest]bool{}
	for _, h := range c.offices {
		for id := range h.chains {
			out[id] = true
		}
	}
	return out
}
