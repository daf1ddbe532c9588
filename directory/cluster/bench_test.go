package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// machines is the servers of a directory in one process, over real sockets and disks.
type machines struct {
	all    []*cluster.Cluster
	leader int
}

// newMachines founds a province of n servers and closes it with the benchmark.
func newMachines(b *testing.B, n int) *machines {
	b.Helper()
	m, book := &machines{}, replicationtest.NewBook()
	g := directory.Genesis{Version: 1, Province: directory.Text{VI: "Khánh Hòa"}, Prefix: "H32", GossipKey: make([]byte, directory.GossipKeySize), Created: 1}
	var ids []*identity.Private
	var conns []net.PacketConn
	for i := range n {
		name := fmt.Sprintf("dir-%d", i+1)
		id, err := identity.Generate()
		if err != nil {
			b.Fatal(err)
		}
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		ids, conns = append(ids, id), append(conns, conn)
		g.Members = append(g.Members, directory.Member{Name: name, Identity: id.Public(), Addr: conn.LocalAddr().String()})
		book.Add(replication.Name(name), conn.LocalAddr().String(), id.Public())
	}
	for i, member := range g.Members {
		l, err := link.New(link.Config{Name: replication.Name(member.Name), Identity: ids[i], Resolver: book, Conn: conns[i]})
		if err != nil {
			b.Fatal(err)
		}
		c, err := cluster.Open(cluster.Config{Dir: b.TempDir(), Self: member.Name, Genesis: g, Link: l, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close(); l.Close() })
		m.all = append(m.all, c)
	}
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	if _, err := m.all[0].Propose(ctx, cluster.NewRequest(), &command.Found{Genesis: g}); err != nil {
		b.Fatal(err)
	}
	for i, c := range m.all {
		if _, self := c.Leader(); self {
			m.leader = i
		}
	}
	return m
}

// someAccount is a row of the size that real ones have.
func someAccount(i int64) *command.PutAccount {
	return &command.PutAccount{Account: directory.Account{
		ID: directory.AccountID(fmt.Sprintf("a%09d", i)), Login: fmt.Sprintf("%012d", i), Kind: directory.Citizen, Name: "Nguyễn Thị Minh Khai",
		Verifier: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b2dWRWJTmaaJObGRdescudvJCs",
	}}
}

// each runs f b.N times among so many clients, and reports how many that were a second.
func each(b *testing.B, clients int, f func(i int64) error) {
	var next atomic.Int64
	b.SetParallelism(max(1, clients/2)) // for each processor
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := f(next.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func serially(b *testing.B, f func(i int64) error) {
	b.ResetTimer()
	for i := range int64(b.N) {
		if err := f(i); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

// among runs f with one client in a row, or with many at a time.
func among(b *testing.B, clients int, f func(i int64) error) {
	if clients == 1 {
		serially(b, f)
		return
	}
	each(b, clients, f)
}

func BenchmarkPropose(b *testing.B) {
	for _, at := range []string{"leader", "follower"} {
		for _, clients := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/%d", at, clients), func(b *testing.B) {
				m := newMachines(b, 3)
				c := m.all[m.leader]
				if at == "follower" {
					c = m.all[(m.leader+1)%3]
				}
				among(b, clients, func(i int64) error {
					r, err := c.Propose(b.Context(), cluster.NewRequest(), someAccount(i))
					if err == nil {
						err = r.Err()
					}
					return err
				})
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	levels := []struct {
		name  string
		fresh cluster.Freshness
	}{{"local", cluster.Local}, {"linearizable", cluster.Linearizable}}
	for _, l := range levels {
		for _, at := range []string{"leader", "follower"} {
			for _, clients := range []int{1, 16, 256} {
				b.Run(fmt.Sprintf("%s/%s/%d", l.name, at, clients), func(b *testing.B) {
					m := newMachines(b, 3)
					c := m.all[m.leader]
					if at == "follower" {
						c = m.all[(m.leader+1)%3]
					}
					if _, err := c.Propose(b.Context(), cluster.NewRequest(), someAccount(1)); err != nil {
						b.Fatal(err)
					}
					among(b, clients, func(int64) error {
						return c.Read(b.Context(), l.fresh, func(r state.Reader, _ uint64) error {
							_, _, err := state.AccountByID(r, "a000000001")
							return err
						})
					})
				})
			}
		}
	}
}
