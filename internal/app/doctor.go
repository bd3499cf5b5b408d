package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"chasqui/internal/queue"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	checkWithin  = 5 * time.Second
	skewAllowed  = 2 * time.Second
	whatsAppHost = "web.whatsapp.com:443"
)

type doctor struct{}

// check is one thing the platform stands on.
type check struct {
	name   string
	advice string // what to do when it fails
	run    func(ctx context.Context) error
}

// Run makes every check and prints a line for each; one that fails makes the
// command fail.
func (doctor) Run(ctx context.Context, con *console) error {
	cfg, mistakes := Load(con.environ, Required...)
	checks := []check{{"settings", "correct them; chasqui config shows what is in force", func(context.Context) error { return mistakes }}}
	if !cfg.DatabaseURL.IsZero() {
		checks = append(checks, databaseChecks(cfg)...)
	}
	if !cfg.RedisURL.IsZero() {
		checks = append(checks, redisCheck(cfg))
	}
	checks = append(checks, whatsAppCheck(cfg))
	failed := 0
	for _, c := range checks {
		within, cancel := context.WithTimeout(ctx, checkWithin)
		err := c.run(within)
		cancel()
		line := fmt.Sprintf("ok    %s", c.name)
		if err != nil {
			failed++
			line = fmt.Sprintf("FAIL  %s: %v\n      -> %s", c.name, err, c.advice)
		}
		if _, err := fmt.Fprintln(con.out, line); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(checks))
	}
	return nil
}

func databaseChecks(cfg Config) []check {
	with := func(fn func(context.Context, *store.DB) error) func(context.Context) error {
		return func(ctx context.Context) error {
			db, err := store.Open(ctx, store.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: 1, Name: "doctor"})
			if err != nil {
				return err
			}
			defer db.Close()
			return fn(ctx, db)
		}
	}
	return []check{
		{
			"Postgres", "is it running, and do address, user and password of DATABASE_URL fit? Nothing works without it",
			with(func(ctx context.Context, db *store.DB) error { return db.Ping(ctx) }),
		},
		{
			"schema", "chasqui migrate up",
			with(func(ctx context.Context, db *store.DB) error { return db.Current(ctx) }),
		},
		{
			"master key", "set CHASQUI_MASTER_KEY to the key that the secrets in this database are kept under; without it they cannot be read",
			with(func(ctx context.Context, db *store.DB) error {
				if err := db.Current(ctx); err != nil {
					return err
				}
				keys, err := newKeyring(cfg, db)
				if err != nil {
					return err
				}
				return keys.Verify(ctx)
			}),
		},
		{
			"clock", "synchronise the clocks of this machine and of the database (NTP): due times are the database's",
			with(skew),
		},
	}
}

// skew compares this machine's clock with the database's, by the middle of the
// question.
func skew(ctx context.Context, db *store.DB) error {
	if err := db.Ping(ctx); err != nil { // so that connecting is not part of the measurement
		return err
	}
	began := time.Now()
	theirs, err := db.Clock(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began)
	if off := theirs.Sub(began.Add(took / 2)); off.Abs() > skewAllowed+took {
		return fmt.Errorf("the database's clock is %s off", off.Round(time.Millisecond))
	}
	return nil
}

func redisCheck(cfg Config) check {
	return check{
		"Redis", "is it running, does REDIS_URL fit, and is maxmemory-policy noeviction? Without it work is found by polling: messages still leave, up to a second later",
		func(ctx context.Context) error {
			rdb, err := queue.OpenRedis(cfg.RedisURL.Reveal(), false)
			if err != nil {
				return err
			}
			defer rdb.Close()
			err = queue.CheckPolicy(ctx, rdb)
			var known *wa.Error
			if errors.As(err, &known) {
				return errors.New(known.Message)
			}
			return err
		},
	}
}

func whatsAppCheck(cfg Config) check {
	host := cmp.Or(cfg.Endpoint, whatsAppHost)
	return check{
		"WhatsApp (" + host + ")", "can this machine reach it? Numbers connect from workers; messages wait meanwhile",
		func(ctx context.Context) error {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "tcp", host)
			if err != nil {
				return err
			}
			return conn.Close()
		},
	}
}
