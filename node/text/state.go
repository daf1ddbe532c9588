package text

import (
	"motcua/directory"
	"motcua/node/calendar"
	"motcua/node/dossier"
)

// Tone is the colour family of a state; it never carries meaning alone, the label does.
type Tone string

// The tones.
const (
	Quiet Tone = "quiet" // nothing to do
	Info  Tone = "info"  // under way
	Wait  Tone = "wait"  // somebody else must act
	Good  Tone = "good"  // a result
	Bad   Tone = "bad"   // late or refused
)

// StateWords says a state in plain words.
type StateWords struct {
	Label string
	Means string // what it means for the applicant
	Do    string // what the applicant should do
	Tone  Tone
}

// tones lists the states that have words; a status that is not here is written by a newer version.
var tones = map[dossier.Status]Tone{
	dossier.StatusSubmitted:  Info,
	dossier.StatusAccepted:   Info,
	dossier.StatusProcessing: Info,
	dossier.StatusWaiting:    Wait,
	dossier.StatusDecided:    Info,
	dossier.StatusDone:       Good,
	dossier.StatusReturned:   Good,
	dossier.StatusRefused:    Bad,
	dossier.StatusRequested:  Wait,
	dossier.StatusReported:   Quiet,
}

// State returns the words of a state. A state this version does not know says so.
func (l Lang) State(s dossier.Status) StateWords {
	tone, ok := tones[s]
	key := "state." + string(s)
	if !ok {
		tone, key = Quiet, "state.unknown"
	}
	return StateWords{l.T(key), l.T(key + ".means"), l.T(key + ".do"), tone}
}

// Outcome names a decision.
func (l Lang) Outcome(o dossier.Outcome) string {
	switch o {
	case dossier.Approved:
		return l.T("outcome.approved")
	case dossier.Rejected:
		return l.T("outcome.rejected")
	}
	return ""
}

// Act names the kind of an event, as a line of the history.
func (l Lang) Act(k dossier.Kind) string {
	name, ok := map[dossier.Kind]string{
		dossier.KindAccepted: "accepted", dossier.KindRefused: "refused", dossier.KindStepDone: "step_done",
		dossier.KindRequested: "requested", dossier.KindReported: "reported", dossier.KindNoted: "noted",
		dossier.KindDecided: "decided", dossier.KindReturned: "returned", dossier.KindReceived: "received",
		dossier.KindHandedOver: "handed_over", dossier.KindTaken: "taken",
	}[k]
	if !ok {
		name = "unknown"
	}
	return l.T("act." + name)
}

// Explain says in sentences how a due date came about, so that anyone can check it with a calendar in hand.
func (l Lang) Explain(x calendar.Explanation) []string {
	lines := []string{l.T("due.from", l.Time(x.Received))}
	if x.Rolled() {
		lines = append(lines, l.T("due.rolled", l.Time(x.Start)))
	}
	lines = append(lines, l.T("due.limit", l.Limit(x.Limit)))
	if x.NextDay {
		lines = append(lines, l.T("due.next_day"))
	}
	if x.Weekends > 0 {
		lines = append(lines, l.N("due.weekends", x.Weekends))
	}
	for _, h := range x.Holidays {
		lines = append(lines, l.T("due.holiday", l.Day(h.Date), h.Name.In(string(l))))
	}
	for _, d := range x.Swapped {
		lines = append(lines, l.T("due.swapped", l.Day(d)))
	}
	if x.Moved {
		lines = append(lines, l.T("due.moved"))
	}
	for _, y := range x.Provisional {
		lines = append(lines, l.T("due.provisional", y))
	}
	return append(lines, l.T("due.is", l.Weekday(x.Due), l.Clock(x.Due)))
}

// Role names what somebody was who acted or looked: a role in an office, or the kind of an account without one. A role
// of a newer version is said to be another one.
func (l Lang) Role(r directory.Role) string {
	if r == "" {
		return ""
	}
	return l.coded("role.", string(r), "role.other")
}

// Refusal words the reason for which the receiver will never take a parcel, by its code.
func (l Lang) Refusal(code string) string {
	return l.coded("parcel.refused.", code, "parcel.refused.other")
}

// coded is the message of a code that another machine may have written; other stands for one that is not known here.
func (l Lang) coded(prefix, code, other string) string {
	s, err := l.Message(prefix + code)
	if err != nil {
		return l.T(other)
	}
	return s
}
