package devstack_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"chasqui/internal/devstack"
)

// execMark makes this test binary behave as `withservices` does; its value is
// the directory to keep data in, or "-".
const execMark = "CHASQUI_DEVSTACK_EXEC"

func TestMain(m *testing.M) {
	if dir := os.Getenv(execMark); dir != "" {
		os.Exit(execMain(strings.TrimPrefix(dir, "-"), os.Args[1:]))
	}
	os.Exit(m.Run())
}

func execMain(dir string, argv []string) int {
	code, err := devstack.Exec(context.Background(), devstack.Options{
		Dir: dir, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}, argv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

func TestExecReturnsTheStatus(t *testing.T) {
	t.Parallel()
	cmd := execCommand(t, "-", "sh", "-c", "exit 7")
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("exit status %d, want 7: %v", cmd.ProcessState.ExitCode(), err)
	}
}

// As root this is the ordinary user's way through the code; the other tests
// are root's.
func TestExecAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	cmd := execCommand(t, "-", "sh", "-c", `test "$(id -u)" != 0 && echo "$DATABASE_URL"`)
	if os.Geteuid() == 0 {
		cmd.Env = append(cmd.Env, "HOME=/nonexistent")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "postgres://") {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestExecTakesServicesDownOnSignals(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			cmd, sockets := startExec(t, "-")
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
				t.Errorf("exit status %d, want 130", cmd.ProcessState.ExitCode())
			}
			if _, err := os.Stat(sockets); !os.IsNotExist(err) {
				t.Errorf("%s outlived the signal: %v", sockets, err)
			}
		})
	}
}

// Nothing can be taken down after SIGKILL, so the next start must cope.
func TestUpAfterItsOwnerWasKilled(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	cmd, _ := startExec(t, dir)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	connect(t, up(t, devstack.Options{Dir: dir}))
}

// execCommand is a command that runs argv with services.
func execCommand(t *testing.T, dir string, argv ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), argv...)
	cmd.Env = append(os.Environ(), execMark+"="+dir)
	cmd.Dir = "/"
	return cmd
}

// program is this test binary where every user can reach it: as root it stands
// in a directory closed to others. It is linked, because while a copy is being
// written another test's fork may hold it open, and then it does not start.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		return self
	}
	link := filepath.Join(openDir(t), "withservices")
	if err := os.Link(self, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// startExec starts a command that waits for ever, and returns once its
// services are up, with the directory of their sockets.
func startExec(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := execCommand(t, dir, "sh", "-c", `echo "$DATABASE_URL"; exec sleep 600`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, socketsOf(t, strings.TrimSpace(line))
}
