package edition_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/khanhhoa"
)

// province is a body with the real tables of Khánh Hòa and a node at every office.
func province(t testing.TB, number uint64, change func(*edition.Edition)) []byte {
	t.Helper()
	calendar := khanhhoa.Calendar()
	return body(t, number, func(e *edition.Edition) {
		e.Levels, e.Offices, e.Fields, e.Calendar = khanhhoa.Levels(), khanhhoa.Offices(), khanhhoa.Fields(), &calendar
		e.Procedures = khanhhoa.Procedures()
		slices.SortFunc(e.Procedures, func(a, b directory.Procedure) int { return bytes.Compare([]byte(a.Code), []byte(b.Code)) })
		e.Nodes = nil
		for i, o := range e.Offices {
			n := directory.Node{Office: o.Code, Identity: directorytest.Identity(100).Public(), Addr: "10.1.0.1:7400"}
			n.Identity.Seal = noise(uint64(i), len(n.Identity.Seal))
			n.Identity.Sign = noise(uint64(i)+1<<32, len(n.Identity.Sign))
			e.Nodes = append(e.Nodes, n)
		}
		if change != nil {
			change(e)
		}
	})
}

// noise is bytes that do not compress.
func noise(seed uint64, n int) (out []byte) {
	d := digest.Of([]byte{byte(seed), byte(seed >> 8), byte(seed >> 32)})
	for len(out) < n {
		out = append(out, d[:]...)
		d = digest.Of(d[:])
	}
	return out[:n]
}

func delta(t testing.TB, base, next []byte, from, to uint64, members ...byte) edition.Delta {
	t.Helper()
	return signed(t, next, to, members...).Delta(edition.NewStep(from, base, to, next))
}

func encoded(t testing.TB, v interface{ Encode() ([]byte, error) }) []byte {
	t.Helper()
	b, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestADeltaIsSmall holds the sizes that a line carries after each kind of change to the tables of a whole province.
func TestADeltaIsSmall(t *testing.T) {
	before := province(t, 7, nil)
	one := khanhhoa.Procedures()[3]
	one.Version++
	one.Valid.From = "2027-01-01"
	procedure, err := wire.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		most   int
		change func(*edition.Edition)
	}{
		{"a new version of a procedure", 1024 + len(procedure), func(e *edition.Edition) {
			i := slices.IndexFunc(e.Procedures, func(p directory.Procedure) bool { return p.Code == one.Code })
			e.Procedures = slices.Insert(e.Procedures, i+1, one)
		}},
		{"a node elsewhere", 1024, func(e *edition.Edition) { e.Nodes[90].Addr = "10.9.0.1:7400" }},
		{"a key revoked", 1024, func(e *edition.Edition) { e.Nodes[50].Revoked, e.Nodes[50].Reason = 1_795_000_000, "máy bị mất" }},
		{"a node more", 1024 + 3400, func(e *edition.Edition) {
			e.Nodes = append(e.Nodes, directory.Node{Office: "H32.99999", Identity: directorytest.Identity(120).Public(), Addr: "10.9.0.2:7400"})
		}},
		{"an office closed", 1024, func(e *edition.Edition) { e.Offices[20].Valid.To = "2026-12-31" }},
	} {
		after := province(t, 8, func(e *edition.Edition) {
			e.Prev = digest.Of(before)
			c.change(e)
		})
		d := delta(t, before, after, 7, 8, 1, 3)
		whole, bare := encoded(t, d), d
		bare.Cosignatures = nil
		size := len(encoded(t, bare))
		packed, err := edition.Pack(whole)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, with signatures %d, packed %d, of an edition of %d", c.what, size, len(whole), len(packed), len(after))
		if size > c.most {
			t.Errorf("%s: a delta of %d bytes without its signatures, want at most %d", c.what, size, c.most)
		}
		s, err := d.Apply(edition.Held{Number: 7, Body: digest.Of(before)}, before)
		if err != nil || !bytes.Equal(s.Body, after) {
			t.Errorf("%s: not made again: %v", c.what, err)
		}
	}
}

// TestBodiesAreMadeAgain: from any bytes to any others and on to a third, in two steps or in one.
func TestBodiesAreMadeAgain(t *testing.T) {
	tables := province(t, 7, nil)[:60_000]
	rapid.Check(t, func(t *rapid.T) {
		cut := func(b []byte, label string) []byte {
			out := slices.Clone(b)
			for range rapid.IntRange(0, 4).Draw(t, label) {
				at := rapid.IntRange(0, len(out)).Draw(t, "at")
				n := min(rapid.IntRange(0, 5000).Draw(t, "removed"), len(out)-at)
				out = slices.Concat(out[:at], rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "added"), out[at+n:])
			}
			return out
		}
		a := cut(tables, "first")
		b := cut(a, "second")
		c := cut(b, "third")
		one, two := edition.NewStep(1, a, 2, b), edition.NewStep(2, b, 3, c)
		both, ok := one.Then(two)
		if !ok {
			t.Fatal("a step that goes on is refused")
		}
		if _, ok := two.Then(one); ok {
			t.Fatal("steps are joined that do not go on")
		}
		for _, s := range []struct {
			step       edition.Step
			from, made []byte
		}{{one, a, b}, {two, b, c}, {both, a, c}} {
			held := edition.Held{Number: s.step.Base, Body: digest.Of(s.from)}
			made, err := edition.Delta{Step: s.step}.Apply(held, s.from)
			if err != nil || !bytes.Equal(made.Body, s.made) {
				t.Fatalf("from %d bytes to %d: %v", len(s.from), len(s.made), err)
			}
		}
	})
}

// incoming is an edition as it comes to a reader that holds another, and what is to be said of it.
type incoming struct {
	what string
	b    []byte
	held edition.Held
	want error
}

// TestADeltaIsRefusedWithItsReason: whatever is wrong with a delta, it makes no edition, and says why.
func TestADeltaIsRefusedWithItsReason(t *testing.T) {
	six := body(t, 6, nil)
	for _, c := range incomings(t, six) {
		s, err := edition.Receive(c.b, c.held, func() ([]byte, error) { return six, nil })
		if err == nil {
			v := trust()
			v.Number, v.Digest = c.held.Number, c.held.Body
			_, err = s.Verify(v)
		}
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
}

// incomings are a few good editions and all kinds of bad ones, for readers that hold six or something else.
func incomings(t *testing.T, six []byte) []incoming {
	seven := body(t, 7, func(e *edition.Edition) { e.Province.EN = "Khanh Hoa" })
	held := edition.Held{Number: 6, Body: digest.Of(six)}
	good := delta(t, six, seven, 6, 7, 1, 3)
	with := func(change func(*edition.Delta)) []byte {
		d := good
		d.Step.Ops = slices.Clone(d.Step.Ops)
		change(&d)
		return encoded(t, d)
	}
	bomb, err := edition.Pack(make([]byte, edition.MaxSigned+1))
	if err != nil {
		t.Fatal(err)
	}
	wordy := body(t, 7, func(e *edition.Edition) { e.Province.EN = strings.Repeat("Khanh Hoa ", 3000) })
	packed := pack(t, encoded(t, delta(t, six, wordy, 6, 7, 1, 3)))
	foreign := body(t, 7, func(e *edition.Edition) { e.Genesis = digest.Of(nil) })
	return []incoming{
		{"good", encoded(t, good), held, nil},
		{"good and packed", packed, held, nil},
		{"whole and packed", pack(t, encoded(t, signed(t, province(t, 7, nil), 7, 1, 3))), held, nil},
		{"given twice", encoded(t, good), edition.Held{Number: 7, Body: digest.Of(seven)}, edition.ErrOld},
		{"older", encoded(t, good), edition.Held{Number: 8, Body: digest.Of(nil)}, edition.ErrOld},
		{"from another base", encoded(t, good), edition.Held{Number: 5, Body: digest.Of(nil)}, edition.ErrBase},
		{"from another body of that number", encoded(t, good), edition.Held{Number: 6, Body: digest.Of(nil)}, edition.ErrBase},
		{"to a reader with none", encoded(t, good), edition.Held{}, edition.ErrBase},
		{"signed by one of three", encoded(t, delta(t, six, seven, 6, 7, 1)), held, edition.ErrMinority},
		{"signed by strangers", encoded(t, delta(t, six, seven, 6, 7, 8, 9)), held, edition.ErrMinority},
		{"of another province", encoded(t, delta(t, six, foreign, 6, 7, 1, 3)), held, edition.ErrForeign},
		{"bytes inserted", with(func(d *edition.Delta) {
			d.Step.Ops[0].Insert = slices.Concat(d.Step.Ops[0].Insert, []byte{1})
			d.Step.Size++
		}), held, edition.ErrStep},
		{"bytes altered", with(func(d *edition.Delta) {
			d.Step.Ops[0].Insert = bytes.Repeat([]byte{1}, len(d.Step.Ops[0].Insert))
			d.Step.Ops[0].From++
		}), held, edition.ErrStep},
		{"beyond the base", with(func(d *edition.Delta) { d.Step.Ops[0].From = 1 << 30 }), held, edition.ErrStep},
		{"names what it does not make", with(func(d *edition.Delta) { d.Step.Body = digest.Of(nil) }), held, edition.ErrStep},
		{"makes the base again", with(func(d *edition.Delta) {
			d.Step = edition.NewStep(6, six, 7, six)
		}), held, edition.ErrForged},
		{"says a wrong size", with(func(d *edition.Delta) { d.Step.Size-- }), held, edition.ErrStep},
		{"says a huge size", with(func(d *edition.Delta) { d.Step.Size = 1 << 40 }), held, wire.ErrMalformed},
		{"goes backwards", with(func(d *edition.Delta) { d.Step.Base = 7 }), held, wire.ErrMalformed},
		{"of a later format", with(func(d *edition.Delta) { d.Version = 2 }), held, edition.ErrNewer},
		{"cut short", encoded(t, good)[:100], held, wire.ErrMalformed},
		{"packed and cut short", packed[:len(packed)-9], held, wire.ErrMalformed},
		{"grows without end", bomb, held, wire.ErrMalformed},
		{"nothing", nil, held, wire.ErrMalformed},
	}
}

func pack(t testing.TB, b []byte) []byte {
	t.Helper()
	p, err := edition.Pack(b)
	if err != nil || len(p) >= len(b) {
		t.Fatalf("%d bytes packed to %d: %v", len(b), len(p), err)
	}
	return p
}

// TestPackingPays says how much a line is spared.
func TestPackingPays(t *testing.T) {
	b := encoded(t, signed(t, province(t, 7, nil), 7, 1, 3))
	p := pack(t, b)
	t.Logf("%d bytes packed to %d", len(b), len(p))
	if len(p) > len(b)*3/4 {
		t.Errorf("an edition of %d bytes is packed to %d", len(b), len(p))
	}
}

func TestDeltaFormatStays(t *testing.T) {
	six, seven := body(t, 6, nil), body(t, 7, func(e *edition.Edition) { e.Province.EN = "Khanh Hoa" })
	d := delta(t, six, seven, 6, 7, 1, 3)
	golden.Check(t, "delta", encoded(t, d))
	step, ok, err := d.Step.Encode()
	if err != nil || !ok {
		t.Fatal(err)
	}
	golden.Check(t, "step", step)
	held, err := wire.Marshal(edition.Held{Number: 7, Body: digest.Of(nil)})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "held", held)
}

func FuzzReceive(f *testing.F) {
	six, seven := body(f, 6, nil), body(f, 7, nil)
	good := encoded(f, delta(f, six, seven, 6, 7, 1, 3))
	f.Add(good)
	packed, err := edition.Pack(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	held, v := edition.Held{Number: 6, Body: digest.Of(six)}, trust()
	v.Number, v.Digest = 6, digest.Of(six)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := edition.Receive(b, held, func() ([]byte, error) { return six, nil })
		if err != nil {
			return
		}
		if _, err := s.Verify(v); err == nil && s.Digest() != digest.Of(seven) {
			t.Error("an edition that nobody signed is accepted")
		}
	})
}

func FuzzReadStep(f *testing.F) {
	six, seven := body(f, 6, nil), body(f, 7, nil)
	one, _, err := edition.NewStep(6, six, 7, seven).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	next := edition.NewStep(7, seven, 8, six)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := edition.ReadStep(b)
		if err != nil {
			return
		}
		if both, ok := s.Then(next); ok {
			edition.Delta{Step: both}.Apply(edition.Held{Number: both.Base, Body: both.BaseBody}, six)
		}
	})
}

func BenchmarkStep(b *testing.B) {
	before := province(b, 7, nil)
	after := province(b, 8, func(e *edition.Edition) { e.Nodes[90].Addr = "10.9.0.1:7400" })
	b.SetBytes(int64(len(after)))
	for b.Loop() {
		edition.NewStep(7, before, 8, after)
	}
}
