package account_test

import (
	"fmt"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

// A sign-in to an address that nobody has is in the installation's log, without
// the address; a flood of them does not fill it.
func TestStrangersAreWrittenDown(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	try := func(email string) {
		t.Helper()
		_, err := d.s.SignIn(t.Context(), email, wa.NewSecret("x"), from)
		d.refused(email, err, wa.Unauthorized)
	}
	try("nobody@example.com")
	try("nobody@example.com")
	try("somebody-else@example.com")
	lines := installationLog(t, d.db)
	if len(lines) != 3 {
		t.Fatalf("%d lines: %+v", len(lines), lines)
	}
	if lines[0].Target == lines[1].Target || lines[1].Target != lines[2].Target {
		t.Errorf("two addresses are not told apart, or one is: %s, %s, %s", lines[0].Target, lines[1].Target, lines[2].Target)
	}
	for _, l := range lines {
		if l.Action != wa.AuditSignInUnknown || l.From.IP != from.IP || l.From.Request != from.Request || l.Kind != wa.BySystem ||
			strings.Contains(fmt.Sprintf("%+v", l), "example.com") {
			t.Errorf("%+v", l)
		}
	}
	if n := d.audited(wa.AuditSignInFailed); n != 0 {
		t.Errorf("%d lines in an org's log", n)
	}
	for n := range 64 {
		try(fmt.Sprintf("nobody%d@example.com", n))
	}
	if n := len(installationLog(t, d.db)); n != 60 {
		t.Errorf("%d lines of 67 within a minute", n)
	}
}
