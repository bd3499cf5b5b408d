package devstack

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
)

// childGrace is how long a command may take to end after an interrupt.
const childGrace = 10 * time.Second

// Exec brings the services up, runs argv with DATABASE_URL and REDIS_URL set,
// and takes them down again, whatever happens to the command and on SIGINT,
// SIGTERM and SIGHUP too. It returns the command's exit status; the error is
// about everything but the command's own failure.
func Exec(ctx context.Context, o Options, argv []string) (int, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	s, err := Up(ctx, o)
	if err != nil {
		return 1, err
	}
	code, err := s.run(ctx, argv)
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*childGrace)
	defer cancel()
	return code, errors.Join(err, s.Down(down))
}

// run runs the command to its end. Under a terminal it stays in the terminal's
// process group, which gets Ctrl-C as a whole; otherwise it gets a group of its
// own, so that its children too hear of our signal.
func (s *Stack) run(ctx context.Context, argv []string) (int, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "DATABASE_URL="+s.DatabaseURL, "REDIS_URL="+s.RedisURL)
	group := !isatty.IsTerminal(os.Stdin.Fd())
	runtime.LockOSThread() // the child ends if this thread does, see Child.run
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: group}
	tie(cmd.SysProcAttr, syscall.SIGTERM)
	cmd.WaitDelay = childGrace
	cmd.Cancel = func() error { return signalChild(cmd, group, syscall.SIGINT) }
	err := cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil && group {
		_ = signalChild(cmd, group, syscall.SIGKILL) // what outlived its parent
	}
	return exitCode(ctx, err)
}

func signalChild(cmd *exec.Cmd, group bool, sig syscall.Signal) error {
	pid := cmd.Process.Pid
	if group {
		pid = -pid
	}
	return syscall.Kill(pid, sig)
}

// exitCode follows the shell: 128 plus the signal's number for a command that
// a signal ended, 130 for one that we interrupted.
func exitCode(ctx context.Context, err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 130, nil
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 127, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
