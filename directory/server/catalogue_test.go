package server_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"motcua/directory"
	"motcua/directory/server"
)

func landProcedure() directory.Procedure {
	text := func(s string) directory.Text { return directory.Text{VI: s} }
	return directory.Procedure{
		Code: "1.000001", Version: 1, Name: text("Đăng ký đất"), Field: "land", Level: "commune", Result: text("Giấy"), Decision: "QĐ 1",
		Limit: directory.Limit{Amount: 3, Unit: directory.WorkingDay}, LegalBasis: []string{"Luật Đất đai"}, Form: []byte(`{}`),
		Route: []directory.Step{{ID: "return", Name: text("Trả"), Kind: directory.StepReturn}},
	}
}

// TestAVersionToComeTakesEffectByItself publishes for a day three days ahead, withdraws another procedure on that day, and looks
// at a node of which the line is never used again.
func TestAVersionToComeTakesEffectByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		first := publication()
		first.Procedures = []directory.Procedure{landProcedure()}
		ends := first.Procedures[0]
		ends.Code = "1.000002"
		first.Procedures = append(first.Procedures, ends)
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", first)
		n := w.join(commune, 1)
		code, number := first.Procedures[0].Code, n.replica.Number()
		day := directory.DateOf(w.now().AddDate(0, 0, 3))
		terms := directory.Terms{Author: "Bình", Decision: "QĐ 5", From: day}
		next := first.Procedures[0]
		next.Version, next.Valid.From = 2, day
		p := must[server.Published](w, "dir-2", http.MethodPost, "/publish", server.Publication{Procedures: []directory.Procedure{next}, Terms: &terms})
		q := must[server.Published](w, "dir-3", http.MethodPost, "/withdraw", server.WithdrawRequest{
			Terms: terms, Withdrawals: []directory.Withdrawal{{Code: ends.Code, Version: 1, From: day, Decision: "QĐ 5"}},
		})
		if p.Publication != 1 || q.Publication != 2 {
			t.Errorf("publications %d and %d", p.Publication, q.Publication)
		}
		for _, told := n.replica.Withdrawal(ends.Code); !told; _, told = n.replica.Withdrawal(ends.Code) { // in one edition or two
			number++
			n.catchUp(number)
		}
		w.stopAll()
		for d := -1; d <= 1; d++ {
			time.Sleep(time.Until(day.Time().AddDate(0, 0, d).Add(time.Hour)))
			today := directory.DateOf(time.Now())
			now, ok := n.replica.Current(code, today)
			_, begun := n.replica.Current(ends.Code, today)
			_, wd, read := n.replica.Last(ends.Code, today)
			if want := uint32(1 + min(1, d+1)); !ok || now.Version != want || begun != (d < 0) || read != (d >= 0) || read && wd.Decision != "QĐ 5" {
				t.Errorf("%s: version %d, want %d; the other begun %v, read %v", today, now.Version, want, begun, read)
			}
		}
	})
}

// TestOpenDossiersComeFromTheirOffice: whose they are is told by the connection, and the catalogue shows as of when.
func TestOpenDossiersComeFromTheirOffice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		n := w.join(commune, 1)
		w.join(other, 2)
		for _, open := range []uint32{3, 4} {
			if err := n.ReportOpen(t.Context(), []directory.OpenCount{{Procedure: "1.004873", Version: 1, Open: open}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.ReportOpen(t.Context(), []directory.OpenCount{{Procedure: "x", Version: 1, Open: 1}}); directory.CodeOf(err) != directory.Invalid {
			t.Errorf("a malformed count: %v", err)
		}
		c := must[server.Catalogue](w, "dir-2", http.MethodGet, "/catalogue", nil)
		if len(c.Open) != 1 || c.Open[0].Office != commune || c.Open[0].Counts[0].Open != 4 || len(c.Nodes) != 2 || len(c.Offices) != 2 {
			t.Errorf("%+v, nodes %v, %d offices", c.Open, c.Nodes, len(c.Offices))
		}
		if at := time.UnixMilli(c.Open[0].At); w.now().Sub(at) > time.Minute || at.After(w.now()) {
			t.Errorf("as of %s, now %s", at, w.now())
		}
	})
}
