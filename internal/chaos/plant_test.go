//go:build chaos

package chaos_test

import (
	"flag"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var plantFlag = flag.String("plant", "", "plants only this one, such as newid")

// plants are known mistakes, the faults under which each of them shows, and the
// invariant that it breaks; also how much waits for numbers with tight limits,
// and for how long what people wrote is waited for.
var plants = []struct{ name, faults, invariant, backlog, late string }{
	{"newid", "F12", "I2", "10", "80s"},
	{"ackearly", "F27", "I10", "10", "25s"}, // it never comes
	{"forgets", "F21", "I7", "20", "80s"},
	{"takeover", "F9 postgres cut", "I9", "10", "80s"},
	{"session", "F7", "I6", "10", "80s"},
}

var violated = regexp.MustCompile(`(I\d+) violated: (.*)`)

// TestPlants builds the platform with one known mistake after the other. The run
// must end, and fail by the invariant that the mistake breaks and by nothing
// else. Without the mistake the same faults break nothing: that is TestShort.
func TestPlants(t *testing.T) {
	for _, p := range plants {
		if *plantFlag != "" && *plantFlag != p.name {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			out, err := planted(t, p.name, "-faults", p.faults, "-backlog", p.backlog, "-late", p.late, "-clients", "6")
			if err == nil {
				t.Fatalf("the mistake was not noticed:\n%s", out)
			}
			var broken []string
			for _, found := range violated.FindAllStringSubmatch(out, -1) {
				broken = append(broken, found[1])
				t.Logf("caught: %s", found[0])
			}
			if diff := cmp.Diff([]string{p.invariant}, slices.Compact(broken)); diff != "" {
				t.Errorf("violated (-want +got):\n%s", diff)
			}
			if !strings.Contains(out, "quiet after") {
				t.Error("the run did not come to its end")
			}
			if t.Failed() {
				t.Logf("the run said:\n%s", out)
			}
		})
	}
}

// planted builds the tests with a mistake and runs the short profile.
func planted(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "chaos.test")
	run(t, "go", "test", "-c", "-tags", "chaos,plant_"+name, "-o", binary, ".")
	runtime.LockOSThread() // whose end would be taken for ours
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"-test.run", "^TestShort$", "-test.timeout", "6m", "-test.v"}, args...)...)
	cmd.SysProcAttr = dieWithUs()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
