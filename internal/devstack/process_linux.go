package devstack

import "syscall"

// attributes make the child a process group of its own, run by the account,
// and told to stop by the kernel should we be killed.
func attributes(as account, whenWeDie syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as.credential(), Pdeathsig: whenWeDie}
}
