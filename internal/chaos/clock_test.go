//go:build chaos

package chaos_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// nowBegins is the standard library's only reading of the wall clock that
// programs get to see.
const nowBegins = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"

const jumper = `package time

import "sync/atomic"

var jumped atomic.Int64

// Jump sets this process' wall clock that many seconds ahead of the machine's.
func Jump(seconds int64) { jumped.Store(seconds) }
`

// TestClock builds the tests with a standard library whose clock can jump, and
// runs TestJump in them. The machine's own clock is not touched; Postgres and
// Redis keep the right time, as they do on machines of their own.
func TestClock(t *testing.T) {
	dir := t.TempDir()
	binary, overlay := filepath.Join(dir, "clock.test"), filepath.Join(dir, "overlay.json")
	must(t, os.WriteFile(overlay, standIn(t, dir), 0o600))
	run(t, "go", "test", "-c", "-tags", "chaos,chaos_clock", "-overlay", overlay, "-o", binary, ".")
	t.Log(run(t, binary, "-test.run", "^TestJump$", "-test.timeout", "10m", "-test.v", "-logs", *logsFlag))
}

// standIn writes the changed files and gives the list of what they stand for.
func standIn(t *testing.T, dir string) []byte {
	t.Helper()
	root := strings.TrimSpace(run(t, "go", "env", "GOROOT"))
	original := filepath.Join(root, "src", "time", "time.go")
	source, err := os.ReadFile(original)
	must(t, err)
	if strings.Count(string(source), nowBegins) != 1 {
		t.Fatalf("%s reads the clock in another way: teach this test", original)
	}
	changed, added := filepath.Join(dir, "time.go"), filepath.Join(dir, "jump.go")
	must(t, os.WriteFile(changed, []byte(strings.Replace(string(source), nowBegins, nowBegins+"\tsec += jumped.Load()\n", 1)), 0o600))
	must(t, os.WriteFile(added, []byte(jumper), 0o600))
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{
		original: changed, filepath.Join(filepath.Dir(original), "jump.go"): added,
	}})
	must(t, err)
	return list
}

// run runs a command that must succeed; it dies with us.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	runtime.LockOSThread() // whose end would be taken for ours
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.SysProcAttr = dieWithUs()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
