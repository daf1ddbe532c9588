package catalogue_test

import (
	"testing"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/catalogue"
	"motcua/directory/edition"
)

// TestTwoThousandProceduresFitAnEdition takes the real records with detail as they would be published, each with a route and a
// form, whatever else they lack.
func TestTwoThousandProceduresFitAnEdition(t *testing.T) {
	b, ok := gathered(t)
	if !ok {
		b = samples(t)
	}
	c, err := catalogue.Read("x", b, catalogue.NewMap(tables()), nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &edition.Edition{Version: edition.Version, Number: 1}
	for _, x := range c.Entries {
		if len(x.Requirements) > 0 {
			e.Procedures = append(e.Procedures, x.Procedure)
		}
	}
	body, err := wire.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	n := len(e.Procedures)
	t.Logf("%d procedures take %d bytes, %d each; largest %d", n, len(body), len(body)/n, largest(t, e.Procedures))
	if len(body)/n*2000 > edition.MaxBody*6/10 {
		t.Errorf("2,000 procedures would take %d bytes of the %d of an edition: no room for their next versions", len(body)/n*2000, edition.MaxBody)
	}
}

func largest(t *testing.T, all []directory.Procedure) (most int) {
	for _, p := range all {
		b, err := wire.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(b))
	}
	return most
}
