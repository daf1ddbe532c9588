package courier_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"motcua/replication"
	"motcua/replication/bundle"
	"motcua/replication/replicationtest"
)

// TestSticksInAnyOrder: what waits goes on several sticks; they are read in any order, some twice, some not at all, some cut off at any byte;
// what came whole takes effect once, the rest comes with the next round, and a finder reads nothing.
func TestSticksInAnyOrder(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.Cut(b.addr)
		const secret = "Nguyễn Thị Bí Mật"
		bodies := map[int]string{}
		var sent []replication.Parcel
		for i := range 9 {
			bodies[i] = fmt.Sprint(secret, i)
			sent = append(sent, a.send(b, bodies[i], bytes.Repeat([]byte(secret), 1+i*9000)))
		}
		dice := rand.New(rand.NewPCG(1, 2))
		for round := 0; a.outbox.Unsettled() > 0; round++ {
			if round > 30 {
				t.Fatalf("%d parcels have not come across", a.outbox.Unsettled())
			}
			s := &stick{o: b}
			for _, file := range sticks(t, a, b, dice) {
				if bytes.Contains(file, []byte(secret)) {
					t.Fatal("a finder reads the content")
				}
				_, err := bundle.Read(t.Context(), bytes.NewReader(file), s)
				if err != nil && !errors.Is(err, bundle.ErrTruncated) && !errors.Is(err, bundle.ErrNotBundle) {
					t.Errorf("a stick pulled out half-way: %v", err)
				}
			}
			var back bytes.Buffer
			if err := bundle.Write(&back, bundle.Contents{From: "B", Created: time.Now(), Receipts: s.receipts}); err != nil {
				t.Fatal(err)
			}
			if _, err := bundle.Read(t.Context(), &back, &stick{o: a}); err != nil && len(s.receipts) > 0 {
				t.Error(err)
			}
		}
		for i, q := range sent {
			a.delivered(q, b, bodies[i], time.Second)
		}
	})
}

// sticks are some of the bundles of what waits, in some order, some twice, some cut off.
func sticks(t *testing.T, from, to *office, dice *rand.Rand) (out [][]byte) {
	all := bundle.Contents{
		From: from.name, Created: time.Now(), Chunk: from.spool.Chunk, Parcels: replicationtest.Waiting(t, from.outbox, to.name, 100),
	}
	_, parts := all.Part(1, 1<<20)
	if len(all.Parcels) == 9 && parts < 3 {
		t.Errorf("%d sticks", parts)
	}
	for n := range parts {
		c, _ := all.Part(n+1, 1<<20)
		var b bytes.Buffer
		if err := bundle.Write(&b, c); err != nil {
			t.Fatal(err)
		}
		switch file := b.Bytes(); dice.IntN(4) {
		case 0: // left in a drawer
		case 1:
			out = append(out, file[:dice.IntN(len(file))])
		case 2:
			out = append(out, file, file)
		default:
			out = append(out, file)
		}
	}
	dice.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
