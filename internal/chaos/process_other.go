//go:build !linux

package chaos

import "syscall"

// attributes give the child a process group of its own, so that Ctrl-C reaches
// only us. Nothing but Linux can tie its life to ours as well.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
