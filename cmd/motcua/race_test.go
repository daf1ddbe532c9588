//go:build race

package main

// lookAbove is in how many folders above the project all of a province's records are looked for. The race detector has as much to see in
// the sample, in a minute less.
const lookAbove = 0
