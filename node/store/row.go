package store

import (
	"encoding/base64"
	"fmt"

	"motcua/crypto/digest"
)

// Row is the line of a dossier in lists: what this node knows of a chain, kept beside it in the same update. Package
// office gives its fields their meaning.
type Row struct {
	Chain digest.Digest `cbor:"1,keyasint"`
	Kind  RowKind       `cbor:"2,keyasint"`
	// Code is the dossier code, empty before acceptance; Alias the submission code. Either finds the row. A dossier code is
	// never given to another chain. A submission code is what a portal says it is: chains that share one do not keep each
	// other out.
	Code  string `cbor:"3,keyasint,omitempty"`
	Alias string `cbor:"4,keyasint,omitempty"`
	// Parent is the root chain of a child.
	Parent      digest.Digest `cbor:"5,keyasint,omitzero"`
	Root        string        `cbor:"6,keyasint"` // office that answers to the citizen
	Holder      string        `cbor:"7,keyasint"` // office whose chain is being worked on
	Procedure   string        `cbor:"8,keyasint"`
	ProcVersion uint32        `cbor:"9,keyasint,omitempty"`
	Applicant   string        `cbor:"10,keyasint"` // name as shown in lists
	Account     string        `cbor:"11,keyasint,omitempty"`
	Status      string        `cbor:"12,keyasint"`
	// Bucket is the list of the desk the row stands in, empty for none. It may differ from Status.
	Bucket   string `cbor:"13,keyasint,omitempty"`
	Step     string `cbor:"14,keyasint,omitempty"`
	Due      int64  `cbor:"15,keyasint,omitempty"` // Unix seconds
	Accepted int64  `cbor:"16,keyasint,omitempty"` // Unix milliseconds
	Updated  int64  `cbor:"17,keyasint"`           // Unix milliseconds
	// Terms are folded words a search finds the row by, at most MaxTerms, each at most 64 bytes.
	Terms []string `cbor:"18,keyasint,omitempty"`
	// Extra is the caller's own, small.
	Extra []byte `cbor:"19,keyasint,omitempty"`
	// Decided and Returned are Unix milliseconds, 0 before.
	Decided  int64 `cbor:"20,keyasint,omitempty"`
	Returned int64 `cbor:"21,keyasint,omitempty"`
}

// RowKind tells what a chain is to this node. Append only.
type RowKind uint8

// The kinds of rows.
const (
	RowSubmission RowKind = 1 // handed in, not yet a dossier; its chain is the id of the submission record
	RowRoot       RowKind = 2
	RowChild      RowKind = 3
)

// MaxTerms bounds the words a row is found by.
const MaxTerms = 24

// Cursor is where a list goes on; "" is its start as an argument and its end as an answer. It is safe to show.
type Cursor string

// PutRow stores a row and keeps every list in step. It fails with ErrTaken when its dossier code belongs to another chain.
func (t *Tx) PutRow(r Row) error {
	if len(r.Terms) > MaxTerms {
		return t.fail(fmt.Errorf("store: row of %d terms: %w", len(r.Terms), ErrTooLarge))
	}
	old, existed, err := load[Row](t, tRow.of(r.Chain))
	if err != nil {
		return t.fail(err)
	}
	if err := t.claim(r); err != nil {
		return t.fail(err)
	}
	fresh := entries(r)
	if existed {
		for k := range entries(old) {
			if fresh[k] {
				delete(fresh, k)
			} else if err := t.set(key(k), nil); err != nil {
				return err
			}
		}
	}
	for k := range fresh {
		if err := t.set(key(k), mark); err != nil {
			return err
		}
	}
	return t.put(tRow.of(r.Chain), r)
}

// mark is the value of an index entry: the key says everything.
var mark = []byte{format}

// claim binds the codes of a row to its chain.
func (t *Tx) claim(r Row) error {
	for i, code := range []string{r.Code, r.Alias} {
		if code == "" {
			continue
		}
		owner, ok, err := load[digest.Digest](t, tRowCode.named(code))
		switch {
		case err == nil && !ok:
			err = t.put(tRowCode.named(code), r.Chain)
		case err == nil && owner != r.Chain && i == 0:
			err = fmt.Errorf("store: code %s: %w", code, ErrTaken)
		case err == nil && owner != r.Chain:
			err = t.set(tRowAlias.named(code).id(r.Chain), mark)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entries are the index keys of a row.
func entries(r Row) map[string]bool {
	out := map[string]bool{string(tRowNewest.key().late(r.Updated).id(r.Chain)): true}
	if r.Bucket != "" {
		out[string(tRowBucket.named(r.Bucket).time(r.Due).id(r.Chain))] = true
	}
	if r.Account != "" {
		out[string(tRowAccount.named(r.Account).late(r.Updated).id(r.Chain))] = true
	}
	for _, w := range r.Terms {
		if w != "" && len(w) <= 64 {
			out[string(tRowTerm.named(w).late(r.Updated).id(r.Chain))] = true
		}
	}
	return out
}

// Row returns the row of a chain, ErrNotFound if there is none.
func (t *Tx) Row(chain digest.Digest) (Row, error) {
	r, ok, err := load[Row](t, tRow.of(chain))
	if err == nil && !ok {
		err = fmt.Errorf("row of chain %s: %w", chain.Short(), ErrNotFound)
	}
	return r, err
}

// RowsByCode returns the rows of a dossier code or submission code, at most n, that which came first before the others;
// ErrNotFound if there is none.
func (t *Tx) RowsByCode(code string, n int) ([]Row, error) {
	first, err := t.RowByCode(code)
	if err != nil {
		return nil, err
	}
	out := []Row{first}
	err = t.scan(tRowAlias.named(code), nil, func(k key) (bool, error) {
		if len(out) >= n {
			return false, nil
		}
		r, ok, err := load[Row](t, tRow.of(tail(k)))
		if ok && r.Alias == code {
			out = append(out, r)
		}
		return true, err
	})
	return out, err
}

// RowByCode returns the row of a dossier code, or the first that came with a submission code; ErrNotFound if there is none.
func (t *Tx) RowByCode(code string) (Row, error) {
	chain, ok, err := t.lookup(tRowCode.named(code))
	if err != nil {
		return Row{}, err
	}
	if !ok {
		return Row{}, fmt.Errorf("code: %w", ErrNotFound)
	}
	return t.Row(chain)
}

func (t *Tx) lookup(k key) (digest.Digest, bool, error) {
	if len(k) > maxKey {
		return digest.Digest{}, false, nil
	}
	return load[digest.Digest](t, k)
}

// ByBucket returns at most n rows of a bucket, soonest due first.
func (t *Tx) ByBucket(bucket string, from Cursor, n int) ([]Row, Cursor, error) {
	return t.list(tRowBucket.named(bucket), from, n)
}

// ByAccount returns at most n rows of an applicant's account, newest first.
func (t *Tx) ByAccount(account string, from Cursor, n int) ([]Row, Cursor, error) {
	return t.list(tRowAccount.named(account), from, n)
}

// Newest returns at most n rows, last changed first.
func (t *Tx) Newest(from Cursor, n int) ([]Row, Cursor, error) {
	return t.list(tRowNewest.key(), from, n)
}

// ByTerm returns at most n rows that have a term beginning with the prefix. A row may come twice, once for each term.
func (t *Tx) ByTerm(prefix string, from Cursor, n int) ([]Row, Cursor, error) {
	return t.list(append(tRowTerm.key(), clean(prefix)...), from, n)
}

// list reads a page of an index. An entry that its row no longer has is stale, and passed over.
func (t *Tx) list(prefix key, from Cursor, n int) (out []Row, next Cursor, err error) {
	start, err := from.key(prefix)
	if err != nil {
		return nil, "", err
	}
	err = t.scan(prefix, start, func(k key) (bool, error) {
		if len(out) == n {
			next = cursorOf(k, prefix)
			return false, nil
		}
		r, ok, err := load[Row](t, tRow.of(tail(k)))
		if ok && entries(r)[string(k)] {
			out = append(out, r)
		}
		return true, err
	})
	return out, next, err
}

// Count counts the rows of a bucket due in [from, to), Unix seconds, up to at most n. It reads the index alone.
func (t *Tx) Count(bucket string, from, to int64, n int) (int, error) {
	prefix := tRowBucket.named(bucket)
	stop := string(tRowBucket.named(bucket).time(to))
	count := 0
	err := t.scan(prefix, tRowBucket.named(bucket).time(from), func(k key) (bool, error) {
		if string(k) >= stop || count == n {
			return false, nil
		}
		count++
		return true, nil
	})
	return count, err
}

// cursorOf and key leave out the prefix, so that a cursor cannot lead from one list into another.
func cursorOf(k, prefix key) Cursor {
	return Cursor(base64.RawURLEncoding.EncodeToString(k[len(prefix):]))
}

func (c Cursor) key(prefix key) (key, error) {
	b, err := base64.RawURLEncoding.DecodeString(string(c))
	if err != nil || len(b) > maxKey {
		return nil, fmt.Errorf("cursor of a list: %w: begin the list again", ErrNotFound)
	}
	return append(append(key(nil), prefix...), b...), nil
}
