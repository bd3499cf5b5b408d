package whatsmeow_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"chasqui/internal/provider/whatsmeow"
)

// The library looks for its tables by name in the whole database, whatever the
// search path: every test needs a database of its own. They are copied from
// one that is upgraded once.
var template struct {
	once sync.Once
	name string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if template.name != "" {
		if err := onServer(context.Background(), "DROP DATABASE IF EXISTS "+template.name+" WITH (FORCE)"); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

func newStore(t testing.TB) *sql.DB {
	t.Helper()
	template.once.Do(func() { template.err = makeTemplate(t.Context()) })
	if template.err != nil {
		t.Fatalf("device store: %v", template.err)
	}
	name := freshName()
	if err := onServer(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template.name); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	db, err := openDB(name)
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	db.SetMaxOpenConns(10)
	t.Cleanup(func() {
		_ = db.Close()
		if err := onServer(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the database: %v", err)
		}
	})
	return db
}

func makeTemplate(ctx context.Context) error {
	template.name = freshName()
	if err := onServer(ctx, "CREATE DATABASE "+template.name); err != nil {
		return err
	}
	db, err := openDB(template.name)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA whatsmeow"); err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(whatsmeow.Upgrade(ctx, db), db.Close())
}

func freshName() string { return fmt.Sprintf("wmtest_%x", rand.Uint64()) }

func openDB(name string) (*sql.DB, error) {
	cfg, err := config()
	if err != nil {
		return nil, err
	}
	cfg.Database = name
	cfg.RuntimeParams["search_path"] = "whatsmeow"
	cfg.RuntimeParams["synchronous_commit"] = "off" // pairing makes 812 keys, each in a transaction of its own
	return stdlib.OpenDB(*cfg), nil
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
