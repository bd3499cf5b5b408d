package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// shared are the tables that belong to no org, with the reason.
var shared = map[string]string{
	"workers":           "a worker serves every org",
	"leases":            "who leads, whoever's rows are concerned",
	"installation_stop": "it holds every org",
	"operators":         "who runs the installation belongs to no org",
	"sign_in_guards":    "counts attempts on addresses, whoever has them",
	"goose_db_version":  "the migrations' own record",

	"audit_round":          "it goes over the logs of all orgs",
	"master_keys":          "what all data keys are wrapped by",
	"installation_secrets": "belong to nobody, sealed by a data key of nobody's",
}

// frozen are the tables that only grow, with what nobody may do to them, to
// their own rows neither.
var frozen = map[string][]string{
	"audit_log": {"UPDATE", "DELETE"}, "audit_anchors": {"UPDATE", "DELETE"}, "audit_heads": {"DELETE"},
	"audit_forgotten": {"UPDATE", "DELETE"},
}

// table is a table and the column that says whose a row is.
type table struct {
	Name, Tenant     string
	Enabled, Forced  bool
	Policies, Proper int
	Insert           string // a row of org $1, with something in every column that asks for it
}

// odd are columns in which not any value will do.
var odd = map[string]string{
	"recovery_codes.hash": someHash, "sessions.family": someHash, "sessions.refresh_hash": someHash, "sessions.how": "'oidc'",
	"invitations.role": "'agent'", "invitations.token_hash": someHash, "mailed_links.token_hash": someHash, "mailed_links.purpose": "'reset'",
	"code_counts.subject": someHash, "one_time_codes.hash": someHash, "one_time_codes.purpose": "'phone'", "oidc_flows.state_hash": someHash, "oidc_flows.browser": someHash,
	"messages.direction": "'inbound'", "messages.status": "'received'", "chats.kind": "'group'", "chats.group_id": "'g'",
	"contacts.phone": "gen_random_uuid()::text", "pairings.method": "'qr'", "users.role": "'admin'",
	"api_keys.hash": "decode(repeat('00', 32), 'hex')", "webhook_recoveries.kind": "'replay'",
	"audit_log.kind": "'system'", "audit_log.digest": "decode(repeat('00', 32), 'hex')", "audit_log.prev": "decode(repeat('00', 32), 'hex')",
	"audit_log.hash": "decode(repeat('00', 32), 'hex')", "audit_anchors.hash": "decode(repeat('00', 32), 'hex')",
	"audit_anchors.mac": "decode(repeat('00', 32), 'hex')", "audit_findings.part": "'lines'",
	"audit_anchors.n": "(random() * 1e15)::bigint", "audit_forgotten.days": "90",
	"audit_forgotten.hash": "decode(repeat('00', 32), 'hex')", "audit_forgotten.mac": "decode(repeat('00', 32), 'hex')",
}

const someHash = "sha256(gen_random_uuid()::text::bytea)"

// anything is a value for a column by its type.
var anything = map[string]string{
	"uuid": "gen_random_uuid()", "text": "gen_random_uuid()::text", "bytea": "'x'::bytea", "jsonb": "'{}'", "json": "'{}'", "text[]": "'{}'",
	"timestamp with time zone": "now()", "date": "current_date", "bigint": "1", "integer": "1", "smallint": "1", "boolean": "true",
}

func tables(t *testing.T, s shop) []table {
	t.Helper()
	found := mustSystem(s, func(tx *store.Tx) ([]table, error) {
		return store.List(t.Context(), tx, func(r pgx.CollectableRow) (v table, err error) {
			err = r.Scan(&v.Name, &v.Tenant, &v.Enabled, &v.Forced, &v.Policies, &v.Proper)
			return v, err
		}, `
			SELECT c.relname, coalesce((SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attname = CASE c.relname WHEN 'orgs' THEN 'id' ELSE 'org_id' END), ''),
			       relrowsecurity, relforcerowsecurity, (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid),
			       (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid AND polcmd = '*' AND polroles = '{0}' AND polwithcheck IS NULL
			        AND pg_get_expr(polqual, polrelid) = format('((%s = ( SELECT app_org() AS app_org)) OR ( SELECT app_system() AS app_system))',
			            CASE c.relname WHEN 'orgs' THEN 'id' ELSE 'org_id' END))
			FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1`)
	})
	for i := range found {
		found[i].Insert = s.insertInto(found[i])
	}
	return found
}

func (s shop) insertInto(tab table) string {
	s.t.Helper()
	type column struct{ Name, Type string }
	columns := mustSystem(s, func(tx *store.Tx) ([]column, error) {
		return store.List(s.t.Context(), tx, pgx.RowToStructByPos[column], `
			SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
			WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> $2 AND attidentity = ''
			  AND (attnotnull AND NOT atthasdef OR $1 || '.' || attname = ANY ($3))`, tab.Name, tab.Tenant, slices.Collect(maps.Keys(odd)))
	})
	names, values := []string{tab.Tenant}, []string{"$1"}
	for _, c := range columns {
		v := cmp.Or(odd[tab.Name+"."+c.Name], anything[c.Type])
		if v == "" {
			s.t.Fatalf("what goes into %s.%s, a %s?", tab.Name, c.Name, c.Type)
		}
		names, values = append(names, c.Name), append(values, v)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", tab.Name, strings.Join(names, ", "), strings.Join(values, ", "))
}

// TestEveryTableIsGuarded reads the catalog: a table without row-level security
// must stand in the list above.
func TestEveryTableIsGuarded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	found := 0
	for _, tab := range tables(t, s) {
		found++
		if _, ok := shared[tab.Name]; ok {
			if tab.Tenant != "" {
				t.Errorf("%s is listed as shared, but has %s", tab.Name, tab.Tenant)
			}
			continue
		}
		if tab.Tenant == "" {
			t.Errorf("%s has no org_id and is not listed as shared", tab.Name)
		}
		if !tab.Enabled || !tab.Forced || tab.Policies != 1 || tab.Proper != 1 {
			t.Errorf("%s is not guarded: %+v", tab.Name, tab)
		}
	}
	if found < 15 {
		t.Fatalf("only %d tables found", found)
	}
}

// TestTenantsAreApart tries, over every tenant table, to see and touch another
// org's rows: with no org set, and with the other org set. It does so as the
// owner of the tables and as a superuser.
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	base := testkit.DatabaseURL(t)
	for _, login := range []string{"chasqui", "postgres"} {
		t.Run(login, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			u.User = url.User(login)
			if login == "postgres" {
				u = migratedBy(t, u)
			}
			withoutForeignKeys(t, u.String())
			checkApart(t, testkit.OpenDB(t, u.String()))
		})
	}
}

// migratedBy makes a migrated database of the superuser's own.
func migratedBy(t *testing.T, u *url.URL) *url.URL {
	t.Helper()
	own := emptyDatabase(t, u)
	if err := store.Migrate(t.Context(), own.String()); err != nil {
		t.Fatal(err)
	}
	return own
}

// emptyDatabase makes one that nobody has migrated.
func emptyDatabase(t *testing.T, u *url.URL) *url.URL {
	t.Helper()
	name := "t_own_" + testkit.Random(6)
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(ctx) })
	if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)") })
	own := *u
	own.Path = "/" + name
	return &own
}

// withoutForeignKeys lets rows be made in any table alone.
func withoutForeignKeys(t *testing.T, url string) {
	t.Helper()
	_, err := admin(t, url).Exec(t.Context(), `
		DO $$ DECLARE r record; BEGIN
			FOR r IN SELECT conrelid::regclass AS tab, conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace LOOP
				EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.tab, r.conname);
			END LOOP;
		END $$`)
	if err != nil {
		t.Fatal(err)
	}
}

func checkApart(t *testing.T, db *store.DB) {
	t.Helper()
	a, b := shopIn(t, db), shopIn(t, db)
	if role, err := db.Role(t.Context()); err != nil || role == "postgres" {
		t.Fatalf("the pool works as %q (%v)", role, err)
	}
	for _, tab := range tables(t, a) {
		if tab.Tenant == "" {
			continue
		}
		a.sow(tab)
		b.sow(tab)
		t.Run(tab.Name, func(t *testing.T) { a.checkTable(t, tab, b) })
	}
}

// sow makes a row of the org in a table, unless there is one already.
func (s shop) sow(tab table) {
	s.t.Helper()
	if tab.Name != "orgs" && get[int](s, fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s = $1`, tab.Name, tab.Tenant), s.org) == 0 {
		s.exec(tab.Insert, s.org)
	}
}

func (s shop) checkTable(t *testing.T, tab table, other shop) {
	t.Helper()
	ctx := t.Context()
	count := fmt.Sprintf(`SELECT count(*) FROM %s`, tab.Name)
	n, err := s.db.CountOutside(ctx, count)
	if err != nil || n != 0 {
		t.Errorf("with no org set one sees %d rows (%v)", n, err)
	}
	err = s.db.InOrg(ctx, s.org, func(tx *store.Tx) error {
		var own, foreign int
		err := tx.Get(ctx, fmt.Sprintf(`SELECT count(*) FILTER (WHERE %[1]s = $1), count(*) FILTER (WHERE %[1]s <> $1) FROM %[2]s`, tab.Tenant, tab.Name),
			[]any{s.org}, &own, &foreign)
		if own == 0 || foreign != 0 {
			t.Errorf("an org sees %d rows of its own and %d of others", own, foreign)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	s.checkTouch(t, tab, "UPDATE", fmt.Sprintf(`UPDATE %s SET %s = %[2]s WHERE %[2]s = $1`, tab.Name, tab.Tenant), other)
	s.checkTouch(t, tab, "DELETE", fmt.Sprintf(`DELETE FROM %s WHERE %s = $1`, tab.Name, tab.Tenant), other)
	s.checkForeignInsert(t, tab, other)
	if get[int](other, fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s = $1`, tab.Name, tab.Tenant), other.org) == 0 {
		t.Error("the other org's rows are gone")
	}
}

// checkTouch finds no row of another org to touch; where nobody may, that is
// what is said.
func (s shop) checkTouch(t *testing.T, tab table, verb, statement string, other shop) {
	t.Helper()
	err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error {
		n, err := tx.Exec(t.Context(), statement, other.org)
		if err == nil && n != 0 {
			t.Errorf("%s: touched %d rows of another org", statement, n)
		}
		return err
	})
	if slices.Contains(frozen[tab.Name], verb) {
		if !store.IsRefusedByPolicy(err) {
			t.Errorf("%s is not refused: %v", statement, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// checkForeignInsert copies an own row as another org's.
func (s shop) checkForeignInsert(t *testing.T, tab table, other shop) {
	t.Helper()
	err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error {
		n, err := tx.Exec(t.Context(), fmt.Sprintf(`UPDATE %s SET %s = $2 WHERE %[2]s = $1`, tab.Name, tab.Tenant), s.org, other.org)
		if err == nil {
			return fmt.Errorf("%d rows were given away", n)
		}
		return err
	})
	if !store.IsRefusedByPolicy(err) {
		t.Errorf("giving a row to another org: %v", err)
	}
	owner := other.org
	if tab.Name == "orgs" {
		owner = wa.NewOrgID()
	}
	err = s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), tab.Insert, owner)
		return err
	})
	if !store.IsRefusedByPolicy(err) {
		t.Errorf("inserting a row for another org: %v", err)
	}
}

// TestSuperuserFromBeforeTheFirstMigration opens a pool on an empty database,
// migrates, and looks through the connection that was there before.
func TestSuperuserFromBeforeTheFirstMigration(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(testkit.Env(t, "DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("postgres")
	own := emptyDatabase(t, u)
	db, err := store.Open(t.Context(), store.Options{URL: own.String(), MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Current(t.Context()); err == nil {
		t.Error("an empty database counts as migrated")
	}
	if err := store.Migrate(t.Context(), own.String()); err != nil {
		t.Fatal(err)
	}
	if err := db.Current(t.Context()); err != nil {
		t.Errorf("the plain role cannot read the level of the migrations: %v", err)
	}
	role, err := db.Role(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if role != "chasqui_app" {
		t.Errorf("a superuser works as %q", role)
	}
}

var errStop = errors.New("stop")

// TestSettingsEndWithTheTransaction takes the pool's only connection again and
// again: nothing of one org may be left on it for the next.
func TestSettingsEndWithTheTransaction(t *testing.T) {
	t.Parallel()
	base := testkit.DatabaseURL(t)
	db, err := store.Open(t.Context(), store.Options{URL: base, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := shopIn(t, db)
	ends := []func(){
		func() { s.in(func(*store.Tx) error { return nil }) },
		func() { s.system(func(*store.Tx) error { return nil }) },
		func() { _ = db.InOrg(t.Context(), s.org, func(*store.Tx) error { return errStop }) },
		func() {
			ctx, cancel := context.WithCancel(t.Context())
			_ = db.InTx(ctx, func(*store.Tx) error { cancel(); return ctx.Err() })
		},
	}
	for i, end := range ends {
		end()
		if n, err := db.CountOutside(t.Context(), `SELECT count(*) FROM clients`); err != nil || n != 0 {
			t.Errorf("after end %d: %d clients to see (%v)", i, n, err)
		}
	}
}
