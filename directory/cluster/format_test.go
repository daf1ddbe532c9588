package cluster

import (
	"bytes"
	"testing"

	"github.com/hashicorp/raft"

	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
)

// TestFormatsOfSessionsAndPlacesStay: the one is spoken between servers of different versions, the other is read by a
// later version.
func TestFormatsOfSessionsAndPlacesStay(t *testing.T) {
	body := []byte{0xa1, 1, 7}
	q := questions{[]numbered{
		{1, ask{Kind: command.KindCutEdition, Request: command.RequestID{1}, Body: body}}, {2, ask{Read: linearizable}}, {3, ask{Read: wholeTables}},
	}}
	a := answers{[]answered{
		{2, reply{Index: 9}}, {1, reply{Result: state.Result{Index: 9, Value: body}}},
		{3, reply{Result: state.Result{Index: 9, Failure: directory.Errorf("publish", directory.Conflict, "x")}}}, {4, reply{NotLeader: true}}, {5, reply{Index: 9, Size: 100}},
	}}
	for name, v := range map[string]any{"questions": q, "answers": a} {
		golden.Check(t, name, must(wire.Marshal(v)))
	}
	servers := raft.Configuration{Servers: []raft.Server{{Suffrage: raft.Voter, ID: "dir-1", Address: "dir-1"}}}
	p := &place{Version: placeVersion, Index: 9, Term: 2, Servers: raft.EncodeConfiguration(servers), ServersIndex: 1, Stands: 8, Received: 100}
	b := must(p.bytes())
	golden.Check(t, "place", b)
	got, err := readPlace(b)
	if err != nil || got.id() != "2-9" || got.Stands != 8 || len(got.meta().Configuration.Servers) != 1 {
		t.Errorf("read again: %+v, %v", got, err)
	}
	b[10] ^= 1
	if _, err := readPlace(b); err == nil {
		t.Error("a damaged place is read")
	}
	later := *p
	later.Version++
	if _, err := readPlace(must(later.bytes())); directory.CodeOf(err) != directory.Newer {
		t.Errorf("a place of a later version: %v", err)
	}
}

// FuzzSession: what a server is sent by another decodes or fails, and encodes to the same.
func FuzzSession(f *testing.F) {
	f.Add(must(wire.Marshal(questions{[]numbered{{1, ask{Kind: 3, Body: []byte{1}}}}})))
	f.Add(must(wire.Marshal(answers{[]answered{{1, reply{NotLeader: true}}}})))
	f.Fuzz(func(t *testing.T, b []byte) {
		var q questions
		var a answers
		for _, v := range []any{&q, &a} {
			if wire.Unmarshal(b, v) != nil {
				continue
			}
			if again, err := wire.Marshal(v); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%x encodes to %x, %v", b, again, err)
			}
		}
	})
}
