package office

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
)

// held is a chain as this node holds it, folded, with the plan of its procedure.
type held struct {
	row   store.Row
	chain []dossier.Signed
	state dossier.State
	root  dossier.State // of a child: the copy of its root chain; else state
	plan  dossier.Plan
}

// readChain reads and folds a chain of the store. It was verified before it was stored.
func readChain(t *store.Tx, id digest.Digest) ([]dossier.Signed, dossier.State, error) {
	rs, err := t.Chain(id)
	if err != nil {
		return nil, dossier.State{}, err
	}
	chain, err := dossier.ReadChain(rs)
	if err != nil {
		return nil, dossier.State{}, err
	}
	s, err := dossier.Replay(chain)
	return chain, s, err
}

// load reads a chain of this node with its row and plan.
func (o *Office) load(op string, id digest.Digest) (h held, err error) {
	err = o.Store.View(func(t *store.Tx) (err error) {
		if h.row, err = t.Row(id); err != nil {
			return err
		}
		if h.chain, h.state, err = readChain(t, id); err != nil || !h.state.IsChild {
			h.root = h.state
			return err
		}
		_, h.root, err = readChain(t, h.state.Root)
		return err
	})
	if err != nil {
		return h, missing(op, err)
	}
	if h.plan, err = o.planOf(h.root); err == nil && h.state.IsChild {
		h.plan = h.plan.Asked(h.state)
	}
	return h, err
}

// rootRow is the row of a root chain, this office's or a copy.
func (o *Office) rootRow(s dossier.State, pl dossier.Plan) store.Row {
	sub := s.Submission
	r := store.Row{
		Chain: s.Chain, Kind: store.RowRoot, Code: s.Code, Alias: sub.Code, Root: s.Office, Holder: holder(s),
		Procedure: s.Procedure, ProcVersion: s.ProcVersion, Applicant: sub.Applicant.Name, Account: string(sub.Applicant.Account),
		Status: string(pl.StatusIn(s)), Step: stepID(pl, s), Due: s.Due, Updated: s.At, Decided: s.DecidedAt,
		Terms: terms(sub.Applicant.Name, s.Code, sub.Code),
	}
	if s.Status != dossier.StatusRefused {
		r.Accepted = s.Begun
	}
	if s.Status == dossier.StatusReturned {
		r.Returned = s.At
	}
	if s.Holds(string(o.Code)) {
		r.Bucket = string(bucketOf(s, pl))
	}
	if len(s.Former) > 0 {
		r.Terms = append(r.Terms, takenTerm)
	}
	return r
}

// childRow is the row of a child chain that this office writes or is asked to.
func (o *Office) childRow(root dossier.State, c dossier.Child, child dossier.State, pl dossier.Plan) store.Row {
	sub := root.Submission
	r := store.Row{
		Chain: c.ID, Kind: store.RowChild, Parent: root.Chain, Root: root.Answers(), Holder: c.To,
		Procedure: root.Procedure, ProcVersion: root.ProcVersion, Applicant: sub.Applicant.Name, Account: string(sub.Applicant.Account),
		Status: string(dossier.StatusRequested), Step: c.First, Due: c.Due, Updated: c.At, Bucket: string(BucketArrived),
		Terms: terms(sub.Applicant.Name, root.Code, sub.Code), Extra: []byte(root.Code),
	}
	if child.Length > 0 {
		r.Status, r.Step, r.Updated, r.Accepted = string(child.Status), stepID(pl, child), child.At, child.Begun
		r.Bucket, r.Decided, r.Holder = "", child.DecidedAt, child.Answers()
		if child.Holds(string(o.Code)) {
			r.Bucket = string(bucketOf(child, pl))
		}
	}
	if len(child.Former) > 0 {
		r.Terms = append(r.Terms, takenTerm)
	}
	return r
}

// submissionRow is the row of a submission that is not a dossier yet.
func (o *Office) submissionRow(id digest.Digest, s dossier.Submission) store.Row {
	r := store.Row{
		Chain: id, Kind: store.RowSubmission, Alias: s.Code, Root: s.Office, Holder: s.Office,
		Procedure: s.Procedure, ProcVersion: s.ProcVersion, Applicant: s.Applicant.Name, Account: string(s.Applicant.Account),
		Status: string(dossier.StatusSubmitted), Updated: s.At, Terms: terms(s.Applicant.Name, s.Code),
	}
	if s.Office == string(o.Code) {
		r.Bucket = string(BucketNew)
	}
	return r
}

func holder(s dossier.State) string {
	if c, open := s.Open(); open {
		return c.To
	}
	return s.Answers()
}

func stepID(pl dossier.Plan, s dossier.State) string {
	if i, ok := pl.Next(s); ok {
		return pl.Procedure.Route[i].ID
	}
	return ""
}

// bucketOf is the list that a chain of this office stands in.
func bucketOf(s dossier.State, pl dossier.Plan) Bucket {
	_, open := s.Open()
	switch {
	case s.Ended() || s.Successor != "":
		return BucketNone
	case open:
		return BucketWait
	case pl.StatusIn(s) == dossier.StatusDone:
		return BucketReturn
	}
	return BucketWork
}

// trackOf is what the directory is told of a root chain.
func (o *Office) trackOf(s dossier.State, pl dossier.Plan) directory.Track {
	sub := s.Submission
	tr := directory.Track{
		Code: s.Code, Alias: sub.Code, Root: directory.OfficeCode(s.Office), Holder: directory.OfficeCode(holder(s)),
		State: string(pl.StatusIn(s)), Due: s.Due, AsOf: s.At, Applicant: sub.Applicant.Account,
	}
	if tr.Code == "" { // refused: there is no dossier code
		tr.Code, tr.Alias = sub.Code, ""
	}
	tr.Checks = checksOf(sub, tr.Code, tr.Alias)
	return tr
}

// submittedTrack is what the directory is told of a submission that nobody has accepted or refused. Root is empty: only
// the office in charge becomes it.
func submittedTrack(s dossier.Submission) directory.Track {
	return directory.Track{
		Code: s.Code, Holder: directory.OfficeCode(s.Office), State: string(dossier.StatusSubmitted), AsOf: s.At,
		Applicant: s.Applicant.Account, Checks: checksOf(s, s.Code),
	}
}

// checksOf lets the applicant look with the last four digits of phone or identity number, by either code.
func checksOf(s dossier.Submission, codes ...string) (out []digest.Digest) {
	for _, code := range codes {
		for _, n := range []string{s.Applicant.Phone, s.Applicant.Identity} {
			if code != "" && len(n) >= 4 {
				out = append(out, directory.TrackCheck(code, n[len(n)-4:]))
			}
		}
	}
	return out
}

// attachments are the papers and results in chains, each once.
func attachments(chains ...[]dossier.Signed) (out []dossier.Attachment) {
	seen := map[digest.Digest]bool{}
	for _, chain := range chains {
		for _, e := range chain {
			for _, a := range attachmentsOf(e) {
				if !seen[a.Blob] {
					seen[a.Blob] = true
					out = append(out, a)
				}
			}
		}
	}
	return out
}

func attachmentsOf(e dossier.Signed) []dossier.Attachment {
	switch e.Event.Kind {
	case dossier.KindAccepted:
		if b, err := dossier.BodyOf[dossier.Accepted](e.Event); err == nil {
			if s, err := dossier.ReadSubmission(b.Submission); err == nil {
				return s.Attachments
			}
		}
	case dossier.KindDecided:
		if b, err := dossier.BodyOf[dossier.Decided](e.Event); err == nil {
			return b.Results
		}
	}
	return nil
}

// children reads the chains of a root's children that this node holds.
func children(t *store.Tx, root dossier.State) (map[digest.Digest][]dossier.Signed, error) {
	out := map[digest.Digest][]dossier.Signed{}
	for _, c := range root.Children {
		chain, _, err := readChain(t, c.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[c.ID] = chain
	}
	return out, nil
}

// ownerOf names a chain as the holder of sealed files.
func ownerOf(chain digest.Digest) string {
	return "chain/" + base64.RawURLEncoding.EncodeToString(chain[:])
}

// takenTerm finds the rows of chains that another office handed over. No word of a search is like it.
const takenTerm = "~taken"

// terms are the words that a search finds a row by: the words of the name without accents, and the codes.
func terms(name string, codes ...string) []string {
	out := words(name)
	for _, c := range codes {
		if c != "" {
			out = append(out, strings.ToLower(c))
		}
	}
	if most := store.MaxTerms - 1; len(out) > most { // one is kept for takenTerm
		out = slices.Delete(out, most-len(codes), len(out)-len(codes))
	}
	return out
}
