package dossier

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
	"motcua/directory"
)

// Bounds of what an event or submission may hold.
const (
	MaxNote        = 8000 // bytes of a note or reason
	MaxName        = 600  // bytes of a person's or file's name, or an address
	MaxDecision    = 500  // bytes of a delegation's decision
	MaxAttachments = 64
	MaxAnswers     = 256 << 10           // bytes
	MaxFile        = 256 << 20           // plain bytes of one file
	MaxAt          = 253_402_300_799_999 // Unix milliseconds: the end of the year 9999
)

// accountForm is what the directory takes for the id of an account, as a submission's track will name it there.
var accountForm = regexp.MustCompile(`^[A-Za-z0-9_.@:-]{1,64}$`)

// ChildID is the id of the chain of request number n (from 0) of a root chain.
func ChildID(root digest.Digest, n int) digest.Digest {
	b := append([]byte("motcua child v1\n"), root[:]...)
	return digest.Of(binary.BigEndian.AppendUint32(b, uint32(n)))
}

// Sign encodes and signs an event.
func Sign(key *record.Key, e Event) (Signed, error) {
	b, err := wire.Marshal(e)
	if err != nil {
		return Signed{}, fmt.Errorf("sign event: %w", err)
	}
	r, err := record.SignOne(key, EventLabel, b)
	if err != nil {
		return Signed{}, fmt.Errorf("sign event: %w", err)
	}
	return Signed{r, e}, nil
}

// SignSubmission encodes and signs a submission.
func SignSubmission(key *record.Key, s Submission) (record.Record, error) {
	if err := s.Validate(); err != nil {
		return record.Record{}, fmt.Errorf("sign submission: %w", err)
	}
	b, err := wire.Marshal(s)
	if err != nil {
		return record.Record{}, fmt.Errorf("sign submission: %w", err)
	}
	return record.SignOne(key, SubmissionLabel, b)
}

// ReadSubmission decodes and validates the submission of a record, without checking the signature.
func ReadSubmission(r record.Record) (Submission, error) {
	var s Submission
	if err := wire.UnmarshalVersioned(r.Body, &s, 1); err != nil {
		return s, fmt.Errorf("submission: %w: %w", ErrMalformed, err)
	}
	if s.Version != 1 {
		return s, fmt.Errorf("submission of format %d: %w", s.Version, ErrMalformed)
	}
	if err := s.Validate(); err != nil {
		return s, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return s, nil
}

// Validate checks the forms and bounds of a submission, not whether the procedure asks for what it holds.
func (s Submission) Validate() error {
	code, err := ParseSubmissionCode(s.Code)
	switch {
	case err != nil || code != s.Code:
		return fmt.Errorf("submission: code %q is not as it is written", s.Code)
	case s.Procedure == "" || s.ProcVersion == 0 || len(s.Procedure) > 64:
		return errors.New("submission: no procedure")
	case !json.Valid(s.Answers) || len(s.Answers) > MaxAnswers:
		return fmt.Errorf("submission: answers are no JSON or over %d bytes", MaxAnswers)
	case len(s.Lang) > 8:
		return errors.New("submission: no language")
	case s.At <= 0 || s.At > MaxAt:
		return errors.New("submission: not dated")
	case s.Applicant.Account != "" && !accountForm.MatchString(string(s.Applicant.Account)):
		return errors.New("submission: the applicant's account is no account id")
	}
	if err := errors.Join(directory.OfficeCode(s.Office).Validate(), directory.OfficeCode(s.Portal).Validate()); err != nil {
		return fmt.Errorf("submission: %w", err)
	}
	a := s.Applicant
	for _, t := range []string{a.Name, a.Identity, a.Phone, a.Email, a.Address} {
		if len(t) > MaxName {
			return fmt.Errorf("submission: a detail of the applicant is over %d bytes", MaxName)
		}
	}
	if a.Name == "" {
		return errors.New("submission: applicant without a name")
	}
	return validFiles(s.Attachments)
}

func validFiles(as []Attachment) error {
	if len(as) > MaxAttachments {
		return fmt.Errorf("%d files, at most %d", len(as), MaxAttachments)
	}
	for _, a := range as {
		if a.Blob.IsZero() || a.Size < 0 || a.Size > MaxFile || a.Sealed < a.Size || a.Sealed > 2*MaxFile {
			return errors.New("a file without a proper size and name")
		}
		if len(a.Key) != seal.KeySize || a.Name == "" || len(a.Name) > MaxName || len(a.MediaType) > 128 || len(a.Requirement) > 40 {
			return errors.New("a file without a proper key, name or type")
		}
	}
	return nil
}

func validText(what, s string, required bool) error {
	if required && s == "" {
		return fmt.Errorf("no %s", what)
	}
	if len(s) > MaxNote || !utf8.ValidString(s) {
		return fmt.Errorf("%s over %d bytes", what, MaxNote)
	}
	return nil
}

func validStep(ids ...string) error {
	for _, id := range ids {
		if id == "" || len(id) > 40 {
			return errors.New("no step")
		}
	}
	return nil
}

// Validate checks form and bounds.
func (b Accepted) Validate() error {
	if b.Due <= 0 {
		return errors.New("no due date")
	}
	return nil
}

// Validate checks form and bounds.
func (b Refused) Validate() error { return validText("reason", b.Reason, true) }

// Validate checks form and bounds.
func (b StepDone) Validate() error {
	return errors.Join(validStep(b.Step), validText("note", b.Note, false))
}

// Validate checks form and bounds.
func (b Requested) Validate() error {
	if b.Due <= 0 {
		return errors.New("no due date")
	}
	return errors.Join(directory.OfficeCode(b.To).Validate(), validStep(b.First, b.Last), validText("note", b.Note, false))
}

// Validate checks form and bounds.
func (b Received) Validate() error {
	if b.Root.IsZero() || b.Request.IsZero() || b.Due <= 0 || b.Procedure == "" || len(b.Procedure) > 64 || b.ProcVersion == 0 {
		return errors.New("no request, due date or procedure")
	}
	return validStep(b.First, b.Last)
}

// Validate checks form and bounds.
func (b Decided) Validate() error {
	switch {
	case b.Outcome > Rejected:
		return newer("outcome", b.Outcome)
	case b.Outcome == 0:
		return errors.New("no outcome")
	}
	return errors.Join(validStep(b.Step), validText("reason", b.Reason, b.Outcome == Rejected), validFiles(b.Results))
}

// Validate checks form and bounds.
func (b Reported) Validate() error { return validText("note", b.Note, false) }

// Validate checks form and bounds.
func (b Noted) Validate() error {
	if b.Child.IsZero() || b.Head.IsZero() {
		return errors.New("no child")
	}
	if b.Outcome > Rejected {
		return newer("outcome", b.Outcome)
	}
	return nil
}

// Validate checks form and bounds.
func (b HandedOver) Validate() error {
	if b.Decision == "" || len(b.Decision) > MaxDecision || !utf8.ValidString(b.Decision) {
		return errors.New("no decision")
	}
	return errors.Join(directory.OfficeCode(b.To).Validate(), b.Closed.Validate())
}

// Validate checks form and bounds.
func (b Taken) Validate() error { return directory.OfficeCode(b.From).Validate() }

// The ways of handing over a result.
const (
	AtDesk     = "desk"
	ByPost     = "post"
	Electronic = "electronic"
)

// Validate checks form and bounds.
func (b Returned) Validate() error {
	switch {
	case b.Method == "" || len(b.Method) > 40:
		return errors.New("no method")
	case b.Method != AtDesk && b.Method != ByPost && b.Method != Electronic:
		return newer("method", b.Method)
	}
	return validText("note", b.Note, false)
}
