// Package testkit gives tests what they stand on: a migrated database of their
// own in the Postgres that `make test` brings up, a Redis prefix, an org with a
// key, and ways to wait that are not sleeps. It is never linked into a program.
package testkit

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"chasqui/internal/store"
	"chasqui/migrations"
)

// Pepper is the pepper of the keys that Org makes.
var Pepper = []byte("a pepper for tests only")

// Env reads a setting that `make test` gives, or ends the test with one line.
func Env(t testing.TB, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run the tests with `make test`, which brings up Postgres and Redis", name)
	}
	return v
}

// DB gives a fresh, migrated database that is dropped when the test ends.
func DB(t testing.TB) *store.DB {
	t.Helper()
	return OpenDB(t, DatabaseURL(t))
}

// OpenDB opens another pool on a test's database.
func OpenDB(t testing.TB, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: url, MaxConns: 8, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// OpenSQL opens a plain connection, for what no query of the product asks.
func OpenSQL(url string) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["statement_timeout"] = "15000"
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(1)
	return db, nil
}

// DatabaseURL makes a fresh, migrated database and gives its URL.
func DatabaseURL(t testing.TB) string {
	t.Helper()
	base := Env(t, "DATABASE_URL")
	template := templateDB(t, base)
	name := "t_" + Random(8)
	// Copies of one template are made one after the other.
	admin(t, base, func(ctx context.Context, c *pgx.Conn) error {
		return locked(ctx, c, func() error {
			_, err := c.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template)
			return err
		})
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		c, err := pgx.Connect(ctx, base)
		if err != nil {
			return // the services are going down, and the data with them
		}
		defer c.Close(ctx)
		if _, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Logf("drop test database: %v", err)
		}
	})
	return withDatabase(t, base, name)
}

var template struct {
	sync.Mutex
	name string
}

// templateDB migrates one database per state of the migrations, once for all
// test processes.
func templateDB(t testing.TB, base string) string {
	t.Helper()
	template.Lock()
	defer template.Unlock()
	if template.name != "" {
		return template.name
	}
	name := "template_" + fingerprint(t)
	admin(t, base, func(ctx context.Context, c *pgx.Conn) error {
		return locked(ctx, c, func() error { return makeTemplate(ctx, t, c, base, name) })
	})
	template.name = name
	return name
}

func makeTemplate(ctx context.Context, t testing.TB, c *pgx.Conn, base, name string) error {
	var done bool
	if err := c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&done); err != nil || done {
		return err
	}
	building := name + "_" + Random(4)
	if _, err := c.Exec(ctx, "CREATE DATABASE "+building); err != nil {
		return err
	}
	if err := store.Migrate(ctx, withDatabase(t, base, building)); err != nil {
		return err
	}
	_, err := c.Exec(ctx, "ALTER DATABASE "+building+" RENAME TO "+name)
	return err
}

// locked runs fn while no other test process makes databases.
func locked(ctx context.Context, c *pgx.Conn, fn func() error) error {
	if _, err := c.Exec(ctx, "SELECT pg_advisory_lock(726301)"); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	_, err := c.Exec(ctx, "SELECT pg_advisory_unlock(726301)")
	return err
}

func admin(t testing.TB, base string, fn func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, base)
	if err != nil {
		t.Fatalf("connect to DATABASE_URL: %v", err)
	}
	defer c.Close(ctx)
	if err := fn(ctx, c); err != nil {
		t.Fatalf("prepare test database: %v", err)
	}
}

func withDatabase(t testing.TB, base, name string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func fingerprint(t testing.TB) string {
	t.Helper()
	h := fnv.New64a()
	err := fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := migrations.FS.ReadFile(path)
		h.Write([]byte(path))
		h.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// Random gives 2n hexadecimal characters.
func Random(n int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}

// Eventually waits until ok says so, at most for the given time, and fails the
// test with the words otherwise. It looks every few milliseconds.
func Eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", within, what)
		}
		<-tick.C
	}
}
