package chaos_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"chasqui/internal/chaos"
	"chasqui/internal/testkit"
)

// parentVariable makes the test below the process that is killed in it.
const parentVariable = "CHASQUI_CHAOS_PARENT"

func TestChildrenDieWithUs(t *testing.T) {
	t.Parallel()
	if os.Getenv(parentVariable) != "" {
		parent(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestChildrenDieWithUs$", "-test.v")
	cmd.Env = append(os.Environ(), parentVariable+"=yes")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 2 && lines.Scan(); {
		if _, pid, ok := strings.Cut(lines.Text(), "child "); ok {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, n)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	if len(pids) != 2 {
		t.Fatalf("%d children were started", len(pids))
	}
	for _, pid := range pids {
		testkit.Eventually(t, 10*time.Second, "the child is gone", func() bool { return !lives(pid) })
	}
}

// parent starts two children, freezes one of them, and waits for its end.
func parent(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		p := chaos.NewProcess("sleeper", []string{"sh", "-c", "echo pid=$$; exec sleep 60"}, nil)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		var pid string
		testkit.Eventually(t, 10*time.Second, "the child's word", func() bool {
			_, pid, _ = strings.Cut(strings.TrimSpace(p.Said()), "pid=")
			return pid != ""
		})
		if frozen {
			p.Signal(syscall.SIGSTOP)
		}
		fmt.Println("child " + pid)
	}
	select {}
}

// lives reports whether a process is there and more than a remnant that nobody
// has asked about.
func lives(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return !strings.HasPrefix(rest, "Z")
}
