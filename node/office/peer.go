package office

import (
	"context"
	"fmt"
	"io"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// Protocol is the name under which nodes ask each other: one Question, one Answer, then the bytes of a file.
const Protocol = "dossier/1"

// The bounds of its messages, in bytes.
const (
	MaxQuestion = 16 << 10
	MaxAnswer   = 8 << 20
)

// QuestionKind is what is asked. Append only.
type QuestionKind uint8

// The questions.
const (
	AskTrack QuestionKind = 1 // where is it: proven by Code and LastFour
	AskSheet QuestionKind = 2 // the whole dossier, for its applicant: proven by Behalf
	AskFile  QuestionKind = 3 // a paper or result, for its applicant
	AskLine  QuestionKind = 4 // where is it: proven by Behalf
	// What has the office that asks lost? See regain.go.
	AskHeld   QuestionKind = 5 // what is kept of it, changed since Since, from After on
	AskChain  QuestionKind = 6 // its Chain from the event Seq on, or the submission
	AskSealed QuestionKind = 7 // the ciphertext of a Blob that its Chain names
	AskAnew   QuestionKind = 8 // that Parcels it has lost be sent anew
)

// Question is asked of the office that answers for a dossier. Who asks is an enrolled node; for whom, it states. Key 5 was the
// session itself and is not used again.
type Question struct {
	Version  uint8         `cbor:"1,keyasint"` // 1
	Kind     QuestionKind  `cbor:"2,keyasint"`
	Code     string        `cbor:"3,keyasint"`
	LastFour string        `cbor:"4,keyasint,omitempty"`
	Blob     digest.Digest `cbor:"6,keyasint,omitzero"`
	Behalf   *SignedBehalf `cbor:"7,keyasint,omitempty"`

	Since   int64           `cbor:"8,keyasint,omitempty"` // Unix milliseconds
	After   string          `cbor:"9,keyasint,omitempty"`
	Chain   digest.Digest   `cbor:"10,keyasint,omitzero"`
	Seq     uint64          `cbor:"11,keyasint,omitempty"`
	Parcels []digest.Digest `cbor:"12,keyasint,omitempty"`
}

// Answer is the answer to a question: an error, or what was asked.
type Answer struct {
	Version     uint8            `cbor:"1,keyasint"` // 1
	Error       *directory.Error `cbor:"2,keyasint,omitempty"`
	Track       *directory.Track `cbor:"3,keyasint,omitempty"` // without checks
	Procedure   string           `cbor:"4,keyasint,omitempty"` // of the track
	ProcVersion uint32           `cbor:"5,keyasint,omitempty"`
	Sheet       *Sheet           `cbor:"6,keyasint,omitempty"`
	File        *FileHead        `cbor:"7,keyasint,omitempty"` // its bytes follow
	Holding     *Holding         `cbor:"8,keyasint,omitempty"`
	Chain       []record.Record  `cbor:"9,keyasint,omitempty"`
	Submission  *record.Record   `cbor:"10,keyasint,omitempty"`
}

// FileHead describes the file whose plain bytes follow an answer.
type FileHead struct {
	Name      string `cbor:"1,keyasint"`
	MediaType string `cbor:"2,keyasint"`
	Size      int64  `cbor:"3,keyasint"`
}

// ask asks another office a question that has no file for an answer, for a short time.
func (o *Office) ask(ctx context.Context, office string, q Question) (Answer, error) {
	turn, ok := o.reach.begin(replication.Name(office))
	if !ok {
		return Answer{}, errSilent("office " + office)
	}
	within := askTime
	if o.reach.is(theDirectory) {
		within = hurriedTime
	}
	asked, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	q.Version = 1
	a, r, err := o.Peers.Ask(asked, replication.Name(office), q)
	o.reach.end(ctx, turn, err)
	if r != nil {
		r.Close()
	}
	switch {
	case err != nil:
		return a, err
	case a.Version != 1:
		return a, fmt.Errorf("ask %s: its answer is of format %d, this version reads format 1; upgrade", office, a.Version)
	case a.Error != nil:
		return a, a.Error
	}
	o.noted()
	return a, nil
}

// askFor asks another office about a dossier of a citizen who is signed in here.
func (o *Office) askFor(ctx context.Context, c Citizen, office string, q Question) (a Answer, err error) {
	if q.Behalf, err = o.behalf(c, q.Code, office); err != nil {
		return a, err
	}
	return o.ask(ctx, office, q)
}

// Serve answers a question of another office's node. The reader, if any, is the file's plain bytes; close it.
func (o *Office) Serve(ctx context.Context, from replication.Name, q Question) (Answer, io.ReadCloser) {
	a, r, err := o.serve(ctx, from, q)
	a.Version = 1
	if err != nil {
		a = Answer{Version: 1, Error: &directory.Error{Op: "ask", Code: directory.CodeOf(err), Message: plainError(err)}}
	}
	return a, r
}

// plainError is what another office is told; the text of a fault of ours stays here.
func plainError(err error) string {
	if directory.CodeOf(err) == directory.Internal {
		return "the office could not answer; its log says why"
	}
	return err.Error()
}

func (o *Office) serve(ctx context.Context, from replication.Name, q Question) (Answer, io.ReadCloser, error) {
	if q.Version != 1 {
		return Answer{}, nil, directory.Errorf("ask", directory.Newer, "question of format %d, this node reads format 1", q.Version)
	}
	switch q.Kind {
	case AskHeld, AskChain, AskSealed, AskAnew:
		return o.serveHeld(ctx, from, q)
	}
	if _, err := o.rowByCode("ask", q.Code, o.answersFor); err != nil {
		return Answer{}, nil, err
	}
	switch q.Kind {
	case AskTrack:
		a, err := o.serveTrack(from, q)
		return a, nil, err
	case AskSheet, AskFile, AskLine:
		return o.serveApplicant(ctx, from, q)
	}
	return Answer{}, nil, directory.Errorf("ask", directory.Newer, "question of kind %d is not known to this node", q.Kind)
}

// answersFor tells whether this office answers for a row.
func (o *Office) answersFor(r store.Row) bool {
	return r.Root == string(o.Code) && r.Kind != store.RowChild
}

// serveTrack answers for the right digits. Each office has tries of its own: one cannot use up those of the others.
func (o *Office) serveTrack(from replication.Name, q Question) (Answer, error) {
	code, _ := dossier.NormalCode(q.Code)
	tries := string(from) + " " + code
	if !o.guesses.try(tries, o.Now()) {
		return Answer{}, directory.Errorf("track", directory.Exhausted, "the digits were wrong too often; try again in an hour")
	}
	row, err := o.provenRow(code, q.LastFour, o.answersFor)
	if err != nil {
		return Answer{}, err
	}
	o.guesses.right(tries)
	return o.lineAnswer(row), nil
}

// lineAnswer says where a dossier that this office answers for is.
func (o *Office) lineAnswer(row store.Row) Answer {
	tr := directory.Track{
		Code: lineCode(row), Alias: row.Alias, Root: o.Code, Holder: directory.OfficeCode(row.Holder), State: row.Status,
		Due: row.Due, AsOf: o.Now().UnixMilli(),
	}
	return Answer{Track: &tr, Procedure: row.Procedure, ProcVersion: row.ProcVersion}
}

// askedRow is the dossier of an applicant, or of an account that was merged into his: then the directory tells, where this node has
// not heard.
func (o *Office) askedRow(ctx context.Context, code string, id directory.AccountID) (store.Row, error) {
	find := func(a directory.Account) (store.Row, error) {
		return o.rowByCode("ask", code, func(r store.Row) bool { return o.answersFor(r) && a.Is(directory.AccountID(r.Account)) })
	}
	row, err := find(directory.Account{ID: id})
	if directory.CodeOf(err) != directory.NotFound {
		return row, err
	}
	a, unknown := o.Account(ctx, id)
	if unknown != nil || len(a.Former) == 0 {
		return row, err
	}
	return find(a)
}

// serveApplicant answers an applicant who is signed in at another node. A look at more than the line is recorded first.
func (o *Office) serveApplicant(ctx context.Context, from replication.Name, q Question) (Answer, io.ReadCloser, error) {
	b, err := o.verifyBehalf(from, q.Code, q.Behalf)
	if err != nil {
		return Answer{}, nil, err
	}
	row, err := o.askedRow(ctx, q.Code, b.Account)
	if err != nil {
		return Answer{}, nil, err
	}
	if !o.askers.admit(from, b.Account, o.Now()) {
		o.Log.Warn("an office asks for too many people", "peer", from)
		return Answer{}, nil, directory.Errorf("ask", directory.Exhausted, "office %s has asked for %d people within an hour; try again later", from, maxAskedFor)
	}
	if q.Kind == AskLine {
		return o.lineAnswer(row), nil, nil
	}
	who := directory.Account{ID: b.Account, Name: row.Applicant, Kind: directory.Citizen}
	if err := o.looked(ctx, row.Chain, who, look{office: string(from), signedIn: string(b.SignedInAt), purpose: lookApplicant}); err != nil {
		return Answer{}, nil, err
	}
	if q.Kind == AskSheet {
		s, err := o.ownSheet(row)
		s.AsOf = o.Now().UnixMilli()
		return Answer{Sheet: &s}, nil, err
	}
	files, _, err := o.filesOf(row.Chain)
	if err != nil {
		return Answer{}, nil, missing("file", err)
	}
	info, r, err := o.open(ctx, files, q.Blob)
	if err != nil {
		return Answer{}, nil, err
	}
	head := FileHead(info)
	return Answer{File: &head}, r, nil
}
