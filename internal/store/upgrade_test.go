package store_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"chasqui/internal/store"
	"chasqui/internal/wa"
	"chasqui/migrations"
)

// beforeScopesMoved is the last migration of when keys had the scopes of old.
const beforeScopesMoved = 18

// TestKeysKeepWhatTheyMay upgrades an installation with keys in use, by a login
// that row-level security binds: what a scope was split into, keys have; what is
// no scope any more, they lose; a key without scopes stays, and opens nothing.
func TestKeysKeepWhatTheyMay(t *testing.T) {
	t.Parallel()
	url, _ := logins(t)
	migrateTo(t, url, beforeScopesMoved)
	c := admin(t, url)
	org := wa.NewOrgID()
	write := func(sql string, args ...any) {
		t.Helper()
		if _, err := c.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	write(`INSERT INTO orgs (id, name) VALUES ($1, 'Acme')`, org)
	keys := []struct {
		name          string
		before, after []string
	}{
		{"only limits", []string{"limits:write"}, []string{}},
		{"limits among others", []string{"messages:send", "limits:write", "clients:write"}, []string{"messages:send", "clients:write"}},
		{"reads numbers", []string{"clients:read"}, []string{"clients:read", "clients:inspect"}},
		{"reads the audit log", []string{"audit:read"}, []string{"audit:read", "audit:export"}},
		{"what opened nothing", []string{"usage:read", "contacts:write", "messages:read"}, []string{"messages:read"}},
		{"everything", []string{"admin"}, []string{"admin"}},
	}
	for _, k := range keys {
		write(`INSERT INTO api_keys (id, org_id, public_id, hash, name, scopes) VALUES (gen_random_uuid(), $1, $2::text, sha256(convert_to($2, 'UTF8')), $2, $3)`, org, k.name, k.before)
	}
	if err := store.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		var after []string
		if err := c.QueryRow(t.Context(), `SELECT scopes FROM api_keys WHERE public_id = $1`, k.name).Scan(&after); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(after, k.after) {
			t.Errorf("%s: has %v after the upgrade, want %v", k.name, after, k.after)
		}
	}
}

// migrateTo brings an empty database as far as an earlier version did.
func migrateTo(t *testing.T, url string, version int64) {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}
