package cluster_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// kind is what an operation of a history is.
type kind int

const (
	put kind = iota
	get
	cut
)

// input is what was asked: of a register, to take a value, or of the row of editions, to grow by one.
type input struct {
	kind   kind
	key    string
	value  string
	number uint64
}

// output is what was answered, nothing if unknown.
type output struct {
	known   bool
	refused bool
	value   string
	version uint64
}

// register is the state of a key: its value, and how often it was changed.
type register struct {
	value   string
	version uint64
}

// model is a directory as one machine that never fails would be.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: byKey,
		Init:      func() any { return register{} },
		Step: func(state, in, out any) (bool, any) {
			ok, next := step(state.(register), in.(input), out.(output))
			return ok, next
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v → %+v", in, out) },
	}
}

func byKey(all []porcupine.Operation) (out [][]porcupine.Operation) {
	at := map[string]int{}
	for _, o := range all {
		key := o.Input.(input).key
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key], out = i, append(out, nil)
		}
		out[i] = append(out[i], o)
	}
	return out
}

func step(s register, in input, out output) (bool, register) {
	switch in.kind {
	case get:
		return !out.known || out.value == s.value && out.version == s.version, s
	case put:
		next := register{in.value, s.version + 1}
		return !out.known || out.version == next.version, next
	default: // an edition may be refused for more than its number, which is not this model's
		if out.known && out.refused {
			return true, s
		}
		if s.version+1 != in.number {
			return !out.known, s
		}
		return true, register{version: in.number}
	}
}

// history is what clients asked and were answered, in the order in which that happened.
type history struct {
	mu    sync.Mutex
	clock int64
	ops   []porcupine.Operation
	acked []acked
}

// acked is a change that was acknowledged at a moment.
type acked struct {
	key     string
	version uint64
	at      time.Time
}

func (h *history) tick() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

// record adds an operation that was called at a tick and has just returned. What is not known may still happen.
func (h *history) record(client int, called int64, in input, out output) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	ended := h.clock
	if !out.known {
		ended = math.MaxInt64
	}
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Call: called, Output: out, Return: ended})
	if out.known && in.kind == put {
		h.acked = append(h.acked, acked{in.key, out.version, time.Now()})
	}
}

// ackedBefore is the newest version of a key that was acknowledged to anybody before a moment.
func (h *history) ackedBefore(key string, at time.Time) (v uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.acked {
		if a.key == key && a.at.Before(at) {
			v = max(v, a.version)
		}
	}
	return v
}

// check fails the test unless the history could be one machine's.
func (h *history) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	known := 0
	for _, o := range h.ops {
		if o.Output.(output).known {
			known++
		}
	}
	t.Logf("%d operations, %d of them answered", len(h.ops), known)
	if known < len(h.ops)/2 || known < 50 {
		t.Error("too little was answered to tell anything")
	}
	switch result, info := porcupine.CheckOperationsVerbose(model(), h.ops, 20*time.Second); result {
	case porcupine.Illegal:
		path := t.TempDir() + "/history.html"
		if err := porcupine.VisualizePath(model(), info, path); err != nil {
			t.Error(err)
		}
		t.Error("no single machine could have answered so")
	case porcupine.Unknown:
		t.Log("the history was too long to be judged in time")
	}
}

// TestTheModelTellsFaults: what the checker is for, it finds.
func TestTheModelTellsFaults(t *testing.T) {
	w := func(call, end int64, value string, version uint64) porcupine.Operation {
		return porcupine.Operation{Input: input{kind: put, key: "a", value: value}, Call: call, Return: end, Output: output{known: true, version: version}}
	}
	r := func(call, end int64, value string, version uint64) porcupine.Operation {
		return porcupine.Operation{Input: input{kind: get, key: "a"}, Call: call, Return: end, Output: output{known: true, value: value, version: version}}
	}
	lost := w(3, math.MaxInt64, "y", 0)
	lost.Output = output{}
	for what, c := range map[string]struct {
		ops []porcupine.Operation
		ok  bool
	}{
		"a read of what was written":      {[]porcupine.Operation{w(1, 2, "x", 1), r(3, 4, "x", 1)}, true},
		"a stale read":                    {[]porcupine.Operation{w(1, 2, "x", 1), w(3, 4, "y", 2), r(5, 6, "x", 1)}, false},
		"a read beside a write":           {[]porcupine.Operation{w(1, 2, "x", 1), w(3, 6, "y", 2), r(4, 5, "x", 1)}, true},
		"a change made twice":             {[]porcupine.Operation{w(1, 2, "x", 2)}, false},
		"a change lost":                   {[]porcupine.Operation{w(1, 2, "x", 1), r(3, 4, "", 0)}, false},
		"an unknown change that happened": {[]porcupine.Operation{w(1, 2, "x", 1), lost, r(5, 6, "y", 2)}, true},
		"an unknown change that did not":  {[]porcupine.Operation{w(1, 2, "x", 1), lost, r(5, 6, "x", 1)}, true},
		"one that came and went":          {[]porcupine.Operation{w(1, 2, "x", 1), lost, r(5, 6, "y", 2), r(7, 8, "x", 1)}, false},
	} {
		if got := porcupine.CheckOperations(model(), c.ops); got != c.ok {
			t.Errorf("%s: %v, want %v", what, got, c.ok)
		}
	}
}
