//go:build chaos

package chaos_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlants builds the platform with one known mistake after the other. The run
// must fail, by the invariant that the mistake breaks.
func TestPlants(t *testing.T) {
	for _, p := range []struct{ tag, faults, invariant string }{
		{"plant_newid", "F12", "I2"},
		{"plant_ackearly", "F27", "I10"},
		{"plant_forgets", "F17,F18", "I7"},
		{"plant_takeover", "F9 postgres cut", "I9"},
		{"plant_session", "F7", "I6"},
	} {
		t.Run(p.tag, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "chaos.test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "chaos,"+p.tag, "-o", binary, ".")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			run := exec.CommandContext(t.Context(), binary, "-test.run", "^TestShort$", "-test.timeout", "6m", "-test.v",
				"-faults", p.faults, "-clients", "6", "-backlog", "120")
			out, err := run.CombinedOutput()
			if err == nil {
				t.Fatalf("the mistake was not noticed:\n%s", out)
			}
			said := string(out)
			_, found, ok := strings.Cut(said, p.invariant+" violated")
			if !ok {
				t.Fatalf("%s was expected:\n%s", p.invariant, said)
			}
			first, _, _ := strings.Cut(found, "\n")
			t.Logf("caught: %s violated%s", p.invariant, first)
		})
	}
}
