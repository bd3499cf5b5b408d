package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"chasqui/internal/devstack"
)

// childGrace is how long a child may take to stop; it is longer than its own
// limit.
const childGrace = 30 * time.Second

// child is one of our programs, run by chasqui dev.
type child struct {
	name string
	cmd  *exec.Cmd
	out  *lines
	*devstack.Child
}

// startChild runs a program with its output, line by line, behind its name.
// stdout, when given, takes the standard output instead.
func startChild(name string, cmd *exec.Cmd, out *lines, stdout io.Writer) (*child, error) {
	cmd.Stdout, cmd.Stderr = out, out
	if stdout != nil {
		cmd.Stdout = stdout
	}
	cmd.WaitDelay = time.Second
	started, err := devstack.Start(cmd, syscall.SIGTERM)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &child{name: name, cmd: cmd, out: out, Child: started}, nil
}

// supervise is a part's Run: it ends when the child does, which is a failure,
// or stops the child when ctx ends.
func (c *child) supervise(ctx context.Context) error {
	select {
	case <-c.Done():
		if ctx.Err() != nil {
			return nil // it was to stop anyway
		}
		return c.ended()
	case <-ctx.Done():
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already: done tells
	select {
	case <-c.Done():
		return nil
	case <-time.After(childGrace):
	}
	_ = c.cmd.Process.Kill()
	<-c.Done()
	return fmt.Errorf("did not stop within %s and was killed", childGrace)
}

// ended describes an end that nobody asked for.
func (c *child) ended() error {
	cause := c.Err()
	if cause == nil {
		cause = errors.New("exit status 0")
	}
	return fmt.Errorf("%w; its last lines:\n%s", cause, c.out.last())
}

// lines writes whole lines behind a name, and remembers the last ones. Writers
// that share a mutex do not cut into each other.
type lines struct {
	prefix string
	to     io.Writer
	mu     *sync.Mutex
	rest   []byte
	kept   []string
}

const keptLines = 15

// Write never fails: a child must not die of our terminal.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.kept = append(l.kept, string(line))
		l.kept = l.kept[max(0, len(l.kept)-keptLines):]
		_, _ = fmt.Fprintf(l.to, "%s%s\n", l.prefix, line)
		l.rest = rest
	}
}

func (l *lines) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.kept, "\n")
}
