package bench

import (
	"time"

	"os"

	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"motcua/cmd/admin"
	"motcua/crypto/identity"
	"motcua/directory/khanhhoa"
	"motcua/directory/server"
)

// BenchmarkReport measures the calls of motcua bench directory with the servers in this process, where a profiler sees them; or, as
// there, with servers that are processes of the program that MOTCUA_EXE names.
func BenchmarkReport(b *testing.B) {
	f := inProcess(b)
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("write/%d", clients), func(b *testing.B) { f.load(b, clients, f.Write) })
		b.Run(fmt.Sprintf("single/%d", clients), func(b *testing.B) { f.load(b, clients, f.Single) })
		b.Run(fmt.Sprintf("read/%d", clients), func(b *testing.B) { f.load(b, clients, f.Read) })
	}
}

func (f *fleet) load(b *testing.B, clients int, op Op) {
	before := f.cpu()
	defer func() { b.ReportMetric(float64((f.cpu()-before).Microseconds())/float64(b.N), "cpu-µs/op") }()
	var client, n atomic.Int64
	b.SetParallelism(max(1, clients/2))
	if clients == 1 {
		for i := range b.N {
			if err := op(b.Context(), 0, uint64(i)); err != nil {
				b.Fatal(err)
			}
		}
	} else {
		b.RunParallel(func(p *testing.PB) {
			c := int(client.Add(1))
			for p.Next() {
				if err := op(b.Context(), c, uint64(n.Add(1))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

// inProcess is a fleet whose servers run in this process.
func inProcess(b *testing.B) *fleet {
	if exe := os.Getenv("MOTCUA_EXE"); exe != "" {
		f, err := openFleet(b.Context(), exe, b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { f.Close() })
		return f
	}
	f := &fleet{dir: b.TempDir()}
	if err := f.found("none"); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	b.Cleanup(cancel)
	for i, m := range f.servers {
		conn, err := net.ListenPacket("udp", f.genesis.Members[i].Addr)
		if err != nil {
			b.Fatal(err)
		}
		id, err := identity.Load(filepath.Join(m.Dir, "identity.pem"))
		if err != nil {
			b.Fatal(err)
		}
		s, err := server.New(server.Config{Dir: m.Dir, Conn: conn, Genesis: f.genesis, Identity: id, OfficeRate: 1_000_000})
		if err != nil {
			b.Fatal(err)
		}
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx) }()
		go admin.Serve(ctx, m.Dir, s.Admin())
		b.Cleanup(func() { cancel(); <-done })
	}
	for _, m := range f.servers {
		if err := m.await(ctx, func(s server.Status) bool { return s.Leader != "" && s.Applied > 0 }); err != nil {
			b.Fatal(err)
		}
	}
	p := server.Publication{Levels: khanhhoa.Levels(), Fields: khanhhoa.Fields(), Offices: khanhhoa.Offices()}
	if err := f.servers[0].tool.Post(ctx, "/publish", p, nil); err != nil {
		b.Fatal(err)
	}
	for _, o := range communes(connections) {
		n, err := f.enrol(ctx, o)
		if err != nil {
			b.Fatal(err)
		}
		f.nodes = append(f.nodes, n)
	}
	if err := f.preload(ctx); err != nil {
		b.Fatal(err)
	}
	return f
}

// cpu is the processor time that the servers and this process have taken, to the hundredth of a second.
func (f *fleet) cpu() (total time.Duration) {
	pids := []int{os.Getpid()}
	for _, m := range f.servers {
		if m.Exe != "none" {
			pids = append(pids, m.PID())
		}
	}
	for _, pid := range pids {
		t, _ := processorOf(pid) // a server that has ended uses none
		total += t
	}
	return total
}
