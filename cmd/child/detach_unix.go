//go:build unix

package child

import (
	"os/exec"
	"syscall"
)

// detach gives the process a group of its own, so that Ctrl-C in the terminal reaches the demo alone, which then
// stops its servers in order.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
