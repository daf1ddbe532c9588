// Package directory is the vocabulary of the province: who its offices are, what they do for people, who may
// sign in, which days are worked, and where each dossier is.
//
// Everything the State may change is data with dates: levels, offices, parents, names, procedures, fees, forms and
// holidays carry a [Period], and no level is named in code. A [Procedure] is published in numbered versions; a
// dossier keeps the version it was accepted under.
//
// The package only holds nouns, their Validate methods and the errors of the directory. It does no I/O, knows
// no clock, and knows nothing of what a dossier contains.
//
// Formats. Every struct with integer cbor keys is part of a signed or stored format: keys are never reused or
// reordered, new fields take the next free key and must be optional.
package directory
