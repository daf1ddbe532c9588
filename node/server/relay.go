package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"

	"motcua/crypto/record"
	"motcua/directory"
	"motcua/replication"
	"motcua/replication/relay"
)

// relayFolder is where an office keeps parcels for the offices below it.
const relayFolder = "relay"

// officeQuota is what an office keeps for others at most: its machine is small.
var officeQuota = relay.Quota{
	SenderParcels: 500, RecipientParcels: 1000, Parcels: 4000,
	SenderBytes: 1 << 30, RecipientBytes: 2 << 30, Bytes: 8 << 30, Reserve: 4 << 30,
}

// openRelays makes the client of the relays. Its courier is made after it.
func (n *Server) openRelays() {
	n.relays = relay.NewClient(relay.ClientConfig{
		Link: n.link, Relays: n.relaysFor, Own: func() []replication.Name { return n.relaysFor(replication.Name(n.enrolment.Office)) },
		Settle: func(ctx context.Context, rs ...record.Record) (int, error) { return n.courier.Settle(ctx, rs...) }, Log: n.log,
	})
}

// openRelay makes this node a relay for the offices below it.
func (n *Server) openRelay() (err error) {
	n.relay, err = relay.Open(relay.Config{
		Dir: n.path(relayFolder), Self: replication.Name(n.enrolment.Office), Identity: n.ring.Now(), Ring: n.ring, Link: n.link,
		Resolver: n.replica, Serves: n.keepsFor, Quota: officeQuota, Now: n.cfg.Now, Log: n.log,
	})
	return err
}

// relaysFor returns who may keep parcels for an office: the servers of the directory, each office beginning with another of
// them, so that they share the work; then the office above it.
func (n *Server) relaysFor(to replication.Name) (names []replication.Name) {
	for _, m := range n.replica.Members() {
		names = append(names, replication.Name(m.Name))
	}
	slices.SortFunc(names, func(a, b replication.Name) int {
		x, y := sha256.Sum256([]byte(to+"\x00"+a)), sha256.Sum256([]byte(to+"\x00"+b))
		return bytes.Compare(x[:], y[:])
	})
	above := replication.Name(n.above(directory.OfficeCode(to)))
	if p, err := n.replica.Resolve(above); err == nil && p.Revoked.IsZero() && above != replication.Name(n.enrolment.Office) {
		names = append(names, above)
	}
	return names
}

// above is the office above another today, "" for none.
func (n *Server) above(office directory.OfficeCode) directory.OfficeCode {
	o, _ := n.replica.Office(office)
	return o.ParentOn(directory.DateOf(n.cfg.Now()))
}

// keepsFor tells whether parcels from one office to another are kept here: those to an office below this one.
func (n *Server) keepsFor(_, to replication.Name) bool {
	return n.above(directory.OfficeCode(to)) == n.enrolment.Office
}

func (n *Server) keepParcels(ctx context.Context) {
	if err := n.relay.Run(ctx); err != nil {
		n.log.Error("the relay has stopped", "err", err)
	}
}

func (n *Server) adminRelay(w http.ResponseWriter, _ *http.Request) { answer(w, n.relay.List(), nil) }

// adminRelayDrop takes {"parcel": "first digits of its id", "reason": "why"}.
func (n *Server) adminRelayDrop(w http.ResponseWriter, r *http.Request) {
	var q struct{ Parcel, Reason string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&q); err != nil {
		http.Error(w, "drop parcel: malformed request", http.StatusBadRequest)
		return
	}
	i, err := n.relay.Drop(q.Parcel, q.Reason)
	answer(w, i, err)
}
