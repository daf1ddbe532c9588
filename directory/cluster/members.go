package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
)

// The times of looking after the members.
const (
	tellEvery   = 500 * time.Millisecond
	aliveFor    = 5 * tellEvery // since a server was last heard of
	caughtUpAgo = 2 * time.Second
	changeTime  = 5 * time.Second
)

// maxLag is how many entries a server may be behind that is to vote. What is written while it is counted does not matter:
// see history.
const maxLag = 64

// serverRows is the servers as of a change to them.
type serverRows struct {
	at  uint64 // state.MembersIndex
	all []directory.Server
}

// servers returns the directory's servers as this one's tables have them, or before it has any, those it was started with.
// Do not modify them.
func (c *Cluster) servers() []directory.Server {
	known := c.members.Load()
	c.local(func(r state.Reader, _ uint64) error {
		at, err := state.MembersIndex(r)
		if err != nil || known != nil && known.at == at {
			return err
		}
		all, err := state.Servers(r)
		if err == nil && len(all) > 0 {
			known = &serverRows{at, all}
			c.members.Store(known)
		}
		return err
	})
	if known != nil {
		return known.all
	}
	var all []directory.Server
	for _, m := range c.base() {
		all = append(all, directory.Server{Member: m, State: directory.Voting})
	}
	return all
}

// base is the members known before there are tables.
func (c *Cluster) base() []directory.Member {
	if len(c.cfg.Base) > 0 {
		return c.cfg.Base
	}
	return c.cfg.Genesis.Members
}

// electors are the servers that count for a majority.
func (c *Cluster) electors() (out []directory.Member) {
	for _, s := range c.servers() {
		if s.State == directory.Voting || s.State == directory.Leaving {
			out = append(out, s.Member)
		}
	}
	return out
}

// isServer tells whether a name is one of the directory's servers.
func (c *Cluster) isServer(name string) bool {
	return slices.ContainsFunc(c.servers(), func(s directory.Server) bool { return s.Member.Name == name })
}

// founding tells one founding of a province from another by mistake, and what was recovered from what it was recovered
// from; zero while it is not known.
func (c *Cluster) founding() (d digest.Digest) {
	c.local(func(r state.Reader, _ uint64) error {
		secret, err := state.Secret(r)
		if err != nil || len(secret) == 0 {
			return err
		}
		at, err := state.StandingOf(r)
		if err != nil {
			return err
		}
		h := sha256.New()
		h.Write([]byte("motcua founding v1\n"))
		h.Write(secret)
		h.Write(at.Recovered[:])
		d = digest.Digest(h.Sum(nil))
		return nil
	})
	return d
}

// tend looks after the members: tells the others how this server is, and as leader brings Raft's list to where the tables
// are, one step at a time.
func (c *Cluster) tend() {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for round := 0; ; round++ {
		c.witness.note(c.committed(), time.Now())
		c.tellAll()
		if round%2 == 1 {
			c.witness.know(c.founding())
			if err := c.witness.save(); err != nil {
				c.log.Warn("what this server remembers of the others was not written", "error", err)
			}
		}
		if _, self := c.Leader(); self {
			if err := c.reconcile(); err != nil && c.ctx.Err() == nil {
				c.log.Debug("a change of the servers was not made; tried again", "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			return
		}
	}
}

// reconcile takes the next step, if there is one.
func (c *Cluster) reconcile() error {
	future := c.raft.GetConfiguration()
	if err := future.Error(); err != nil {
		return err
	}
	rows := c.servers()
	in := map[string]raft.ServerSuffrage{}
	for _, s := range future.Configuration().Servers {
		in[string(s.ID)] = s.Suffrage
	}
	step := c.nextStep(rows, in)
	if step == nil {
		return c.nextCommand(rows, in)
	}
	return step(future.Index())
}

// nextStep is the next change of Raft's list. Who comes, comes before who goes, and nobody votes who would only be missed.
func (c *Cluster) nextStep(rows []directory.Server, in map[string]raft.ServerSuffrage) func(index uint64) error {
	for _, s := range rows {
		name := s.Member.Name
		suffrage, there := in[name]
		switch {
		case s.State == directory.Left:
		case !there:
			return func(index uint64) error {
				c.log.Info("a server joins: it is sent the log", "server", name)
				return c.raft.AddNonvoter(raft.ServerID(name), raft.ServerAddress(name), index, changeTime).Error()
			}
		case suffrage != raft.Voter && s.State != directory.Joining && c.ready(name):
			return func(index uint64) error {
				c.log.Info("a server has caught up and votes", "server", name)
				return c.raft.AddVoter(raft.ServerID(name), raft.ServerAddress(name), index, changeTime).Error()
			}
		case suffrage != raft.Voter && s.State != directory.Joining:
			return nil // nobody goes before it has come
		}
	}
	return c.nextRemoval(rows, in)
}

func (c *Cluster) nextRemoval(rows []directory.Server, in map[string]raft.ServerSuffrage) func(index uint64) error {
	for name, suffrage := range in {
		i := slices.IndexFunc(rows, func(s directory.Server) bool { return s.Member.Name == name })
		if i >= 0 && rows[i].State != directory.Left || suffrage == raft.Voter && !c.canLose(name, in) {
			continue
		}
		if name == c.cfg.Self {
			return func(uint64) error {
				c.log.Info("this server leaves: another leads first")
				return c.raft.LeadershipTransfer().Error()
			}
		}
		return func(index uint64) error {
			c.log.Info("a server has left", "server", name)
			return c.raft.RemoveServer(raft.ServerID(name), index, changeTime).Error()
		}
	}
	return nil
}

// canLose tells whether the other voters have a live majority without one.
func (c *Cluster) canLose(name string, in map[string]raft.ServerSuffrage) bool {
	var rest []string
	for other, suffrage := range in {
		if other != name && suffrage == raft.Voter {
			rest = append(rest, other)
		}
	}
	return c.liveMajority(rest)
}

// liveMajority tells whether more than half of some servers are alive.
func (c *Cluster) liveMajority(names []string) bool {
	live := 0
	for _, name := range names {
		if c.alive(name) {
			live++
		}
	}
	return 2*live > len(names)
}

// alive tells whether a server was heard of a moment ago.
func (c *Cluster) alive(name string) bool {
	return name == c.cfg.Self || time.Since(c.witness.seen(name).At) < aliveFor
}

// ready tells whether a server is alive and has what this one, the leader, had committed two seconds ago.
func (c *Cluster) ready(name string) bool {
	return c.alive(name) && c.witness.seen(name).Index+maxLag >= c.witness.committed(time.Now().Add(-caughtUpAgo))
}

// nextCommand has the next change of the tables decided.
func (c *Cluster) nextCommand(rows []directory.Server, in map[string]raft.ServerSuffrage) error {
	var ready []string
	for _, s := range rows {
		switch name := s.Member.Name; {
		case s.State == directory.Joining && c.ready(name):
			ready = append(ready, name)
		case s.State == directory.Left:
			if _, there := in[name]; !there {
				return c.decide(&command.Forget{Name: name})
			}
		}
	}
	if level := c.commonLevel(rows); level > c.level() {
		return c.decide(&command.SetLevel{Level: level})
	}
	var due, waits bool
	var epoch uint64
	err := c.local(func(r state.Reader, _ uint64) (err error) {
		if due, epoch, err = state.SuccessionDue(r, ready); err != nil {
			return err
		}
		p, waiting, err := state.PendingSuccession(r)
		waits = waiting && c.cfg.Now().UnixMilli() < p.At+state.PendingPatience
		return err
	})
	if err != nil || !due || waits || !c.calm(rows, in) {
		return err
	}
	return c.decide(&command.Succeed{Epoch: epoch, Ready: ready})
}

// calm tells whether the last change of the members is through: Raft's voters are those of the tables.
func (c *Cluster) calm(rows []directory.Server, in map[string]raft.ServerSuffrage) bool {
	for _, s := range rows {
		if s.State == directory.Left || s.State != directory.Joining && in[s.Member.Name] != raft.Voter {
			return false
		}
	}
	return true
}

func (c *Cluster) decide(cmd command.Command) error {
	body, err := command.Body(cmd)
	if err != nil {
		return err
	}
	_, err = c.lead(c.ctx, ask{Kind: cmd.Kind(), Request: NewRequest(), Body: body})
	return err
}

// level is the upgrade level of the tables.
func (c *Cluster) level() (l uint32) {
	c.local(func(r state.Reader, _ uint64) (err error) {
		l, err = state.Level(r)
		return err
	})
	return l
}

// commonLevel is the highest upgrade level that every server has said it understands, 0 while one has not said.
func (c *Cluster) commonLevel(rows []directory.Server) uint32 {
	common := c.cfg.Level
	for _, s := range rows {
		if s.Member.Name != c.cfg.Self && s.State != directory.Left {
			common = min(common, c.witness.seen(s.Member.Name).Level)
		}
	}
	return common
}

// Transfer has another server lead; an empty name leaves the choice to Raft. It may be asked of any server, and waits until
// ctx ends for there to be a leader that can be asked. The error has the code NoLeader when there is none, Conflict when the
// one named cannot lead.
func (c *Cluster) Transfer(ctx context.Context, to string) error {
	for {
		err := c.transferOnce(to)
		if directory.CodeOf(err) != directory.NoLeader {
			return err
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return err
		}
	}
}

func (c *Cluster) transferOnce(to string) error {
	leader, self := c.Leader()
	switch {
	case leader == "":
		return directory.Errorf("transfer leadership", directory.NoLeader, "no leader is known just now: try again later")
	case leader == to:
		return nil
	case !self:
		return c.askTransfer(leader, to)
	}
	return c.transfer(to)
}

func (c *Cluster) transfer(to string) error {
	var err error
	switch {
	case to == "":
		err = c.raft.LeadershipTransfer().Error()
	case !slices.ContainsFunc(c.electors(), func(m directory.Member) bool { return m.Name == to }):
		return directory.Errorf("transfer leadership", directory.NotFound, "%s is none of the voting servers", to)
	case !c.ready(to):
		return directory.Errorf("transfer leadership", directory.Conflict, "%s does not answer or is behind: look at motcua directory status", to)
	default:
		err = c.raft.LeadershipTransferToServer(raft.ServerID(to), raft.ServerAddress(to)).Error()
	}
	if errors.Is(err, raft.ErrNotLeader) {
		return directory.Errorf("transfer leadership", directory.NoLeader, "the leader changed meanwhile: try again")
	}
	if err != nil {
		return directory.Errorf("transfer leadership", directory.Conflict, "%v", err)
	}
	return nil
}

// MayLeave tells why a server may not leave now: those that stay would have no majority that is alive.
func (c *Cluster) MayLeave(name string) error {
	var rest []string
	for _, s := range c.servers() {
		if s.State == directory.Voting && s.Member.Name != name {
			rest = append(rest, s.Member.Name)
		}
	}
	if c.liveMajority(rest) {
		return nil
	}
	dead := slices.DeleteFunc(slices.Clone(rest), c.alive)
	return directory.Errorf("leave", directory.Conflict,
		"of the %d servers that would stay, %v do not answer, and the rest are no majority: start them again, or let a new server join first", len(rest), dead)
}

// ServerStatus is a server of the directory, as this one sees it.
type ServerStatus struct {
	Name    string     `json:"name"`
	Addr    string     `json:"addr"`
	State   string     `json:"state"` // joining, voting, leaving, left
	Role    string     `json:"role"`  // leader, voter, non-voter, none
	Alive   bool       `json:"alive"`
	Index   uint64     `json:"index"` // committed there, as last heard
	Lag     uint64     `json:"lag"`   // entries behind this server
	Heard   *time.Time `json:"heard,omitempty"`
	Version string     `json:"version,omitempty"` // of the program
	Level   uint32     `json:"level"`             // upgrade level that it understands
}

// Servers returns how the directory's servers are, as this one sees them.
func (c *Cluster) Servers() (out []ServerStatus) {
	in := map[string]raft.ServerSuffrage{}
	if f := c.raft.GetConfiguration(); f.Error() == nil {
		for _, s := range f.Configuration().Servers {
			in[string(s.ID)] = s.Suffrage
		}
	}
	leader, _ := c.Leader()
	commit := c.committed()
	for _, s := range c.servers() {
		name := s.Member.Name
		v := ServerStatus{Name: name, Addr: s.Member.Addr, State: s.State.String(), Role: role(name, leader, in), Alive: c.alive(name)}
		if name == c.cfg.Self {
			v.Index, v.Version, v.Level = commit, c.cfg.Version, c.cfg.Level
		} else if seen := c.witness.seen(name); !seen.At.IsZero() {
			v.Index, v.Version, v.Level, v.Heard = seen.Index, seen.Version, seen.Level, &seen.At
		}
		v.Lag = max(commit, v.Index) - v.Index
		out = append(out, v)
	}
	return out
}

func role(name, leader string, in map[string]raft.ServerSuffrage) string {
	suffrage, there := in[name]
	switch {
	case !there:
		return "none"
	case name == leader:
		return "leader"
	case suffrage == raft.Voter:
		return "voter"
	}
	return "non-voter"
}

// Level is the upgrade level up to which this server's tables allow commands.
func (c *Cluster) Level() uint32 { return c.level() }

// mayPropose refuses what some server would not understand: it would have to stop.
func (c *Cluster) mayPropose(cmd command.Command) error {
	need := command.LevelOf(cmd)
	if need <= c.levelSeen.Load() {
		return nil
	}
	have := c.level()
	c.levelSeen.Store(have) // it does not go down
	if need > have {
		return directory.Errorf(cmd.Kind().String(), directory.Conflict,
			"not before every server is upgraded: it needs upgrade level %d, the directory is at %d; see motcua directory status", need, have)
	}
	return nil
}
