package app_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"chasqui/internal/app"
	"chasqui/internal/fleet"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// archive looks at a database from above all orgs.
type archive struct {
	*sql.DB
	t *testing.T
}

func openArchive(t *testing.T, database string) archive {
	t.Helper()
	raw, err := testkit.OpenSQL(database)
	if err != nil {
		t.Fatal(err)
	}
	raw.SetMaxOpenConns(1) // the setting is the connection's
	t.Cleanup(func() { _ = raw.Close() })
	a := archive{raw, t}
	a.do(`SET app.system = 'on'`)
	return a
}

func (a archive) do(statement string, args ...any) {
	a.t.Helper()
	if _, err := a.ExecContext(a.t.Context(), statement, args...); err != nil {
		a.t.Fatalf("%s: %v", statement, err)
	}
}

// tables lists those with rows of orgs.
func (a archive) tables() (names []string) {
	a.t.Helper()
	rows, err := a.QueryContext(a.t.Context(), `
		SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'org_id'`)
	if err != nil {
		a.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			a.t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || len(names) < 30 {
		a.t.Fatalf("%d tables, %v", len(names), err)
	}
	return names
}

// left counts the rows of an org, by table, of those that do not outlive it.
func (a archive) left(org wa.OrgID) map[string]int {
	a.t.Helper()
	left := map[string]int{}
	for _, name := range a.tables() {
		var n int
		if err := a.QueryRowContext(a.t.Context(), `SELECT count(*) FROM `+name+` WHERE org_id = $1`, org.UUID()).Scan(&n); err != nil {
			a.t.Fatal(err)
		}
		if _, outlives := store.OutliveOrgs()[name]; n > 0 && !outlives {
			left[name] = n
		}
	}
	return left
}

// eraseAll runs the job until nothing is being deleted any more. What fails
// comes again, as it does by the clock.
func eraseAll(t *testing.T, k *app.Kit, a archive) {
	t.Helper()
	var last error
	testkit.Eventually(t, 3*patience, "the end of erasing", func() bool {
		last = app.EraseOrgs(t.Context(), k, 50)
		var n int
		if err := a.QueryRowContext(t.Context(), `SELECT count(*) FROM org_deletions WHERE erasing_at IS NOT NULL OR due_at < now()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
	if last != nil {
		t.Errorf("the last run: %v", last)
	}
}

// openKit is a scheduler whose clock stands still.
func openKit(t *testing.T, cfg app.Config) *app.Kit {
	t.Helper()
	k, err := app.Open(t.Context(), "scheduler", cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// Messages that are accepted, and numbers that are made, at the very moment at
// which their org is erased leave nothing behind; another org loses nothing.
func TestNothingComesInWhileAnOrgIsErased(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	k := openKit(t, load(t, settings(t, database)))
	db, a := testkit.OpenDB(t, database), openArchive(t, database)
	org, _ := testkit.Org(t, db)
	other, _ := testkit.Org(t, db)
	client, theirs := testkit.Client(t, db, org.ID), testkit.Client(t, db, other.ID)
	draft := wa.Draft{To: "+5511987654321", Type: wa.KindText, Text: &wa.Text{Body: "x"}, Lane: wa.Normal}
	if _, err := k.Messages.Accept(t.Context(), testkit.Actor(other.ID), theirs.ID, draft, wa.IdempotencyKey{}); err != nil {
		t.Fatal(err)
	}

	var taken atomic.Int64
	var crowd sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 4 {
		crowd.Go(func() {
			id, made := client.ID, 0
			for ctx.Err() == nil && made < 5 { // those who were let in a moment ago come to an end
				if _, err := k.Messages.Accept(ctx, testkit.Actor(org.ID), id, draft, wa.IdempotencyKey{}); err == nil {
					taken.Add(1)
					continue
				}
				c, err := k.Fleet.Create(ctx, testkit.Actor(org.ID), fleet.Draft{Name: "Another", Provider: wa.ProviderWhatsmeow}, wa.IdempotencyKey{})
				if err != nil {
					return // the org is gone
				}
				id, made = c.ID, made+1
			}
		})
	}
	testkit.Eventually(t, patience, "messages", func() bool { return taken.Load() > 50 })
	err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		_, err := tx.AskDeletion(t.Context(), org.ID, "", 0, false)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	eraseAll(t, k, a)
	cancel()
	crowd.Wait()
	if left := a.left(org.ID); len(left) > 0 {
		t.Errorf("after %d messages there are left: %v", taken.Load(), left)
	}
	if left := a.left(other.ID); left["messages"] != 1 || left["clients"] != 1 || left["events"] == 0 {
		t.Errorf("another org has %v", left)
	}
}

// The operator deletes, keeps and lists; when the time is over the clock erases,
// people of the org are nobody any more, and the installation's log has the
// receipt.
func TestDeletingOrgsByCommand(t *testing.T) {
	t.Parallel()
	database := testkit.DatabaseURL(t)
	environ := settings(t, database, "ORG_DELETION_GRACE=1h", "SMTP_URL=smtp://127.0.0.1:1?tls=none", "MAIL_FROM=chasqui <no-reply@example.com>")
	run := func(want int, says string, args ...string) {
		t.Helper()
		code, out, errs := command(environ, args...)
		if code != want || !strings.Contains(out+errs, says) {
			t.Errorf("%v: %d: %s%s", args, code, out, errs)
		}
	}
	_, out, _ := command(environ, "bootstrap", "--org", "Acme", "--email", "boss@example.com", "--json")
	var org wa.OrgID
	_, rest, _ := strings.Cut(out, `"org_id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	if err := org.UnmarshalText([]byte(id)); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	a := openArchive(t, database)
	k := openKit(t, load(t, environ))
	run(0, "Nothing is being deleted", "org", "deletions")
	run(1, "name must be the name", "org", "delete", id, "--name", "Acne")
	run(0, "chasqui org keep "+id, "org", "delete", id, "--name", "Acme")
	if n := a.left(org)["mails"]; n != 1 {
		t.Errorf("its admin is sent %d mails", n)
	}
	run(0, "Acme", "org", "deletions")
	run(1, "is being deleted", "release", "--org", id)
	if err := app.EraseOrgs(t.Context(), k, 50); err != nil || a.left(org)["users"] != 1 {
		t.Errorf("before its time: %v, %v", err, a.left(org))
	}
	run(0, "stays", "org", "keep", id)
	if n := a.left(org)["mails"]; n != 2 {
		t.Errorf("its admin is sent %d mails by now", n)
	}
	run(0, "Nothing is being deleted", "org", "deletions")
	run(0, "", "org", "delete", id, "--name", "Acme")
	a.do(`UPDATE org_deletions SET due_at = now() - interval '1 second'`)
	eraseAll(t, k, a)
	if left := a.left(org); len(left) > 0 {
		t.Errorf("there are left: %v", left)
	}
	var receipts int
	if err := a.QueryRowContext(t.Context(), `
		SELECT count(*) FROM audit_log WHERE org_id = '00000000-0000-0000-0000-000000000000' AND action = 'installation.org_erased' AND target = $1
		AND (after->'rows'->>'users')::int = 1`, id).Scan(&receipts); err != nil || receipts != 1 {
		t.Errorf("%d receipts, %v", receipts, err)
	}
	run(0, "boss@example.com", "bootstrap", "--org", "Acme", "--email", "boss@example.com") // the address is free again
}

// Numbers that are linked are logged out by their worker first; where none does,
// erasing waits, and in the end goes on without.
func TestErasingWaitsForPhones(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	k := openKit(t, load(t, settings(t, database)))
	db, a := testkit.OpenDB(t, database), openArchive(t, database)
	org, _ := testkit.Org(t, db)
	client := testkit.Client(t, db, org.ID)
	a.do(`UPDATE clients SET jid = '5511900000009:1@s.whatsapp.net', desire = 'connected' WHERE id = $1`, client.ID.UUID())
	if err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		_, err := tx.AskDeletion(t.Context(), org.ID, "", 0, false)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := app.EraseOrgs(t.Context(), k, 50); err != nil {
			t.Fatal(err)
		}
	}
	var desire string
	if err := a.QueryRowContext(t.Context(), `SELECT desire FROM clients WHERE id = $1`, client.ID.UUID()).Scan(&desire); err != nil || desire != "deleted" {
		t.Errorf("the number is to be %q, %v", desire, err)
	}
	a.do(`UPDATE org_deletions SET erasing_at = now() - interval '1 hour'`)
	eraseAll(t, k, a)
	if left := a.left(org.ID); len(left) > 0 {
		t.Errorf("there are left: %v", left)
	}
	var lines int
	if err := a.QueryRowContext(t.Context(), `SELECT count(*) FROM audit_log WHERE org_id = $1 AND action = 'client.deleted'`, org.ID.UUID()).Scan(&lines); err != nil || lines != 1 {
		t.Errorf("%d lines of the number's deletion, %v", lines, err)
	}
}

// What endpoints answered goes too where the delivery was swept before, however
// much of others' lies between; the receipt counts it.
func TestErasingTakesStrayAttempts(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	k := openKit(t, load(t, settings(t, database)))
	db, a := testkit.OpenDB(t, database), openArchive(t, database)
	org, _ := testkit.Org(t, db)
	other, _ := testkit.Org(t, db)
	a.do(`
		INSERT INTO webhook_attempts (org_id, delivery_id, number, trigger, at, duration_ms, body)
		SELECT CASE WHEN n % 3 = 0 THEN $1::uuid ELSE $2::uuid END, gen_random_uuid(), 1, 'auto', now(), 1, 'Ana' FROM generate_series(1, 3000) n`,
		org.ID.UUID(), other.ID.UUID())
	if err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		_, err := tx.AskDeletion(t.Context(), org.ID, "", 0, false)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	eraseAll(t, k, a)
	if left := a.left(org.ID); len(left) > 0 {
		t.Errorf("there are left: %v", left)
	}
	if left := a.left(other.ID); left["webhook_attempts"] != 2000 {
		t.Errorf("another org has %v", left)
	}
	var counted int
	if err := a.QueryRowContext(t.Context(), `
		SELECT (after->'rows'->>'webhook_attempts')::int FROM audit_log WHERE action = 'installation.org_erased' AND target = $1`, org.ID.String()).Scan(&counted); err != nil || counted != 1000 {
		t.Errorf("the receipt counts %d, %v", counted, err)
	}
}
