package devstack

import "syscall"

// tie has the kernel signal a child should we be killed.
func tie(a *syscall.SysProcAttr, whenWeDie syscall.Signal) { a.Pdeathsig = whenWeDie }
