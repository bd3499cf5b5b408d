package chaos

import "syscall"

// attributes give the child a process group of its own, so that Ctrl-C reaches
// only us, and have the kernel kill it when we die: a run that is broken off
// leaves nothing behind, frozen or not.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
