package store_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// logins makes two logins as docs/operations.md says, an owner who migrates a
// database of its own and one that only works with rows, and gives their URLs.
func logins(t *testing.T) (owner, runtime string) {
	t.Helper()
	base, err := url.Parse(testkit.Env(t, "DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	base.User = url.User("postgres")
	tag := testkit.Random(4)
	t.Cleanup(func() { // when the database is gone
		ctx := context.WithoutCancel(t.Context())
		if c, err := pgx.Connect(ctx, base.String()); err == nil {
			defer c.Close(ctx)
			_, _ = c.Exec(ctx, `DROP ROLE IF EXISTS owner_`+tag+`, runtime_`+tag)
		}
	})
	own := emptyDatabase(t, base)
	c := admin(t, own.String())
	for _, statement := range []string{
		`DO $$ BEGIN CREATE ROLE chasqui_app NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
		`CREATE ROLE owner_` + tag + ` LOGIN`,
		`CREATE ROLE runtime_` + tag + ` LOGIN IN ROLE chasqui_app`,
		`ALTER DATABASE ` + own.Path[1:] + ` OWNER TO owner_` + tag,
		`ALTER SCHEMA public OWNER TO owner_` + tag,
	} {
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	as := func(login string) string {
		u := *own
		u.User = url.User(login)
		return u.String()
	}
	return as("owner_" + tag), as("runtime_" + tag)
}

// A login that is a member of chasqui_app does all that the programs do, sees of
// an org what is the org's, and can change no table and no history.
func TestRuntimeLogin(t *testing.T) {
	t.Parallel()
	owner, runtime := logins(t)
	for range 2 { // twice is the same as once
		if err := store.Migrate(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
	}
	db := testkit.OpenDB(t, runtime)
	if err := db.Current(t.Context()); err != nil {
		t.Fatalf("the schema: %v", err)
	}
	org, _ := testkit.Org(t, db)
	client := testkit.Client(t, db, org.ID)
	other, _ := testkit.Org(t, db)
	err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		if err := tx.Emit(org.ID, client.ID, wa.ClientCreated, wa.EventClient{Client: client}); err != nil {
			return err
		}
		return tx.Audit(wa.Actor{Org: org.ID, Name: "test"}, wa.AuditClientCreated, client.ID.String(), nil, nil)
	})
	if err != nil {
		t.Fatalf("an event and a line of the log: %v", err)
	}
	err = db.InOrg(t.Context(), other.ID, func(tx *store.Tx) error {
		_, err := tx.Client(t.Context(), org.ID, client.ID)
		return err
	})
	if wa.CodeOf(err) != wa.NotFound {
		t.Errorf("another org's client: %v", err)
	}
	c, err := pgx.Connect(t.Context(), runtime)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	for _, statement := range []string{
		"ALTER TABLE clients ADD COLUMN evil text", "ALTER TABLE clients DISABLE ROW LEVEL SECURITY", "ALTER TABLE clients NO FORCE ROW LEVEL SECURITY",
		"DROP TABLE clients", "DROP POLICY tenant ON clients", "TRUNCATE clients", "CREATE TABLE evil (x text)", "CREATE INDEX ON clients (name)",
		"DROP TRIGGER audit_refuse ON audit_log", "ALTER TABLE audit_log DISABLE TRIGGER audit_refuse", "TRUNCATE audit_log",
		"UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "UPDATE audit_anchors SET seq = 0", "DELETE FROM audit_anchors", "DELETE FROM audit_heads",
		"UPDATE audit_forgotten SET seq = 1", "DELETE FROM audit_forgotten", "DROP TRIGGER audit_keep ON audit_log",
		"SET app.system = 'on'; INSERT INTO audit_forgotten SELECT org_id, seq, hash, at, 90, at, '', hash FROM audit_log; SELECT audit_forget(org_id, 9) FROM audit_heads",
		"CREATE OR REPLACE FUNCTION app_system() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
		"DELETE FROM goose_db_version", "SET ROLE postgres", "CREATE ROLE evil LOGIN", "CREATE SCHEMA evil",
	} {
		_, err := c.Exec(t.Context(), statement)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: %v, want it refused for lack of rights", statement, err)
		}
	}
}

// The login that may delete no line of the log has old ones deleted by the
// function for it, of the org that it works for, and as far as they are said to be
// forgotten.
func TestRuntimeLoginForgetsOldLines(t *testing.T) {
	t.Parallel()
	owner, runtime := logins(t)
	if err := store.Migrate(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	db := testkit.OpenDB(t, runtime)
	org, _ := testkit.Org(t, db)
	other, _ := testkit.Org(t, db)
	err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		for range 5 {
			if err := tx.Audit(wa.Actor{Org: org.ID, Name: "test"}, wa.AuditClientCreated, "cli_x", nil, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c := admin(t, owner)
	for _, s := range []string{
		`SET app.system = 'on'`, `ALTER TABLE audit_log DISABLE TRIGGER audit_refuse`,
		`GRANT UPDATE ON audit_log TO CURRENT_USER`, `UPDATE audit_log SET at = at - interval '100 days' WHERE seq < 5`,
	} {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	forget := func(by wa.OrgID) (n int64, err error) {
		err = db.InOrg(t.Context(), by, func(tx *store.Tx) error {
			n, err = tx.ForgetAudit(t.Context(), org.ID, 2)
			return err
		})
		return n, err
	}
	if n, err := forget(org.ID); n != 0 || err != nil {
		t.Errorf("%d lines went (%v), and nothing is said to be forgotten", n, err)
	}
	say := func(upTo int64) {
		t.Helper()
		err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
			return tx.InsertForgotten(t.Context(), store.AuditForgotten{
				Org: org.ID, Seq: upTo, Hash: make([]byte, 32), AnchoredAt: time.Now().AddDate(0, 0, -100), Days: 90, At: time.Now(), Mac: make([]byte, 32),
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	say(3)
	if n, err := forget(other.ID); n != 0 || err != nil {
		t.Errorf("%d lines of another org went (%v)", n, err)
	}
	for i, want := range []int64{2, 1, 0} {
		if n, err := forget(org.ID); n != want || err != nil {
			t.Errorf("%d: %d lines went (%v), want %d", i, n, err, want)
		}
	}
	say(5)
	if n, err := forget(org.ID); wa.CodeOf(err) == wa.NotFound || err == nil {
		t.Errorf("%d lines went, of which one is young", n)
	}
}
