package audit_test

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// key is the secret of anchors that the database does not have.
var key = bytes.Repeat([]byte{7}, 32)

// world is an org with an audit log, and somebody who owns the database.
type world struct {
	t     *testing.T
	db    *store.DB
	audit *audit.Service
	org   wa.OrgID
	by    wa.Actor
	root  *pgx.Conn // a superuser, with the triggers switched off
	clock time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	base := testkit.DatabaseURL(t)
	w := &world{t: t, db: testkit.OpenDB(t, base), clock: time.Now()}
	w.audit = w.service()
	org, _ := testkit.Org(t, w.db)
	w.org = org.ID
	w.by = wa.Actor{
		Org: org.ID, Name: "ana@example.com", User: wa.NewUserID(), Role: wa.Admin,
		From: wa.Caller{IP: "192.0.2.1", Agent: "tests", Request: "req_1"},
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("postgres")
	if w.root, err = pgx.Connect(t.Context(), u.String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.root.Close(context.WithoutCancel(t.Context())) })
	return w
}

// service is another process with the same key.
func (w *world) service() *audit.Service {
	return audit.New(w.db, audit.Options{
		Key: func(context.Context) ([]byte, error) { return key, nil }, Now: func() time.Time { return w.clock },
	})
}

// write puts n lines into the org's log, each in a transaction of its own.
func (w *world) write(n int) {
	w.t.Helper()
	for range n {
		w.writeAs(w.by, wa.AuditClientRenamed, "cli_x", map[string]string{"name": "before"}, map[string]string{"name": "after"})
	}
}

func (w *world) writeAs(by wa.Actor, action wa.AuditAction, target string, before, after any) {
	w.t.Helper()
	err := w.db.InTx(w.t.Context(), func(tx *store.Tx) error { return tx.Audit(by, action, target, before, after) })
	if err != nil {
		w.t.Fatal(err)
	}
}

// anchor signs where the logs end.
func (w *world) anchor() {
	w.t.Helper()
	if err := w.audit.Anchor(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// tamper runs statements as a superuser who has taken the triggers away.
func (w *world) tamper(statements ...string) {
	w.t.Helper()
	var off, on []string
	for _, table := range []string{"audit_log", "audit_anchors", "audit_heads", "audit_forgotten"} {
		off, on = append(off, "ALTER TABLE "+table+" DISABLE TRIGGER ALL"), append(on, "ALTER TABLE "+table+" ENABLE TRIGGER ALL")
	}
	for _, s := range slices.Concat(off, statements, on) {
		if _, err := w.root.Exec(w.t.Context(), s); err != nil {
			w.t.Fatalf("%s: %v", s, err)
		}
	}
}

func (w *world) verify() audit.Report {
	w.t.Helper()
	r, err := w.audit.Verify(w.t.Context(), w.org)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// reset begins again with empty logs and a process that remembers nothing.
func (w *world) reset(t *testing.T) {
	t.Helper()
	w.t, w.audit = t, w.service()
	w.tamper(`DELETE FROM audit_log`, `DELETE FROM audit_heads`, `DELETE FROM audit_anchors`, `DELETE FROM audit_forgotten`)
}
