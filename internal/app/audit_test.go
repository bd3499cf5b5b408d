package app_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/testkit"
)

// Somebody with the database changes a line; the command says which, and its
// exit status tells.
func TestVerifyAudit(t *testing.T) {
	t.Parallel()
	database := testkit.DatabaseURL(t)
	environ := settings(t, database)
	if code, _, errs := command(environ, "bootstrap", "--org", "Acme", "--email", "boss@example.com"); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs := command(environ, "verify-audit")
	if code != 0 || !strings.Contains(out, "as they were written") || !strings.Contains(out, "anchors: none yet") {
		t.Fatalf("status %d: %s%s", code, out, errs)
	}
	if code, _, errs := command(environ, "verify-audit", "--org", "cli_1"); code != 1 || !strings.Contains(errs, "org_") {
		t.Errorf("a strange id: %d %s", code, errs)
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("postgres")
	root, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close(t.Context())
	if _, err := root.Exec(t.Context(), `
		ALTER TABLE audit_log DISABLE TRIGGER ALL;
		UPDATE audit_log SET actor_name = 'somebody else' WHERE seq = 1;
		ALTER TABLE audit_log ENABLE TRIGGER ALL`); err != nil {
		t.Fatal(err)
	}
	code, out, errs = command(environ, "verify-audit")
	if code != 3 || !strings.Contains(out, "BROKEN at line 1: altered") || !strings.Contains(errs, "tampered") {
		t.Errorf("status %d: %s%s", code, out, errs)
	}
}
