// Package store is Postgres: every query of chasqui, one file a noun, and the
// transactions they run in. It keeps what it is given and says what moved;
// deciding belongs to the verbs.
package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"chasqui/internal/wa"
)

// idleLimit is how long, in ms, a transaction may wait for its process. One that
// was stopped in the middle holds locks on its clients; they must not outlive
// its lease, or nobody could take the clients over.
const idleLimit = "8000"

// Options opens a database.
type Options struct {
	URL      string
	MaxConns int32                // 0 means 16
	Timeout  time.Duration        // of one statement; 0 means 15 s
	Name     string               // shown in pg_stat_activity
	Spans    trace.TracerProvider // of statements that are part of a trace; nil makes none
}

// DB is the database. Tenants' rows are reached through InOrg, everything else
// through InTx: outside a transaction row-level security shows nothing.
type DB struct {
	pool *pgxpool.Pool
	ring func(context.Context, []wa.Job)
}

// Open prepares the pool; it does not wait for Postgres to be there.
func Open(ctx context.Context, o Options) (*DB, error) {
	cfg, err := poolConfig(o)
	if err != nil {
		return nil, err
	}
	return openPool(ctx, cfg)
}

func poolConfig(o Options) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("read DATABASE_URL: %w", err)
	}
	cfg.MaxConns = 16
	if o.MaxConns > 0 {
		cfg.MaxConns = o.MaxConns
	}
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.ConnConfig.ConnectTimeout = 3 * time.Second
	timeout := o.Timeout
	if timeout == 0 {
		timeout = 15 * time.Second
	}
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(timeout.Milliseconds())
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = idleLimit
	cfg.ConnConfig.RuntimeParams["application_name"] = "chasqui " + o.Name
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	// Our statements are few, and made so that one plan is right for all
	// arguments (plan_test.go). To plan each again costs more than to run it.
	cfg.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	// A plan is kept until the table is next analysed. One that was made while the
	// table was small must be right when a first campaign has filled it.
	cfg.ConnConfig.RuntimeParams["enable_seqscan"] = "off"
	if o.Spans != nil {
		// Statements, never their arguments: those are about people.
		cfg.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(o.Spans), otelpgx.WithDisableConnectionDetailsInAttributes())
	}
	boundCaches(cfg.ConnConfig)
	cfg.AfterConnect, cfg.PrepareConn = dropPrivileges, freshPlans
	return cfg, nil
}

// boundCaches keeps what a connection remembers of statements to what we have:
// room for more is taken at once and for every connection.
func boundCaches(cfg *pgx.ConnConfig) {
	cfg.StatementCacheCapacity = 256
	cfg.DescriptionCacheCapacity = 0 // serves another mode than ours
}

func openPool(ctx context.Context, cfg *pgxpool.Config) (*DB, error) {
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &DB{pool: pool, ring: func(context.Context, []wa.Job) {}}, nil
}

// dropPrivileges puts a superuser's session on the plain role, because
// row-level security does not bind superusers. A connection that cannot step
// down is no connection. The role is made if need be: a session that was opened
// before the first migration must not stay above the law afterwards.
func dropPrivileges(ctx context.Context, c *pgx.Conn) error {
	var above, known bool
	err := c.QueryRow(ctx, `
		SELECT rolsuper OR rolbypassrls, EXISTS (SELECT FROM pg_roles WHERE rolname = 'chasqui_app')
		FROM pg_roles WHERE rolname = session_user`).Scan(&above, &known)
	if err != nil || !above {
		return err
	}
	if !known {
		var pg *pgconn.PgError // another process may be making it at this moment
		if _, err := c.Exec(ctx, `CREATE ROLE chasqui_app NOLOGIN`); err != nil && !(errors.As(err, &pg) && (pg.Code == "42710" || pg.Code == "23505")) {
			return fmt.Errorf("make the role that row-level security binds: %w", err)
		}
	}
	if _, err := c.Exec(ctx, `SET ROLE chasqui_app`); err != nil {
		return fmt.Errorf("step down from a role that row-level security does not bind: %w", err)
	}
	return nil
}

// OnRing says who rings the bells of committed transactions. Call it before
// the first transaction.
func (db *DB) OnRing(ring func(context.Context, []wa.Job)) { db.ring = ring }

// Close waits for connections to come back and closes them.
func (db *DB) Close() { db.pool.Close() }

// Ping reports whether Postgres answers.
func (db *DB) Ping(ctx context.Context) error { return wrap(db.pool.Ping(ctx), "ping database") }

// Stat gives the pool's figures.
func (db *DB) Stat() *pgxpool.Stat { return db.pool.Stat() }

// wrap gives a database error its meaning, and the words of what was tried.
func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	var known *wa.Error
	if errors.As(err, &known) {
		return err
	}
	err = fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, pgx.ErrNoRows) {
		return &wa.Error{Code: wa.NotFound, Message: "there is no such thing", Err: err}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return wrapPg(pg, err)
	}
	var ours *decodeError
	if errors.Is(err, context.Canceled) || errors.As(err, &ours) {
		return err
	}
	// Whatever else pgx reports is the connection: refused, reset, timed out.
	return away(err)
}

// passing are the errors that end by themselves when the work is done again:
// statement and lock timeouts, a deadlock, and a row that was merged or removed
// while another one was being hung on it.
var passing = []string{"57014", "55P03", "40P01", "40001", "23503"}

func wrapPg(pg *pgconn.PgError, err error) error {
	switch {
	case pg.Code == "23505":
		return &wa.Error{Code: wa.Conflict, Message: "this exists already", Err: err}
	case slices.Contains(passing, pg.Code):
		return &wa.Error{Code: wa.Unavailable, Message: "the database is busy", RetryAfter: time.Second, Err: err}
	case pg.Code[:2] == "08" || pg.Code[:2] == "57" || pg.Code[:2] == "53" || pg.Code == "25006":
		return away(err)
	}
	return err
}

func away(err error) error {
	return &wa.Error{Code: wa.Unavailable, Message: "the database is away; nothing was stored", RetryAfter: 2 * time.Second, Err: err}
}
