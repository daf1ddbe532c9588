package web

import (
	"fmt"
	"runtime"
	"testing"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/khanhhoa"
	"motcua/directory/replica"
)

// TestTwoThousandProceduresFitASmallMachine measures what a node holds of a whole province's catalogue: the edition and what is
// looked up in it.
func TestTwoThousandProceduresFitASmallMachine(t *testing.T) {
	b := editionOfMany(t, 2000)
	r, err := replica.Open(t.TempDir(), directorytest.Genesis(3))
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	if err := r.Install(b); err != nil {
		t.Fatal(err)
	}
	replicas := heap()
	k := &catalogue{tables: r}
	found := len(k.at("2027-06-01").find("", ""))
	all := heap()
	const mib = 1 << 20
	t.Logf("%d procedures in an edition of %.1f MiB: the replica holds %.1f MiB, the index %.1f MiB",
		found, float64(len(b))/mib, float64(replicas-before)/mib, float64(all-replicas)/mib)
	if found != 2000 || all-before > 64*mib {
		t.Errorf("%d procedures take %d bytes, want at most 64 MiB for 2000", found, all-before)
	}
	runtime.KeepAlive(r)
	runtime.KeepAlive(k)
	runtime.KeepAlive(b)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// editionOfMany is an edition with procedures like those of the sample province, each under its own code and name.
func editionOfMany(t *testing.T, n int) []byte {
	g, like := directorytest.Genesis(3), khanhhoa.Procedures()
	e := &edition.Edition{
		Version: edition.Version, Number: 1, Genesis: g.Digest(), Province: g.Province, Prefix: g.Prefix, Members: g.Members,
		Levels: khanhhoa.Levels(), Fields: khanhhoa.Fields(), Offices: khanhhoa.Offices(),
	}
	for i := range n {
		p := like[i%len(like)]
		p.Code, p.Name.VI, p.Valid = fmt.Sprintf("1.%06d", i), fmt.Sprintf("%s, trường hợp %d", p.Name.VI, i), directory.Period{From: "2027-01-01"}
		e.Procedures = append(e.Procedures, p)
	}
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s := edition.Signed{Body: body}
	for _, m := range []byte{1, 2} {
		c, err := edition.Sign(directorytest.Identity(10*m).Sign, 1, digest.Of(body))
		if err != nil {
			t.Fatal(err)
		}
		s.Cosignatures = append(s.Cosignatures, c)
	}
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
