//go:build !unix

package child

import "os/exec"

// detach does nothing here: the servers stop when their standard input closes.
func detach(*exec.Cmd) {}
