package app_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"chasqui/internal/testkit"
)

// candidate is a scheduler that runs as a process of its own.
type candidate struct {
	out     *output
	process *os.Process
	metrics string
}

func startScheduler(t *testing.T, dir string, environ []string) candidate {
	t.Helper()
	cmd, out := process(t, filepath.Join(dir, "scheduler"), append(environ, "LOG_FORMAT=text"))
	c := candidate{out: out, process: cmd.Process}
	address := regexp.MustCompile(`for=metrics addr=(\S+)`)
	testkit.Eventually(t, patience, "an address", func() bool {
		if m := address.FindStringSubmatch(out.String()); m != nil {
			c.metrics = "http://" + m[1] + "/metrics"
		}
		return c.metrics != ""
	})
	return c
}

// epoch is in which epoch the candidate leads, "0" while it does not.
func (c candidate) epoch(t *testing.T) string {
	t.Helper()
	_, body := get(t, c.metrics)
	_, rest, _ := strings.Cut(body, "\nchasqui_leader_epoch ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

func (c candidate) awaitEpoch(t *testing.T, want string, within time.Duration) {
	t.Helper()
	testkit.Eventually(t, within, "leading in epoch "+want, func() bool { return c.epoch(t) == want })
}

func TestAnotherSchedulerLeadsAfterAKill(t *testing.T) {
	t.Parallel()
	dir, environ := programs(t), settings(t, migrated(t))
	first := startScheduler(t, dir, environ)
	first.awaitEpoch(t, "1", patience)
	second := startScheduler(t, dir, environ)
	testkit.Eventually(t, patience, "the second waits", func() bool { return second.epoch(t) == "0" })

	if err := first.process.Kill(); err != nil {
		t.Fatal(err)
	}
	second.awaitEpoch(t, "2", 8*time.Second)
}

func TestAnotherSchedulerLeadsAtOnceAfterAStop(t *testing.T) {
	t.Parallel()
	dir, environ := programs(t), settings(t, migrated(t))
	first := startScheduler(t, dir, environ)
	first.awaitEpoch(t, "1", patience)
	second := startScheduler(t, dir, environ)
	if err := first.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	second.awaitEpoch(t, "2", 4*time.Second)
	testkit.Eventually(t, patience, "the first stopped", func() bool { return strings.Contains(first.out.String(), "INF stopped") })
}
