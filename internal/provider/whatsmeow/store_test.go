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
// search path: the tests need a database of their own. They share it, and keep
// apart by using different phone numbers.
var devices struct {
	once sync.Once
	name string
	db   *sql.DB
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if devices.db != nil {
		_ = devices.db.Close()
		if err := onServer(context.Background(), "DROP DATABASE "+devices.name+" WITH (FORCE)"); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

func deviceStore(t testing.TB) *sql.DB {
	t.Helper()
	devices.once.Do(func() { devices.err = makeStore(context.WithoutCancel(t.Context())) })
	if devices.err != nil {
		t.Fatalf("device store: %v", devices.err)
	}
	return devices.db
}

func makeStore(ctx context.Context) (err error) {
	devices.name = freshName()
	if err := onServer(ctx, "CREATE DATABASE "+devices.name); err != nil {
		return err
	}
	if devices.db, err = openDB(devices.name); err != nil {
		return err
	}
	devices.db.SetMaxOpenConns(20)
	if _, err := devices.db.ExecContext(ctx, "CREATE SCHEMA whatsmeow"); err != nil {
		return err
	}
	return whatsmeow.Upgrade(ctx, devices.db)
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
