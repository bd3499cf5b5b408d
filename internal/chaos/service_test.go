//go:build chaos

package chaos_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"chasqui/internal/devstack"
)

// service is a Postgres or Redis that is stopped hard and started again as it
// was: with the same command, by the same user.
type service struct {
	name string
	argv []string
	uid  uint32
	gid  uint32
	pid  int
	gone <-chan struct{} // closed when the one that we started is gone
}

// adopt learns how a running service was started.
func adopt(name string, pid int) (*service, error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil, err
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return nil, err
	}
	st := info.Sys().(*syscall.Stat_t)
	argv := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	argv[0] = exe
	return &service{name: name, argv: argv, uid: st.Uid, gid: st.Gid, pid: pid}, nil
}

// end sends a signal and waits until the process is gone.
func (s *service) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	_ = syscall.Kill(s.pid, sig)
	for deadline := time.Now().Add(20 * time.Second); ; {
		if s.gone != nil {
			select {
			case <-s.gone:
				return
			case <-time.After(20 * time.Second):
			}
		} else if syscall.Kill(s.pid, 0) != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not end", s.name)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// start starts it as it was started first.
func (s *service) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(s.argv[0], s.argv[1:]...)
	cmd.Args[0] = s.name // redis-server is also redis-check-rdb, and goes by its name
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "HOME=/", "TZ=UTC", "LC_ALL=C"}
	if int(s.uid) != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.uid, Gid: s.gid}}
	}
	child, err := devstack.Start(cmd, syscall.SIGQUIT)
	if err != nil {
		t.Fatalf("start %s again: %v", s.name, err)
	}
	s.pid, s.gone = cmd.Process.Pid, child.Done()
	t.Cleanup(func() {
		_ = syscall.Kill(cmd.Process.Pid, syscall.SIGQUIT)
		select {
		case <-child.Done():
		case <-time.After(10 * time.Second):
			_ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL)
			<-child.Done()
		}
	})
}

// postmaster reads Postgres' process id from its data directory, which stands
// beside its socket.
func postmaster(sockets string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(sockets, "postgres", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	return strconv.Atoi(strings.TrimSpace(first))
}

// redisCommand is how a durable Redis is started beside its socket.
func redisCommand(binary, socket string) []string {
	return []string{
		binary, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", filepath.Join(filepath.Dir(socket), "redis"),
		"--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no",
	}
}
