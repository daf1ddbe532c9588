// Package state is the directory's tables and the one function that changes them. It is pure: what it reads and writes is
// a key-value store it is given, and neither clock nor chance has a say, so that every server that applies the same log
// has the same tables, byte for byte.
//
// # Applying
//
// [Apply] takes one entry of the log. A change that may not be made is an answer ([Result.Failure]), not an error. An
// error means that this server must stop: it cannot read the entry (a later version wrote it) or its disk fails.
//
// # Exactly once
//
// The answer to a request is remembered under its id; the same request again gets the same answer and has no effect. It is
// forgotten once it is both [Window] entries and [KeptFor] old, by the time of the tables, so that every server forgets alike;
// the oldest before, where there are [MaxAnswers]. Servers of the first upgrade level remembered for [Window] entries, some
// seconds when there is much to do. What they remembered counts as forgotten then, even if it was not deleted.
//
// # Keys
//
//	meta/genesis  meta/secret      the province's beginning; what the servers alone know
//	meta/time                      time of the last change
//	meta/public                    place in the log of the last change to a public table
//	meta/cut, meta/complete        newest edition cut; newest with a majority of signatures
//	meta/members  meta/level       place in the log of the last change to the servers; the upgrade level
//	meta/standing meta/succession  the members that sign; the succession that waits for signatures
//	member/NAME  reason/NAME       the directory's servers; why one leaves
//	departed/KEY                   keys of servers that may not come back
//	succession/EPOCH               how the members came to be
//	level/ID  office/CODE  field/ID  calendar  procedure/CODE/VERSION
//	calendars/VERSION              calendars once in force
//	node/OFFICE                    the node in use
//	revoked/OFFICE/KEY             keys once in use
//	tls/ID                         not written any more
//	token/HASH                     enrolment tokens
//	account/ID  login/LOGIN  staff/OFFICE/ID
//	identity/NUMBER  twin/NUMBER/ID  citizens and businesses; accounts of one number from before there was the rule
//	retired/LOGIN  reset/ID        logins given up; codes to set a password with
//	desk-resets/OFFICE/DATE        reset codes that an office issued to citizens on a day
//	history/ID/VERSION             what was changed
//	meta/accounts  thread/ID/VERSION  below all versions since a recovery; the version before the first of them
//	meta/factors  meta/identities  who must have a second factor; how far accounts of before are entered by number
//	track/CODE  alias/CODE  mine/ACCOUNT/CODE
//	places/ACCOUNT/OFFICE[/PLACE]  what an office has put on an applicant's list
//	edition/SLOT/head  edition/SLOT/sign/MEMBER
//	bulk/edition/SLOT/PIECE        bodies, in a ring of slots; means nothing without its head
//	delta/SLOT                     what an edition has changed, in a ring; its bytes are at bulk/delta/SLOT/PIECE
//	request/ID  recent/SLOT        answers remembered; of the first upgrade level, where each is in a ring
//	meta/answers  answer/NUMBER    which answers are remembered in turn, and which request each is of
//	meta/publication               number of the newest publication
//	publication/NUMBER             who published, on which decision
//	publication-of/ID              number of the publication of an id
//	part/NUMBER/PART               keys of the rows that a part has changed
//	publishing                     the publication under way, during which no edition is cut
//	withdrawn/CODE/VERSION         withdrawals of procedures
//	open/OFFICE                    how many dossiers are in progress there, by procedure
//
// The table is append-only. Each value is the wire encoding of one type.
package state

import (
	"fmt"

	"motcua/crypto/wire"
	"motcua/directory"
)

// Reader reads tables as of one place in the log. An error means that the disk fails.
type Reader interface {
	// Get returns the value of a key, nil if there is none.
	Get(key string) ([]byte, error)
	// Scan calls f with the keys of a prefix in order, until f fails.
	Scan(prefix string, f func(key string, value []byte) error) error
}

// Store is tables that are being changed: what was set is seen by later reads.
type Store interface {
	Reader
	Set(key string, value []byte)
	Delete(key string)
}

// BulkPrefix begins the keys whose values mean nothing until a row elsewhere says so. A store may write them ahead of
// the rest of the entry, so that a large edition does not have to fit one transaction.
const BulkPrefix = "bulk/"

// Result is the answer to a request.
type Result struct {
	Index   uint64           `cbor:"1,keyasint"` // place in the log where it was decided
	Failure *directory.Error `cbor:"2,keyasint,omitempty"`
	Value   []byte           `cbor:"3,keyasint,omitempty"` // wire encoding of the command's own answer
}

// Err returns the failure as an error.
func (r Result) Err() error {
	if r.Failure == nil {
		return nil
	}
	return r.Failure
}

// has tells whether there is a row.
func has(r Reader, key string) (bool, error) {
	b, err := r.Get(key)
	return b != nil, err
}

func get[T any](r Reader, key string) (v T, ok bool, err error) {
	b, err := r.Get(key)
	if err != nil || b == nil {
		return v, false, err
	}
	if err := wire.UnmarshalKept(b, &v); err != nil {
		return v, false, fmt.Errorf("row %s: %w", key, err)
	}
	return v, true, nil
}

func put(s Store, key string, v any) error {
	b, err := wire.Marshal(v)
	if err != nil {
		return fmt.Errorf("row %s: %w", key, err)
	}
	s.Set(key, b)
	return nil
}

func list[T any](r Reader, prefix string) ([]T, error) {
	var out []T
	err := r.Scan(prefix, func(key string, b []byte) error {
		var v T
		if err := wire.UnmarshalKept(b, &v); err != nil {
			return fmt.Errorf("row %s: %w", key, err)
		}
		out = append(out, v)
		return nil
	})
	return out, err
}

func decodeRow[T any](key string, b []byte) (v T, err error) {
	if err := wire.UnmarshalKept(b, &v); err != nil {
		return v, fmt.Errorf("row %s: %w", key, err)
	}
	return v, nil
}
