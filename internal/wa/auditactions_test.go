package wa_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

// Whatever is written to the logs of orgs can be looked for; what concerns the
// installation is in its own log only.
func TestAuditActionsAreAll(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("audit.go")
	if err != nil {
		t.Fatal(err)
	}
	ofTheInstallation := []wa.AuditAction{wa.AuditSignInUnknown}
	listed := wa.AuditActions()
	known := regexp.MustCompile(`\tAudit\w+ +AuditAction = "([a-z._]+)"`).FindAllSubmatch(source, -1)
	if len(known) < len(listed) || len(listed) < 60 {
		t.Fatalf("%d known, %d listed", len(known), len(listed))
	}
	for _, k := range known {
		a := wa.AuditAction(k[1])
		elsewhere := slices.Contains(ofTheInstallation, a) || strings.HasPrefix(string(a), "installation.") ||
			strings.HasPrefix(string(a), "operator.")
		if slices.Contains(listed, a) == elsewhere {
			t.Errorf("%s: listed %v, of the installation's own log %v", a, !elsewhere, elsewhere)
		}
	}
}

// An action that nobody writes would be offered to search by, and never found.
func TestEveryAuditActionIsWritten(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("audit.go")
	if err != nil {
		t.Fatal(err)
	}
	var written strings.Builder
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../wa/") {
			return err
		}
		raw, err := os.ReadFile(path)
		written.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^\t(Audit\w+) +AuditAction = `).FindAllSubmatch(source, -1)
	if len(names) < 60 {
		t.Fatalf("only %d actions are read", len(names))
	}
	for _, n := range names {
		if !regexp.MustCompile(`\bwa\.` + string(n[1]) + `\b`).MatchString(written.String()) {
			t.Errorf("nobody writes %s", n[1])
		}
	}
}
