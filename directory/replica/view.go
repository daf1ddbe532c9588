package replica

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/edition"
	"motcua/replication"
)

// view is one edition with its indexes. It never changes.
type view struct {
	e      *edition.Edition
	digest digest.Digest  // of the body; zero for none
	signed edition.Signed // with the whole chain; its body is on the disk

	offices    map[directory.OfficeCode]directory.Office
	formerly   map[directory.OfficeCode][]directory.Office
	procedures map[string][]directory.Procedure // by code, newest version first
	withdrawn  map[string][]directory.Withdrawal
	nodes      map[directory.OfficeCode]directory.Node
	peers      map[replication.Name]replication.Peer
	byTLS      map[digest.Digest]replication.Peer
	bySign     map[digest.Digest]replication.Peer
}

// keyring keeps parsed keys from one edition to the next: parsing is the costly part of a new edition.
type keyring struct {
	mu   sync.Mutex
	keys map[digest.Digest]*identity.Keys
}

func newKeyring() *keyring { return &keyring{keys: map[digest.Digest]*identity.Keys{}} }

func (k *keyring) parse(p identity.Public) (*identity.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := p.ID()
	if known := k.keys[id]; known != nil {
		return known, nil
	}
	parsed, err := p.Keys()
	if err == nil {
		k.keys[id] = parsed
	}
	return parsed, err
}

func newView(e *edition.Edition, keys *keyring) (*view, error) {
	v := &view{
		e:          e,
		offices:    map[directory.OfficeCode]directory.Office{},
		formerly:   map[directory.OfficeCode][]directory.Office{},
		procedures: map[string][]directory.Procedure{},
		withdrawn:  map[string][]directory.Withdrawal{},
		nodes:      map[directory.OfficeCode]directory.Node{},
		peers:      map[replication.Name]replication.Peer{},
		byTLS:      map[digest.Digest]replication.Peer{},
		bySign:     map[digest.Digest]replication.Peer{},
	}
	for _, o := range e.Offices {
		v.offices[o.Code] = o
		for _, s := range o.Successors {
			v.formerly[s] = append(v.formerly[s], o)
		}
	}
	for _, p := range e.Procedures {
		v.procedures[p.Code] = append(v.procedures[p.Code], p)
	}
	for _, versions := range v.procedures {
		slices.SortFunc(versions, func(a, b directory.Procedure) int { return cmp.Compare(b.Version, a.Version) })
	}
	for _, w := range e.Withdrawn {
		v.withdrawn[w.Code] = append(v.withdrawn[w.Code], w)
	}
	for _, m := range e.Members {
		if err := v.addPeer(replication.Name(m.Name), m.Identity, m.Addr, 0, 0, keys); err != nil {
			return nil, err
		}
	}
	for _, n := range e.Nodes {
		if _, replaced := v.nodes[n.Office]; !replaced { // the node in use comes first
			v.nodes[n.Office] = n
		}
		if err := v.addPeer(replication.Name(n.Office), n.Identity, n.Addr, n.Revoked, n.Retired, keys); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *view) addPeer(name replication.Name, id identity.Public, addr string, revoked, retired int64, keys *keyring) error {
	k, err := keys.parse(id)
	if err != nil {
		return fmt.Errorf("keys of %s: %w", name, err)
	}
	p := replication.Peer{Name: name, Addr: addr, Keys: k}
	if revoked != 0 {
		p.Revoked = time.Unix(revoked, 0)
	}
	if retired != 0 {
		p.Retired = time.Unix(retired, 0)
	}
	if _, ok := v.peers[name]; !ok {
		v.peers[name] = p
	}
	v.byTLS[identity.TLSID(id.TLS)] = p
	v.bySign[k.Sign.ID()] = p
	return nil
}

// Resolve implements replication.Resolver: the key that a name has now, or the revoked one it had last.
func (r *Replica) Resolve(name replication.Name) (replication.Peer, error) {
	p, ok := r.now.Load().peers[name]
	if !ok {
		return p, fmt.Errorf("%s: %w", name, replication.ErrUnknown)
	}
	return p, nil
}

// Identify implements replication.Resolver, for keys once in use too.
func (r *Replica) Identify(tlsID digest.Digest) (replication.Peer, error) {
	p, ok := r.now.Load().byTLS[tlsID]
	if !ok {
		return p, fmt.Errorf("key %s: %w", tlsID.Short(), replication.ErrUnknown)
	}
	return p, nil
}

// Signer returns whose signing key this is or was, by record.Record.Signer. A key that was revoked or replaced has
// Revoked set: what it signed before stays valid.
func (r *Replica) Signer(key digest.Digest) (replication.Peer, bool) {
	p, ok := r.now.Load().bySign[key]
	return p, ok
}

// Members returns the directory's servers.
func (r *Replica) Members() []directory.Member { return slices.Clone(r.now.Load().e.Members) }

// Node returns the node an office has now, or the revoked one it had last.
func (r *Replica) Node(office directory.OfficeCode) (directory.Node, bool) {
	n, ok := r.now.Load().nodes[office]
	return n, ok
}

// Retired returns the keys that an office's node had before and has itself put others in the place of, newest first, without those
// that were revoked since.
func (r *Replica) Retired(office directory.OfficeCode) (out []replication.Peer) {
	v := r.now.Load()
	for _, n := range v.e.Nodes {
		if n.Office != office || n.Retired == 0 || n.Revoked != 0 {
			continue
		}
		if p, ok := v.byTLS[identity.TLSID(n.Identity.TLS)]; ok {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b replication.Peer) int { return b.Retired.Compare(a.Retired) })
	return out
}

// Predecessors counts the machines that were the office's before the one it has, on the day that one was enrolled; on every
// other day it is 0.
func (r *Replica) Predecessors(office directory.OfficeCode, on directory.Date) (count int) {
	v := r.now.Load()
	now, ok := v.nodes[office]
	if !ok || directory.DateOf(time.Unix(now.Enrolled, 0)) != on {
		return 0
	}
	for _, n := range v.e.Nodes {
		if n.Office == office && n.Retired == 0 && n.Identity.ID() != now.Identity.ID() {
			count++ // retired keys were of a machine that is counted by its last
		}
	}
	return count
}

// Nodes returns the nodes in use, in the order of their offices.
func (r *Replica) Nodes() []directory.Node {
	v := r.now.Load()
	var out []directory.Node
	for _, n := range v.e.Nodes {
		if n.Revoked == 0 && n.Retired == 0 {
			out = append(out, n)
		}
	}
	return out
}

// Levels returns the levels of a date, nearest to the citizen first.
func (r *Replica) Levels(on directory.Date) []directory.Level {
	var out []directory.Level
	for _, l := range r.now.Load().e.Levels {
		if l.Valid.Contains(on) {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b directory.Level) int { return cmp.Compare(a.Rank, b.Rank) })
	return out
}

// Offices returns the offices of a date, in the order of their codes.
func (r *Replica) Offices(on directory.Date) []directory.Office {
	var out []directory.Office
	for _, o := range r.now.Load().e.Offices {
		if o.Valid.Contains(on) {
			out = append(out, o)
		}
	}
	return out
}

// Office returns an office, also one that is no more.
func (r *Replica) Office(code directory.OfficeCode) (directory.Office, bool) {
	o, ok := r.now.Load().offices[code]
	return o, ok
}

// Formerly returns the offices that an office takes over, or has taken over, in the order of their codes.
func (r *Replica) Formerly(code directory.OfficeCode) []directory.Office {
	return slices.Clone(r.now.Load().formerly[code])
}

// Fields returns the fields of work. They have no dates yet: a field is listed while a procedure names it.
func (r *Replica) Fields(directory.Date) []directory.Field {
	return slices.Clone(r.now.Load().e.Fields)
}

// Procedures returns the version of each procedure that is in force on a date, in the order of their codes.
func (r *Replica) Procedures(on directory.Date) []directory.Procedure {
	v := r.now.Load()
	var out []directory.Procedure
	for code := range v.procedures {
		if p, ok := v.inForce(code, on); ok {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b directory.Procedure) int { return cmp.Compare(a.Code, b.Code) })
	return out
}

// Procedure returns one version of a procedure, in force or not.
func (r *Replica) Procedure(code string, version uint32) (directory.Procedure, bool) {
	for _, p := range r.now.Load().procedures[code] {
		if p.Version == version {
			return p, true
		}
	}
	return directory.Procedure{}, false
}

// Current returns the version of a procedure that is in force on a date.
func (r *Replica) Current(code string, on directory.Date) (directory.Procedure, bool) {
	return r.now.Load().inForce(code, on)
}

// inForce: of the versions valid on a date, the newest, unless it is withdrawn.
func (v *view) inForce(code string, on directory.Date) (directory.Procedure, bool) {
	for _, p := range v.procedures[code] {
		if p.Valid.Contains(on) {
			_, withdrawn := v.withdrawal(p, on)
			return p, !withdrawn
		}
	}
	return directory.Procedure{}, false
}

func (v *view) withdrawal(p directory.Procedure, on directory.Date) (directory.Withdrawal, bool) {
	for _, w := range v.withdrawn[p.Code] {
		if w.Covers(p, on) {
			return w, true
		}
	}
	return directory.Withdrawal{}, false
}

// Last returns a procedure that was withdrawn by a date, as it stood, with its withdrawal: to be read, not begun. It is false
// for one that is in force, or that was never there.
func (r *Replica) Last(code string, on directory.Date) (directory.Procedure, directory.Withdrawal, bool) {
	v := r.now.Load()
	for _, p := range v.procedures[code] {
		if p.Valid.Contains(on) {
			w, withdrawn := v.withdrawal(p, on)
			return p, w, withdrawn
		}
	}
	return directory.Procedure{}, directory.Withdrawal{}, false
}

// Withdrawal returns when and why a procedure is to end, also while that is still to come; false if it goes on.
func (r *Replica) Withdrawal(code string) (directory.Withdrawal, bool) {
	v := r.now.Load()
	if all := v.procedures[code]; len(all) > 0 {
		return v.withdrawal(all[0], "9999-12-31")
	}
	return directory.Withdrawal{}, false
}

// Calendar returns the calendar in force, false before the first is published.
func (r *Replica) Calendar() (directory.Calendar, bool) {
	c := r.now.Load().e.Calendar
	if c == nil {
		return directory.Calendar{}, false
	}
	return *c, true
}
