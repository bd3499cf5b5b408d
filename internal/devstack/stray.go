package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endStray deals with the postmaster.pid of a run that was killed. We hold the
// directory's lock, so a server still running there has no user any more and
// is stopped; if its number now belongs to some other program, the file is
// removed, because Postgres would take that program for a server. A file whose
// process is gone is left: Postgres knows what to do with it.
func endStray(ctx context.Context, data string) error {
	file := filepath.Join(data, "postmaster.pid")
	pid, err := readPID(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if runs(ctx, pid, data) {
		return endPID(ctx, pid, data)
	}
	if alive(pid) {
		return os.Remove(file)
	}
	return nil
}

// endPID asks for a fast shutdown, then for an immediate one.
func endPID(ctx context.Context, pid int, data string) error {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		_ = syscall.Kill(pid, sig) // it may be gone by now
		for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); {
			if !runs(ctx, pid, data) {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return fmt.Errorf("the server of an earlier run (process %d) does not stop", pid)
}

func readPID(file string) (int, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("%s holds no process number", file)
	}
	return pid, nil
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// runs tells whether the process is a server of this data directory. A dead
// one that nobody has reaped has no command line any more.
func runs(ctx context.Context, pid int, data string) bool {
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		return strings.Contains(string(b), data)
	}
	out, _ := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return strings.Contains(string(out), data)
}
