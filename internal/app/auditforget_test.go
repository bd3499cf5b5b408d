package app_test

import (
	"strings"
	"testing"
	"time"

	"chasqui/internal/app"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// The scheduler's job forgets what is older than AUDIT_RETENTION_DAYS, and the
// command says that what is left is whole, and how much went.
func TestTheClockForgetsOldAuditLines(t *testing.T) {
	t.Parallel()
	database := testkit.DatabaseURL(t)
	environ := settings(t, database)
	if code, _, errs := command(environ, "bootstrap", "--org", "Acme", "--email", "boss@example.com"); code != 0 {
		t.Fatal(errs)
	}
	raw, err := testkit.OpenSQL(database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := raw.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec(`SET app.system = 'on'`)
	gone, then := wa.NewOrgID(), time.Now().AddDate(0, 0, -100).Truncate(time.Microsecond)
	exec(`ALTER TABLE audit_log DISABLE TRIGGER audit_link`)
	prev := wa.AuditGenesis()
	for i := range 3 {
		e, err := wa.NewAuditEntry(wa.Actor{Org: gone, Name: "system"}, wa.AuditSignedIn, "a", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		e.Sequence, e.At, e.Prev = int64(i+1), then, prev
		prev = e.Link()
		digest := e.Digest()
		exec(`INSERT INTO audit_log (org_id, seq, at, id, kind, actor_name, action, target, digest, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			gone.UUID(), e.Sequence, e.At, e.ID, string(e.Kind), e.ActorName, string(e.Action), e.Target, digest[:], e.Prev, prev)
	}
	exec(`ALTER TABLE audit_log ENABLE TRIGGER audit_link`)
	exec(`INSERT INTO audit_heads (org_id, seq, hash, at) VALUES ($1, 3, $2, $3)`, gone.UUID(), prev, then)

	now := then
	s, err := app.OpenAudit(environ, testkit.OpenDB(t, database), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Anchor(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = time.Now()
	for _, c := range []struct {
		days int
		says string
	}{
		{0, "3 lines, as they were written; 0 since the last anchor"},
		{101, "3 lines, as they were written; 0 since the last anchor"},
		{90, "0 lines, as they were written; 0 since the last anchor\n  3 before them were forgotten"},
	} {
		if err := app.ForgetAudit(t.Context(), s, c.days); err != nil {
			t.Fatal(err)
		}
		if code, out, errs := command(environ, "verify-audit"); code != 0 || !strings.Contains(out, gone.String()+": "+c.says) {
			t.Errorf("kept for %d days: status %d: %s%s, want %q", c.days, code, out, errs, c.says)
		}
	}
}
