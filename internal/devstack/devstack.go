// Package devstack brings up a private Postgres and a private Redis for
// `make run` and for tests, next to whatever already runs on the machine: own
// data directory, unix sockets only, no port, no configuration of the system's
// touched. Production does not use it, and nothing about chasqui's own schema
// belongs here.
package devstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Options say what to bring up and where it lives.
type Options struct {
	// Dir keeps the data between runs. Empty means a temporary directory that
	// Down removes, which is what tests want: any number can run side by side.
	Dir string
	// Durable makes Postgres and Redis flush to disk. Without it they are
	// faster, and a power cut may lose everything.
	Durable bool
	// DatabaseURL and RedisURL, when given, are used as they are, and that
	// service is not started.
	DatabaseURL string
	RedisURL    string
	// Log receives what happens; nil discards it.
	Log *slog.Logger
}

// Stack is a running pair of services.
type Stack struct {
	// DatabaseURL is a postgres:// URL for pgx. Its role owns its database and
	// may create others, but is no superuser: row-level security holds for it.
	DatabaseURL string
	// RedisURL is a unix:// or redis:// URL that go-redis' ParseURL accepts.
	RedisURL string

	exited chan error
	stops  []func(context.Context) error // in start order
	once   sync.Once
	downed error
}

// startLimit bounds one service's start, crash recovery included.
const startLimit = 60 * time.Second

// Up starts what Options do not already name and returns when both answer.
// On an error everything that was started is down again. As root the services
// run as an unprivileged user.
func Up(ctx context.Context, o Options) (*Stack, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Stack{DatabaseURL: o.DatabaseURL, RedisURL: o.RedisURL, exited: make(chan error, 2)}
	if s.DatabaseURL != "" && s.RedisURL != "" {
		return s, nil
	}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(err, s.Down(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, o Options) error {
	began := time.Now()
	bin, err := locate(ctx, o)
	if err != nil {
		return err
	}
	as, err := serviceUser()
	if err != nil {
		return err
	}
	at, err := openPlace(o, as)
	if err != nil {
		return err
	}
	s.stops = append(s.stops, at.close)
	if s.DatabaseURL == "" {
		if err := s.startPostgres(ctx, o, bin, at); err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
	}
	if s.RedisURL == "" {
		if err := s.startRedis(ctx, o, bin, at); err != nil {
			return fmt.Errorf("redis: %w", err)
		}
	}
	o.Log.InfoContext(ctx, "services are up", "data", at.data, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// Exited delivers an error for each service that ended without being asked to.
func (s *Stack) Exited() <-chan error { return s.exited }

// Down stops what Up started, in reverse, and removes temporary data. Calling
// it again returns the first answer.
func (s *Stack) Down(ctx context.Context) error {
	s.once.Do(func() {
		for i := len(s.stops) - 1; i >= 0; i-- {
			s.downed = errors.Join(s.downed, s.stops[i](ctx))
		}
	})
	return s.downed
}
