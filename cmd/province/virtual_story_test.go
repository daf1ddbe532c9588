package province_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/office"
	node "motcua/node/server"
)

// story tells what happens to one dossier, line by line. After the first thing that goes wrong every further line does
// nothing, and the end says which line it was.
type story struct {
	w     *world
	err   error
	where string

	procedure string
	citizen   int
	alias     string
	code      string
	root      directory.OfficeCode
	stick     []byte // the last bundle that was written
}

// tell begins a story.
func (w *world) tell(procedure string) *story { return &story{w: w, procedure: procedure} }

// end fails the test if a line of the story did not happen.
func (s *story) end() {
	s.w.t.Helper()
	if s.err != nil {
		s.w.t.Fatalf("story of %s: %s: %v", s.alias, s.where, s.err)
	}
}

// line runs one line of the story unless it has gone wrong before.
func (s *story) line(where string, f func() error) *story {
	if s.err == nil {
		s.where = where
		s.err = f()
	}
	return s
}

func (s *story) submits(portal, to directory.OfficeCode) *story {
	return s.line(fmt.Sprintf("a citizen hands in at %s for %s", portal, to), func() (err error) {
		s.root = to
		s.alias, err = s.w.submit(s.w.t.Context(), s.citizen, portal, to, s.procedure)
		return err
	})
}

// find is the line of this dossier in an office's lists.
func (s *story) find(code directory.OfficeCode) (office.Line, error) {
	lines, err := s.w.toDo(s.w.t.Context(), code)
	if err != nil {
		return office.Line{}, err
	}
	i := slices.IndexFunc(lines, func(l office.Line) bool { return l.Code == s.alias || s.code != "" && l.Code == s.code })
	if i < 0 {
		return office.Line{}, fmt.Errorf("not in the lists of %s", code)
	}
	return lines[i], nil
}

// does has an office's people do what their lists ask for, and checks that it is these acts in this order. The first may
// have to arrive.
func (s *story) does(code directory.OfficeCode, kinds ...dossier.Kind) *story {
	for _, want := range kinds {
		s.line(fmt.Sprintf("%s does %s", code, verbs[want]), func() error {
			var line office.Line
			err := eventually(patientFor, "in the lists", func() (err error) { line, err = s.find(code); return err })
			if err != nil {
				return err
			}
			kind, err := s.w.handle(s.w.t.Context(), code, line)
			if err == nil && kind != want {
				err = fmt.Errorf("the desk offers %q", verbs[kind])
			}
			s.code = s.w.said.accepted[s.alias]
			return err
		})
	}
	return s
}

var verbs = map[dossier.Kind]string{
	0: "nothing", dossier.KindAccepted: "accept", dossier.KindStepDone: "finish a step", dossier.KindRequested: "forward",
	dossier.KindReceived: "receive", dossier.KindDecided: "decide", dossier.KindReported: "report", dossier.KindReturned: "return",
}

func (s *story) cut(name directory.OfficeCode) *story {
	return s.line("cut "+string(name), func() error { s.w.cut(string(name)); return nil })
}

func (s *story) heal(name directory.OfficeCode) *story {
	return s.line("heal "+string(name), func() error { s.w.heal(string(name)); return nil })
}

func (s *story) passes(d time.Duration) *story {
	return s.line(d.String()+" pass", func() error { time.Sleep(d); return nil })
}

// waiting checks how many parcels wait in an office's outbox, once it has come to that.
func (s *story) waiting(code directory.OfficeCode, n int) *story {
	return s.line(fmt.Sprintf("%d parcels wait at %s", n, code), func() error {
		return eventually(patientFor, "the outbox", func() error {
			strip, err := s.w.node(code).Strip()
			if err == nil && strip.Waiting != n {
				err = fmt.Errorf("%d wait", strip.Waiting)
			}
			return err
		})
	})
}

// notYet checks that the dossier is in none of an office's lists.
func (s *story) notYet(code directory.OfficeCode) *story {
	return s.line("not yet at "+string(code), func() error {
		if line, err := s.find(code); err == nil {
			return fmt.Errorf("it is there: %s", line.Status)
		}
		return nil
	})
}

// writesStick has an office write a bundle for another.
func (s *story) writesStick(from, to directory.OfficeCode) *story {
	return s.line(fmt.Sprintf("%s writes a stick for %s", from, to), func() (err error) {
		s.stick, err = s.w.ask(string(from), http.MethodGet, "/bundle?to="+string(to), nil)
		return err
	})
}

// readsStick has an office read the last bundle and checks what it took, and for what it refused the rest.
func (s *story) readsStick(at directory.OfficeCode, parcels int, refused ...string) *story {
	return s.line("the stick is read at "+string(at), func() error {
		b, err := s.w.ask(string(at), http.MethodPost, "/bundle", s.stick)
		if err != nil {
			return err
		}
		var r node.BundleReport
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		if r.Error != "" || len(r.Faults) != len(refused) || !r.Complete || r.Parcels != parcels {
			return fmt.Errorf("report %+v, want %d parcels", r, parcels)
		}
		for i, why := range refused {
			if !strings.Contains(r.Faults[i], why) {
				return fmt.Errorf("refused for %q, want %q", r.Faults[i], why)
			}
		}
		return nil
	})
}

// sees checks what the applicant, signed in at a portal, sees of the dossier, once it has come to that.
func (s *story) sees(portal directory.OfficeCode, want dossier.Status, fresh bool) *story {
	return s.line(fmt.Sprintf("the citizen sees %q at %s, fresh: %v", want, portal, fresh), func() error {
		c, err := s.w.citizen(s.citizen, portal)
		if err != nil {
			return err
		}
		return eventually(patientFor, "the page", func() error {
			v, err := s.w.node(portal).MyDossier(s.w.t.Context(), c, s.alias)
			if err == nil && (v.Status != want || v.Fresh != fresh) {
				err = fmt.Errorf("it shows %q as of %v from %s", v.Status, v.AsOf, v.Source)
			}
			return err
		})
	})
}

// downloads has the applicant read the result at a portal.
func (s *story) downloads(portal directory.OfficeCode) *story {
	return s.line("the citizen downloads the result at "+string(portal), func() error {
		ctx := s.w.t.Context()
		c, err := s.w.citizen(s.citizen, portal)
		if err != nil {
			return err
		}
		var v office.DossierView
		err = eventually(patientFor, "the result", func() (err error) { // the directory knows the new code a moment later
			if v, err = s.w.node(portal).MyDossier(ctx, c, s.code); err == nil && len(v.Results) != 1 {
				err = fmt.Errorf("%d results", len(v.Results))
			}
			return err
		})
		if err != nil {
			return err
		}
		return s.fileIs(portal, c, v.Results[0].Blob, paper("quyết định"))
	})
}

func (s *story) fileIs(portal directory.OfficeCode, c office.Citizen, blob digest.Digest, want []byte) error {
	_, r, err := s.w.node(portal).File(s.w.t.Context(), c, s.code, blob)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%d bytes, not the %d of the result", len(got), len(want))
	}
	return err
}
