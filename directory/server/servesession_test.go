package server_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/cluster"
	"motcua/directory/server"
	"motcua/replication"
	"motcua/replication/link"
)

// talk is a session with one server, by hand.
type talk struct {
	n  *node
	st *link.Stream
}

func (n *node) talk(to string) *talk {
	n.w.t.Helper()
	st, err := n.link.Dial(n.w.t.Context(), replication.Name(to), client.SessionProtocol)
	if err != nil {
		n.w.t.Fatal(err)
	}
	v := &talk{n, st}
	if hello, err := v.frame(); err != nil || len(hello.Answers) > 0 {
		n.w.t.Fatalf("a session begins with %v, %v", hello, err)
	}
	return v
}

func (v *talk) frame() (a client.Answers, err error) {
	err = v.st.Receive(&a, client.MaxFrame)
	return a, err
}

// say sends requests in one frame, numbered from first.
func (v *talk) say(first uint64, requests ...[]byte) {
	var c client.Calls
	for i, q := range requests {
		c.Calls = append(c.Calls, client.Call{Number: first + uint64(i), Request: q})
	}
	v.st.Send(c)
}

// hear reads answers until n have come, by their numbers.
func (v *talk) hear(n int) map[uint64]client.Response {
	v.n.w.t.Helper()
	out := map[uint64]client.Response{}
	for len(out) < n {
		a, err := v.frame()
		if err != nil {
			v.n.w.t.Fatalf("after %d of %d answers: %v", len(out), n, err)
		}
		for _, one := range a.Answers {
			var r client.Response
			if err := wire.Unmarshal(one.Response, &r); err != nil {
				v.n.w.t.Fatal(err)
			}
			out[one.Number] = r
		}
	}
	return out
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lookup is a request for a code.
func lookup(t *testing.T, code string, f client.Freshness) []byte {
	t.Helper()
	return encoded(t, client.Request{Op: client.OpLookup, ID: cluster.NewRequest(), Body: encoded(t, code), Fresh: f})
}

func codeOf(r client.Response) directory.Code {
	if r.Failure == nil {
		return ""
	}
	return r.Failure.Code
}

func reported(code string) []directory.Track {
	return []directory.Track{{Code: code, Root: commune, Holder: commune, State: "processing", Due: 1_796_000_000, AsOf: 1}}
}

// dossierCode is one of the first office.
const dossierCode = string(commune) + "-261124-0001"

// TestTheFourFreshnesses at a server that is cut off from the others and still reached by a node.
func TestTheFourFreshnesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := twoOffices(t)
		alone := ""
		for _, name := range names {
			if s := must[server.Status](w, name, http.MethodGet, "/status", nil); s.Leader != name {
				alone = name
			}
		}
		for _, name := range names {
			if name != alone {
				w.net.Part(addrOf(alone), addrOf(name))
			}
		}
		time.Sleep(5 * time.Second)
		if err := a.Report(t.Context(), reported(dossierCode)); err != nil {
			t.Fatal(err)
		}
		v := a.talk(alone)
		v.say(1, lookup(t, dossierCode, client.Local), lookup(t, dossierCode, client.Leader), lookup(t, dossierCode, client.Linearizable),
			encoded(t, client.Request{Op: client.OpLookup, Body: encoded(t, dossierCode), AtLeast: 1 << 40}))
		for n, r := range v.hear(4) {
			want := map[bool]directory.Code{true: directory.NotFound, false: directory.NoLeader}[n == 1]
			if codeOf(r) != want {
				t.Errorf("question %d at a server that is cut off: %v, want %s", n, r.Failure, want)
			}
		}
		for _, f := range []client.Freshness{client.OwnWrites, client.Leader, client.Linearizable} {
			if _, err := a.With(f).Lookup(t.Context(), dossierCode); err != nil {
				t.Errorf("freshness %d at whichever server answers: %v", f, err)
			}
		}
	})
}

// TestWhatOneWritesAnotherSees at once, at every server, while many ask.
func TestWhatOneWritesAnotherSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := twoOffices(t)
		var work sync.WaitGroup
		for i := range 100 {
			work.Go(func() {
				code := fmt.Sprintf("%s-261124-%04d", commune, i)
				if err := a.Report(t.Context(), reported(code)); err != nil {
					t.Error(err)
					return
				}
				if _, err := b.With(client.Linearizable).Lookup(t.Context(), code); err != nil {
					t.Errorf("a write that was acknowledged to another is not seen: %v", err)
				}
				v := b.talk(names[i%len(names)])
				defer v.st.Close()
				v.say(1, lookup(t, code, client.Linearizable))
				if r := v.hear(1)[1]; r.Failure != nil {
					t.Errorf("nor at %s: %v", names[i%len(names)], r.Failure)
				}
			})
			if i%8 == 7 { // so many sessions an office may have
				work.Wait()
			}
		}
		work.Wait()
	})
}

// TestACallThatCannotBeReadFailsAlone: it may be of a newer version.
func TestACallThatCannotBeReadFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, _ := twoOffices(t)
		if err := a.Report(t.Context(), reported(dossierCode)); err != nil {
			t.Fatal(err)
		}
		grown := encoded(t, struct {
			Op   client.Op         `cbor:"1,keyasint"`
			ID   [16]byte          `cbor:"2,keyasint"`
			More map[string]string `cbor:"99,keyasint"`
		}{Op: client.OpLookup, More: map[string]string{"a": "b"}})
		v := a.talk("dir-1")
		v.say(7, grown, []byte("nonsense"), lookup(t, dossierCode, client.Linearizable), lookup(t, dossierCode, 200),
			encoded(t, client.Request{Op: 255}), encoded(t, client.Request{Op: client.OpReport, Body: []byte{1}}))
		want := map[uint64]directory.Code{7: directory.Newer, 8: directory.Invalid, 9: "", 10: directory.Newer, 11: directory.Newer, 12: directory.Invalid}
		for n, r := range v.hear(6) {
			if codeOf(r) != want[n] {
				t.Errorf("call %d: %v, want %q", n, r.Failure, want[n])
			}
		}
	})
}

// TestASessionHasBounds: who does not keep to them is shown out, and is one session among few.
func TestASessionHasBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, _ := twoOffices(t)
		v := a.talk("dir-1")
		big := make([]byte, client.MaxSessionItem+1)
		v.say(1, big)
		if _, err := v.frame(); err == nil {
			t.Error("a call that is too large is taken")
		}
		time.Sleep(time.Second)
		var open []*link.Stream
		for len(open) < 20 {
			st, err := a.link.Dial(t.Context(), "dir-1", client.SessionProtocol)
			if err != nil {
				t.Fatal(err)
			}
			if st.Receive(new(client.Answers), client.MaxFrame) != nil {
				break
			}
			open = append(open, st)
		}
		if len(open) < 4 || len(open) > 8 {
			t.Errorf("an office had %d sessions more, want a few", len(open))
		}
		if _, err := a.Lookup(t.Context(), dossierCode); directory.CodeOf(err) != directory.NotFound {
			t.Errorf("an office with too many sessions is not answered call by call: %v", err)
		}
		for _, st := range open {
			st.Cancel()
		}
		time.Sleep(time.Second)
		a.talk("dir-1")
	})
}

// TestOneOfficeCannotCrowdOutAnother: a frame of calls counts call by call.
func TestOneOfficeCannotCrowdOutAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := twoOffices(t)
		v := a.talk("dir-1")
		var many [][]byte
		for range client.MaxSessionCalls {
			many = append(many, lookup(t, dossierCode, client.Local))
		}
		v.say(1, many...)
		refused := 0
		for _, r := range v.hear(len(many)) {
			if codeOf(r) == directory.Exhausted {
				refused++
			}
		}
		if refused < len(many)-600 || refused == len(many) {
			t.Errorf("%d of %d calls in a moment are refused", refused, len(many))
		}
		if _, err := b.Lookup(t.Context(), dossierCode); directory.CodeOf(err) != directory.NotFound {
			t.Errorf("another office: %v", err)
		}
	})
}
