//go:build !race

package main

// lookAbove is in how many folders above the project all of a province's records are looked for.
const lookAbove = 5
