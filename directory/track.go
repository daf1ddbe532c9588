package directory

import "motcua/crypto/digest"

// Track is what the directory knows of a dossier: where it is, in which state, and when it is due. No content.
type Track struct {
	// Code is the submission code until the dossier is accepted, then the dossier code.
	Code string `cbor:"1,keyasint" json:"code"`
	// Alias is the submission code of an accepted dossier: looking it up finds the dossier.
	Alias string `cbor:"2,keyasint,omitempty" json:"alias,omitempty"`
	// Root answers to the citizen; Holder is the office whose chain is being worked on.
	Root   OfficeCode `cbor:"3,keyasint" json:"root"`
	Holder OfficeCode `cbor:"4,keyasint" json:"holder"`
	// State is a state name of node/dossier; the directory knows StateSubmitted alone.
	State string `cbor:"5,keyasint" json:"state"`
	// Due is Unix seconds, 0 before acceptance.
	Due int64 `cbor:"6,keyasint" json:"due"`
	// AsOf is when the root office reported, Unix milliseconds. An older report never replaces a newer, and one by a
	// clock ahead of the directory's counts as made when it came.
	AsOf      int64     `cbor:"7,keyasint" json:"as_of"`
	Applicant AccountID `cbor:"8,keyasint,omitempty" json:"applicant,omitempty"`
	// Checks lets a person who is not signed in prove the right to look: see TrackCheck.
	Checks []digest.Digest `cbor:"9,keyasint,omitempty" json:"-"`
}

// StateSubmitted is the first of the states: handed in, and the office has not said anything yet. It is the one that the
// directory knows, since a portal may report it before the office does.
const StateSubmitted = "submitted"

// TrackCheck binds a code to the last four digits of the applicant's phone or identity number. Four digits can be
// guessed from it, so it is kept by directory servers and the root office alone and is never shown.
func TrackCheck(code, lastFour string) digest.Digest {
	return digest.Of([]byte("motcua track check v1\n" + code + "\n" + lastFour))
}

// MaxTrackBatch bounds the tracks of one report.
const MaxTrackBatch = 500
