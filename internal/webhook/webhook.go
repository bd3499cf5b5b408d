// Package webhook brings events to the addresses that customers name: who is
// subscribed to what, the signed request and what follows from its answer, and
// the lines on which deliveries wait. Which events there are belongs to those
// who emit them; the deliveries are written by the store together with them.
package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
)

// Egress is the way out to customers' addresses.
type Egress interface {
	CheckURL(ctx context.Context, url string, allowHTTP bool) error
	CheckForm(url string, allowHTTP bool) error
	Client() *http.Client
}

// Options tune a Service; the zero value is right for production.
type Options struct {
	Log *slog.Logger
	// Trace makes spans; nil makes none.
	Trace *telemetry.Tracer
	// Ahead is how far the clock is ahead of the database's, for tests that
	// live through days.
	Ahead func() time.Duration
	// Version is told to receivers.
	Version string
	// KeepHosts is for how long a host is kept that no message names; 0 is
	// UsualKeepHosts.
	KeepHosts time.Duration
}

// Service manages endpoints and what was sent to them.
type Service struct {
	db   *store.DB
	keys *seal.Keyring
	out  Egress
	http *http.Client
	opt  Options

	mu        sync.Mutex
	callbacks map[callbackHost]known // what Callback found lately
}

// New fills the options' gaps.
func New(db *store.DB, keys *seal.Keyring, out Egress, o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ahead == nil {
		o.Ahead = func() time.Duration { return 0 }
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.KeepHosts == 0 {
		o.KeepHosts = UsualKeepHosts
	}
	return &Service{db: db, keys: keys, out: out, http: out.Client(), opt: o, callbacks: map[callbackHost]known{}}
}

func (s *Service) now() time.Time { return time.Now().Add(s.opt.Ahead()).UTC() }

func (s *Service) inOrg(ctx context.Context, by wa.Actor, fn func(*store.Tx) error) error {
	return s.db.InOrg(ctx, by.Org, fn)
}
