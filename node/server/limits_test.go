package server

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/replicationtest"
)

// TestLimitsOutliveARestart, and what is no limit is neither put in force nor kept.
func TestLimitsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	start := func() *Server {
		l, _ := pair(t)
		n := &Server{cfg: Config{Dir: dir}, courier: courier.New(courier.Config{Self: "H32.1", Identity: id, Link: l, Outbox: replicationtest.NewOutbox()})}
		if err := n.loadLimits(); err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := start()
	if !reflect.DeepEqual(n.courier.Limits(), courier.Limits{}) {
		t.Errorf("limits of a new node: %+v", n.courier.Limits())
	}
	set := func(body string) int {
		w := httptest.NewRecorder()
		n.adminLimits(w, httptest.NewRequest("POST", "/limits", strings.NewReader(body)))
		return w.Code
	}
	if code := set(`{"rate":250000,"to":{"H32.2":32000},"from":1200,"until":360}`); code != 200 {
		t.Fatalf("answer %d", code)
	}
	if code := set(`{"rate":1}`); code == 200 {
		t.Error("a rate at which nothing moves is taken")
	}
	want := courier.Limits{Rate: 250000, To: map[replication.Name]int64{"H32.2": 32000}, From: 1200, Until: 360, Zone: directory.Zone}
	for _, n := range []*Server{n, start()} {
		if got := n.courier.Limits(); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
