package dossier

import (
	"fmt"
	"slices"

	"motcua/directory"
)

// Plan is a procedure with the office of each step of its route, as it is for one root office.
type Plan struct {
	Procedure directory.Procedure
	Places    []string // office of step i
}

// NewPlan places the steps of a procedure for a root office. Ancestor returns the office above the root at a level; a step
// at a level that the root office itself has is done at the root.
func NewPlan(p directory.Procedure, root string, ancestor func(directory.LevelID) (string, error)) (Plan, error) {
	pl := Plan{Procedure: p, Places: make([]string, len(p.Route))}
	for i, st := range p.Route {
		pl.Places[i] = root
		if st.Office != "" {
			pl.Places[i] = string(st.Office)
		} else if st.Level != "" {
			place, err := ancestor(st.Level)
			if err != nil {
				return Plan{}, fmt.Errorf("procedure %s, step %s: %w", p.Code, st.ID, err)
			}
			pl.Places[i] = place
		}
	}
	return pl, nil
}

// Asked is the plan with each step that a chain has asked for, or was asked for, at the office that it was asked of: offices may
// have changed since, and the request stands. What was to be done where the chain was before it was handed over is done where it is.
func (p Plan) Asked(s State) Plan {
	p.Places = slices.Clone(p.Places)
	for i, place := range p.Places {
		if !s.IsChild && slices.Contains(s.Former, place) {
			p.Places[i] = s.Office
		}
	}
	if s.IsChild {
		p.settle(s.First, s.Last, s.Office)
	}
	for _, c := range s.Children {
		p.settle(c.First, c.Last, c.To)
	}
	return p
}

func (p Plan) settle(first, last, office string) {
	i, j := p.index(first), p.index(last)
	for ; i >= 0 && i <= j; i++ {
		p.Places[i] = office
	}
}

// index is the place of a step in the route, -1 if it is not there.
func (p Plan) index(step string) int {
	return slices.IndexFunc(p.Procedure.Route, func(s directory.Step) bool { return s.ID == step })
}

// Next is the index of the step that a chain has come to; false when none is left on this chain. After a rejection only the
// return is left.
func (p Plan) Next(s State) (int, bool) {
	i := 0
	if s.IsChild {
		i = p.index(s.First)
	}
	if s.Done != "" {
		i = p.index(s.Done) + 1
		if i == 0 {
			return 0, false
		}
	}
	last := len(p.Procedure.Route) - 1
	switch {
	case s.IsChild && (s.Outcome == Rejected || i < 0 || i > p.index(s.Last)), s.Ended(), i > last:
		return 0, false
	case s.Outcome == Rejected:
		return last, true
	}
	return i, true
}

// StatusIn is the status of a chain with the procedure at hand: done, where only the return is left.
func (p Plan) StatusIn(s State) Status {
	if i, ok := p.Next(s); ok && !s.IsChild && p.Procedure.Route[i].Kind == directory.StepReturn {
		return StatusDone
	}
	return s.Status
}

// Stretch is the last of the consecutive steps from i on that are done at the same office: they are one request.
func (p Plan) Stretch(i int) int {
	j := i
	for j+1 < len(p.Places) && p.Places[j+1] == p.Places[i] && p.Procedure.Route[j+1].Kind != directory.StepReturn {
		j++
	}
	return j
}

// Budget is the time of the steps from i to j, in quarters of a working day, 0 if any has none.
func (p Plan) Budget(i, j int) int {
	sum := 0
	for _, s := range p.Procedure.Route[i : j+1] {
		if s.Budget == 0 {
			return 0
		}
		sum += int(s.Budget)
	}
	return sum
}

// finalDecision tells whether step i is the last that decides: its approval carries the result.
func (p Plan) finalDecision(i int) bool {
	rest := p.Procedure.Route[i+1:]
	return !slices.ContainsFunc(rest, func(s directory.Step) bool { return s.Kind == directory.StepDecide })
}

// fits tells whether the plan is that of the chain.
func (p Plan) fits(s State) bool {
	return len(p.Places) == len(p.Procedure.Route) && p.Procedure.Code == s.Procedure && p.Procedure.Version == s.ProcVersion
}

// completes checks that a child chain has done the steps it was asked for, each once, in the order of the route and by the kind
// of act that the step calls for, up to the last or a rejection. Where they are done was fixed by the request.
func (p Plan) completes(root, child State) *Rule {
	i, last := p.index(child.First), p.index(child.Last)
	if !p.fits(root) || i < 0 || last < i {
		return rule(RuleProcedure)
	}
	for _, f := range child.Steps {
		if i > last || p.Procedure.Route[i].ID != f.Step {
			return rule(RuleKind)
		}
		if r := p.finished(i, f); r != nil {
			return r
		}
		i++
		if f.Outcome == Rejected {
			last = i - 1 // nothing may follow
		}
	}
	if i <= last {
		return rule(RuleStepsLeft)
	}
	return nil
}

// finished checks how step i was done.
func (p Plan) finished(i int, f Finished) *Rule {
	switch want := p.Procedure.Route[i].Kind; {
	case want == directory.StepCheck && f.Kind == KindStepDone:
		return nil
	case want != directory.StepDecide || f.Kind != KindDecided:
		return rule(RuleKind)
	case f.Outcome == Approved && f.Results == 0 && p.finalDecision(i):
		return rule(RuleResult)
	}
	return nil
}
