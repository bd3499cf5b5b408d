//go:build !linux

package app

import "syscall"

// childAttributes give a child a process group of its own, so that a
// terminal's Ctrl-C reaches only us and we stop the children in order.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
