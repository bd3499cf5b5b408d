package chaos

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"

	"chasqui/internal/devstack"
)

// Process is a program that can be killed, frozen, stopped and started again.
type Process struct {
	Name string
	argv []string
	env  []string
	out  output

	mu    sync.Mutex
	cmd   *exec.Cmd
	child *devstack.Child
}

// NewProcess describes a process; env is added to our own environment.
func NewProcess(name string, argv, env []string) *Process {
	return &Process{Name: name, argv: argv, env: env}
}

// Start starts it. It must not be running.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	child, err := devstack.Start(cmd, syscall.SIGKILL) // frozen or not, nothing outlives a run that is broken off
	if err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.cmd, p.child = cmd, child
	return nil
}

// Signal sends a signal; SIGSTOP freezes and SIGCONT thaws.
func (p *Process) Signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s) // it may be gone
	}
}

// Kill ends it without a word and waits until it is gone.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.ended()
}

// Stop asks it to stop, waits, and kills it when its time is over.
func (p *Process) Stop(within time.Duration) error {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.ended():
		return nil
	case <-time.After(within):
		p.Kill()
		return fmt.Errorf("%s did not stop within %s", p.Name, within)
	}
}

func (p *Process) ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil {
		over := make(chan struct{})
		close(over)
		return over
	}
	return p.child.Done()
}

// Running reports whether it runs.
func (p *Process) Running() bool {
	select {
	case <-p.ended():
		return false
	default:
		return true
	}
}

// Said gives what is kept of what it said, over all its lives.
func (p *Process) Said() string {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	return p.out.buf.String()
}

// Last gives the last match of a pattern's first group in what it said; "" when
// there is none.
func (p *Process) Last(pattern *regexp.Regexp) string {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	all := pattern.FindAllSubmatch(p.out.buf.Bytes(), -1)
	if len(all) == 0 {
		return ""
	}
	return string(all[len(all)-1][1])
}

// Count gives how often a pattern occurs in what it said.
func (p *Process) Count(pattern *regexp.Regexp) int {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	return len(pattern.FindAllIndex(p.out.buf.Bytes(), -1))
}

// output keeps the last of what a process said.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() > 16<<20 {
		o.buf.Reset()
	}
	return o.buf.Write(b)
}
