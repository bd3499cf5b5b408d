package app

import "syscall"

// childAttributes give a child a process group of its own, so that a
// terminal's Ctrl-C reaches only us and we stop the children in order; the
// kernel stops it should we be killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
