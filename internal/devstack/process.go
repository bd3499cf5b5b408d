package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// process is one service running as our child.
type process struct {
	name    string
	logPath string
	asked   atomic.Bool // somebody called stop
	pid     int
	*Child
}

// spec says how to run a service.
type spec struct {
	name    string
	argv    []string
	as      account
	logPath string
	stop    syscall.Signal // asks for a clean end; also sent if we die first
}

// environment is all the services get to see: PGDATA, PGHOST and their kind
// from the caller's shell would lead them astray.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=/", "TZ=UTC", "LC_ALL=C"}
}

// launch starts the service. Its own process group keeps a terminal's Ctrl-C
// away from it, so that those who use it can end first.
func launch(s spec) (*process, error) {
	out, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(s.argv[0], s.argv[1:]...)
	cmd.Dir, cmd.Env = "/", environment()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as.credential()}
	child, err := Start(cmd, s.stop)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.argv[0], err)
	}
	return &process{name: s.name, logPath: s.logPath, pid: cmd.Process.Pid, Child: child}, nil
}

// watch reports an end nobody asked for.
func (p *process) watch(report chan<- error) {
	<-p.Done()
	if !p.asked.Load() {
		report <- p.ended()
	}
}

// ended describes an early end with the last words of the log.
func (p *process) ended() error {
	cause := p.Err()
	if cause == nil {
		cause = errors.New("exit status 0")
	}
	return fmt.Errorf("%s ended: %w: %s", p.name, cause, p.tail())
}

// tail returns the end of the log on one line.
func (p *process) tail() string {
	b, err := os.ReadFile(p.logPath)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// end asks the service to stop with sig, and kills it after ten seconds or
// when ctx ends.
func (p *process) end(ctx context.Context, sig syscall.Signal) error {
	p.asked.Store(true)
	_ = syscall.Kill(p.pid, sig) // it may have ended already: done tells
	select {
	case <-p.Done():
		return nil
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
	}
	_ = syscall.Kill(p.pid, syscall.SIGKILL)
	<-p.Done()
	return fmt.Errorf("%s did not stop and was killed", p.name)
}

// await polls ready until it succeeds, the service ends, or time is up.
func (p *process) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return p.ended()
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w (%w)", p.name, ctx.Err(), err)
		case <-tick.C:
		}
	}
}
