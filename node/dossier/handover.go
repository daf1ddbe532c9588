package dossier

import (
	"slices"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
)

// Closing is what the directory says of an office that has closed: by which decision, which day was its last, and which office
// takes over what it has in progress.
type Closing struct {
	Office   string
	To       string
	Decision string
	Closed   directory.Date
}

// allows tells whether an act may hand over: it is the closed office's, and dated after its last day.
func (c Closing) allows(a Act) bool {
	return c.Office == a.Office && c.To != "" && c.To != a.Office && c.Closed != "" && directory.DateOf(time.UnixMilli(a.At)) > c.Closed
}

// HandOver ends the office's part of a chain that is in progress, whatever it waits for: who takes over waits for it.
func HandOver(s State, a Act, c Closing) (Event, error) {
	if !c.allows(a) {
		return Event{}, rule(RuleOpen)
	}
	if r := permit(KindHandedOver, s, Plan{}, a); r != nil {
		return Event{}, r
	}
	return a.event(s, KindHandedOver, HandedOver{To: c.To, Decision: c.Decision, Closed: c.Closed})
}

// ReceiveForSuccessor begins the child chain that a root chain asks this office for, so that it can be handed over: the office that
// was asked has closed before anybody took the request in hand. The node does it by itself.
func ReceiveForSuccessor(root State, child digest.Digest, a Act, c Closing) (Event, error) {
	if !c.allows(a) {
		return Event{}, rule(RuleOpen)
	}
	a.Roles, a.Acting = nil, nil
	body, r := receiving(root, child, a)
	if r != nil {
		return Event{}, r
	}
	return a.event(State{Chain: child}, KindReceived, body)
}

// receiving is the first event of the child chain that a root chain asks this office for.
func receiving(root State, child digest.Digest, a Act) (Received, *Rule) {
	i := slices.IndexFunc(root.Children, func(c Child) bool { return c.ID == child })
	if i < 0 {
		return Received{}, rule(RuleNoRequest)
	}
	c := root.Children[i]
	if c.To != a.Office {
		return Received{}, rule(RuleAddressee)
	}
	return Received{
		Root: root.Chain, Request: c.Request, Due: c.Due, First: c.First, Last: c.Last,
		Procedure: root.Procedure, ProcVersion: root.ProcVersion,
	}, nil
}

// Take begins the part of the office that a chain was handed over to. The node does it by itself, when the chain has arrived: from
// then on this office is its one writer.
func Take(s State, a Act) (Event, error) {
	if s.Successor == "" || s.Successor != a.Office {
		return Event{}, rule(RuleAddressee)
	}
	return a.event(s, KindTaken, Taken{From: s.Office})
}
