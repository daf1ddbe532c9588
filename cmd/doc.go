// Package cmd holds the program motcua (cmd/motcua) and the small province it is tried and tested with
// (cmd/province). It wires the rooms of the house together and holds no rule of theirs.
package cmd
