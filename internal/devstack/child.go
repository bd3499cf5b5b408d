package devstack

import (
	"os/exec"
	"runtime"
	"syscall"
)

// Child is a process of ours.
type Child struct {
	done chan struct{}
	err  error
}

// Start starts a command in a process group of its own, so that a terminal's
// Ctrl-C reaches only us, and on Linux has the kernel send it a signal should we
// be killed. A credential that the command was given stays.
func Start(cmd *exec.Cmd, whenWeDie syscall.Signal) (*Child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	tie(cmd.SysProcAttr, whenWeDie)
	c := &Child{done: make(chan struct{})}
	started := make(chan error, 1)
	go c.run(cmd, started)
	return c, <-started
}

// run keeps one thread for the child's whole life: Linux takes us for dead when
// the thread that started the child ends.
func (c *Child) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.done)
	c.err = cmd.Start()
	started <- c.err
	if c.err == nil {
		c.err = cmd.Wait()
	}
}

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err is how it ended; valid after Done.
func (c *Child) Err() error { return c.err }
