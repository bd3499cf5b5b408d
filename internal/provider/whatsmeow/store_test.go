package whatsmeow_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"go.mau.fi/whatsmeow/store/sqlstore"

	"chasqui/internal/store"
)

// All tests share one database, and keep apart by using orgs and phone numbers
// of their own. The library's own store lives beside ours, in its schema: it was
// there before the migrations, as in an installation that is upgraded.
var keeping struct {
	once  sync.Once
	name  string
	db    *store.DB
	sql   *sql.DB // sees everything
	stock *sqlstore.Container
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if keeping.db != nil {
		keeping.db.Close()
		_ = keeping.sql.Close()
		if err := onServer(context.Background(), "DROP DATABASE "+keeping.name+" WITH (FORCE)"); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

func (w *world) openStores() {
	w.t.Helper()
	keeping.once.Do(func() { keeping.err = makeStores(context.WithoutCancel(w.t.Context())) })
	if keeping.err != nil {
		w.t.Fatalf("device store: %v", keeping.err)
	}
	w.db, w.sql, w.stock = keeping.db, keeping.sql, keeping.stock
}

func makeStores(ctx context.Context) (err error) {
	keeping.name = fmt.Sprintf("wmtest_%x", rand.Uint64())
	if err := onServer(ctx, "CREATE DATABASE "+keeping.name); err != nil {
		return err
	}
	// Pairing makes 812 keys, and the library's store writes each for itself.
	if err := onServer(ctx, "ALTER DATABASE "+keeping.name+" SET synchronous_commit = off"); err != nil {
		return err
	}
	cfg, err := config()
	if err != nil {
		return err
	}
	cfg.Database = keeping.name
	cfg.RuntimeParams["search_path"] = "whatsmeow, public"
	cfg.RuntimeParams["app.system"] = "on"
	keeping.sql = stdlib.OpenDB(*cfg)
	keeping.sql.SetMaxOpenConns(20)
	if _, err := keeping.sql.ExecContext(ctx, "CREATE SCHEMA whatsmeow"); err != nil {
		return err
	}
	keeping.stock = sqlstore.NewWithDB(keeping.sql, "postgres", nil)
	if err := keeping.stock.Upgrade(ctx); err != nil {
		return err
	}
	return migrate(ctx)
}

func migrate(ctx context.Context) error {
	u, err := url.Parse(os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	u.Path = "/" + keeping.name
	if err := store.Migrate(ctx, u.String()); err != nil {
		return err
	}
	keeping.db, err = store.Open(ctx, store.Options{URL: u.String(), MaxConns: 20, Name: "whatsmeow test"})
	return err
}

func onServer(ctx context.Context, query string) error {
	cfg, err := config()
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*cfg)
	_, err = db.ExecContext(ctx, query)
	return errors.Join(err, db.Close())
}

func config() (*pgx.ConnConfig, error) {
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		return nil, errors.New("DATABASE_URL must name a Postgres database; internal/devstack/cmd/withservices brings one up")
	}
	return pgx.ParseConfig(url)
}
