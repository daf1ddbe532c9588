package record

import "sync"

// SignAmong signs a single statement together with those that others sign with the same key at this moment, under one signature.
// It saves most of the signatures of a busy machine and nobody waits for company: what comes while a signature is being made is
// signed with the next. The record holds digests of its neighbours' bodies, so it is for statements that cannot be guessed from
// their digest.
func SignAmong(k *Key, label string, body []byte) (Record, error) {
	c := &call{label: label, body: body}
	k.gathered.enter(c)
	k.gathered.turn.Lock()
	defer k.gathered.turn.Unlock()
	for !c.done { // whose turn it is signs for all who wait by then; more than once if more than a batch came before it
		k.gathered.sign(k, label)
	}
	return c.record, c.err
}

// maxGathered bounds the statements that are signed together by chance, and with them the length of their paths.
const maxGathered = 64

// gathered are the statements that wait to be signed.
type gathered struct {
	turn sync.Mutex // held while signing

	mu    sync.Mutex
	calls []*call
}

// call is one statement. What it gets is written and read by who holds the turn.
type call struct {
	label  string
	body   []byte
	record Record
	err    error
	done   bool
}

func (g *gathered) enter(c *call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, c)
}

// take returns the oldest calls of a label.
func (g *gathered) take(label string) (batch []*call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var rest []*call
	for _, c := range g.calls {
		if c.label == label && len(batch) < maxGathered {
			batch = append(batch, c)
		} else {
			rest = append(rest, c)
		}
	}
	g.calls = rest
	return batch
}

// sign signs the oldest calls of a label.
func (g *gathered) sign(k *Key, label string) {
	batch := g.take(label)
	bodies := make([][]byte, len(batch))
	for i, c := range batch {
		bodies[i] = c.body
	}
	rs, err := Sign(k, label, bodies...)
	for i, c := range batch {
		c.done, c.err = true, err
		if err == nil {
			c.record = rs[i]
		}
	}
}
