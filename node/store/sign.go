package store

import (
	"context"

	"motcua/crypto/record"
)

// Statement is what an update stores signed.
type Statement struct {
	Key   *record.Key
	Label string
	Body  []byte
}

// maxShared bounds the statements under one signature, and with them the length of their paths.
const maxShared = 64

// UpdateSigned is Update for an update that stores a statement: those of one commit share a signature, so that a busy machine makes
// few. Like those of record.SignAmong, the record holds digests of its neighbours' bodies.
func (s *Store) UpdateSigned(ctx context.Context, st Statement, fn func(*Tx, record.Record) error) error {
	j := &job{statement: &st, done: make(chan answer, 1)}
	j.fn = func(t *Tx) error {
		if j.unsigned != nil {
			return j.unsigned
		}
		return fn(t, j.signed)
	}
	return s.await(ctx, j)
}

// sign signs the statements of jobs, one signature for those of the same key and label.
func sign(jobs []*job) {
	for len(jobs) > 0 {
		var same, rest []*job
		var bodies [][]byte
		for _, j := range jobs {
			switch {
			case j.statement == nil:
			case len(same) == 0 || len(same) < maxShared && j.statement.Key == same[0].statement.Key && j.statement.Label == same[0].statement.Label:
				same, bodies = append(same, j), append(bodies, j.statement.Body)
			default:
				rest = append(rest, j)
			}
		}
		if jobs = rest; len(same) > 0 {
			signTogether(same, bodies)
		}
	}
}

func signTogether(jobs []*job, bodies [][]byte) {
	rs, err := record.Sign(jobs[0].statement.Key, jobs[0].statement.Label, bodies...)
	for i, j := range jobs {
		if j.unsigned = err; err == nil {
			j.signed = rs[i]
		}
	}
}
