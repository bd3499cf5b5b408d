package app_test

import (
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/app"
)

// The bill names what is linked and what runs in the browser, each once and with
// its version, nothing that only builds or tests, and is the same each time.
func TestBillOfMaterials(t *testing.T) {
	t.Parallel()
	code, out, errs := command(nil, "sbom")
	if _, again, _ := command(nil, "sbom"); code != 0 || again != out {
		t.Fatalf("%d, the same twice %t: %s", code, again == out, errs)
	}
	var b struct {
		Format     string `json:"bomFormat"`
		Spec       string `json:"specVersion"`
		Components []struct{ Type, Name, Version, PURL string }
	}
	if err := json.Unmarshal([]byte(out), &b); err != nil || b.Format != "CycloneDX" || b.Spec != "1.5" {
		t.Fatalf("%s %s: %v", b.Format, b.Spec, err)
	}
	seen := map[string]bool{}
	for _, c := range b.Components {
		name := strings.TrimSuffix(strings.TrimPrefix(c.PURL, "pkg:"), "@"+c.Version)
		if c.Type != "library" || c.Version == "" || !strings.HasSuffix(c.PURL, "@"+c.Version) || seen[c.PURL] {
			t.Errorf("%+v", c)
		}
		seen[c.PURL], seen[name] = true, true
	}
	for name, want := range map[string]bool{
		"golang/stdlib": true, "npm/react": true, "npm/%40mantine/core": true, "npm/vite": false, "npm/typescript": false, "npm/playwright-core": false,
	} {
		if seen[name] != want {
			t.Errorf("%s is in the bill: %t", name, !want)
		}
	}
}

// A test's own program is not told its modules, so one is made up: a module that
// was replaced is what replaced it.
func TestModulesInTheBill(t *testing.T) {
	t.Parallel()
	got := app.ModulesOf(&debug.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{
		{Path: "go.mau.fi/whatsmeow", Version: "v0.0.0-20260821"}, {Path: "example.com/a", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/b", Version: "v2.0.0"}},
	}})
	want := []string{"pkg:golang/stdlib@1.26.8", "pkg:golang/go.mau.fi/whatsmeow@v0.0.0-20260821", "pkg:golang/example.com/b@v2.0.0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
