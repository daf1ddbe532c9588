package office

import (
	"context"
	"errors"
	"sync"
	"time"

	"motcua/directory"
	"motcua/replication"
)

// How long people wait for others, in real time.
const (
	// askTime bounds how long a person waits for answers from elsewhere before this node answers with what it knows. All the
	// questions of one page share it.
	askTime = 3 * time.Second
	// hurriedTime is how long an office is given while the directory is silent: most likely it is this node's line that is cut.
	hurriedTime = time.Second
	// silence is for how long nobody waits again for one who has not answered.
	silence = 15 * time.Second
	// slowFailure is from when on a failure is one that somebody waited for. A sooner one costs nothing to meet again.
	slowFailure = 500 * time.Millisecond
)

// theDirectory stands for all its servers; offices have codes.
const theDirectory replication.Name = ""

// reach remembers who has not answered, so that with the line cut one page waits and not every one. After the silence one
// question tries again; others go on without it until it has its answer. It holds no more than the offices of an edition, for one
// that no edition knows is not waited for.
type reach struct {
	mu     sync.Mutex
	silent map[replication.Name]time.Time // until when
	words  uint64                         // heard from outside
}

// question is one that is being asked.
type question struct {
	who   replication.Name
	begun time.Time
	words uint64
}

// begin tells whether to ask at all.
func (r *reach) begin(who replication.Name) (question, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := question{who, time.Now(), r.words}
	until, silent := r.silent[who]
	if silent && q.begun.Before(until) {
		return q, false
	}
	if silent {
		r.silent[who] = q.begun.Add(askTime)
	}
	return q, true
}

// end learns from how a question ended. A failure says nothing if somebody walked away, or if a word has come meanwhile.
func (r *reach) end(ctx context.Context, q question, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := directory.CodeOf(err)
	if c != directory.Internal && c != directory.NoLeader {
		delete(r.silent, q.who)
		return
	}
	if errors.Is(ctx.Err(), context.Canceled) || q.words != r.words || time.Since(q.begun) < slowFailure {
		return
	}
	if r.silent == nil {
		r.silent = map[replication.Name]time.Time{}
	}
	r.silent[q.who] = time.Now().Add(silence)
}

// is tells whether one is silent.
func (r *reach) is(who replication.Name) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.silent[who])
}

// heard forgets all silence: the line is up.
func (r *reach) heard() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.words++
	clear(r.silent)
}

func errSilent(who string) error {
	return directory.Errorf("ask", directory.NoLeader, "%s has not answered a moment ago; try again in %d seconds", who, silence/time.Second)
}

// consult asks the directory what somebody waits for: for a short time, or not at all while it is silent.
func (o *Office) consult(ctx context.Context, ask func(context.Context) error) error {
	q, ok := o.reach.begin(theDirectory)
	if !ok {
		return errSilent("the directory")
	}
	return o.asking(ctx, q, askTime, ask)
}

// insist asks the directory in any case, within a time, and remembers whether it answered.
func (o *Office) insist(ctx context.Context, within time.Duration, ask func(context.Context) error) error {
	q, _ := o.reach.begin(theDirectory)
	return o.asking(ctx, q, within, ask)
}

func (o *Office) asking(ctx context.Context, q question, within time.Duration, ask func(context.Context) error) error {
	asked, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := ask(asked)
	o.reach.end(ctx, q, err)
	if err == nil {
		o.heard()
	}
	return err
}
