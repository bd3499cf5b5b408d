//go:build !linux

package devstack

import "syscall"

// attributes make the child a process group of its own, run by the account.
// Only Linux can tie it to our life as well; elsewhere the next start ends it.
func attributes(as account, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as.credential()}
}
