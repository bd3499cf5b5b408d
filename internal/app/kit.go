package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chasqui/internal/account"
	"chasqui/internal/audit"
	"chasqui/internal/fleet"
	"chasqui/internal/message"
	"chasqui/internal/queue"
	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// Kit is what the parts of one program share: settings, connections and verbs.
type Kit struct {
	Name   string // of the program
	Config Config
	Log    *slog.Logger

	DB       *store.DB
	Accounts *account.Service // nil until the keys are there
	Keys     *seal.Keyring
	Messages *message.Service
	Fleet    *fleet.Service
	Webhooks *webhook.Service
	Audit    *audit.Service

	trace  *telemetry.Tracer // nil when nothing is traced
	ringer *queue.Ringer
	policy func(context.Context) error // Redis' answer to whether it may be used

	metrics *prometheus.Registry // what belongs to this kit, not to the process
	ready   atomic.Bool          // all parts run and none was told to stop
	addrs   map[string]string
	// unlocked is closed when the keys are there.
	unlocked chan struct{}
	closers  []func() error // in opening order
}

// Open prepares connections and verbs. Neither Postgres nor Redis need be
// there yet: readiness tells when they are.
func Open(ctx context.Context, name string, cfg Config, log *slog.Logger) (*Kit, error) {
	trace, err := telemetry.Open(ctx, telemetry.Options{
		Endpoint: cfg.TraceEndpoint, Ratio: cfg.TraceRatio, Program: name, Version: Version, Log: log,
	})
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Options{
		URL: cfg.DatabaseURL.Reveal(), MaxConns: cfg.DatabaseConns, Name: name, Spans: trace.Provider(), Timeout: statementsWithin[name],
	})
	if err != nil {
		return nil, err
	}
	k := &Kit{
		Name: name, Config: cfg, Log: log, DB: db, trace: trace,
		Messages: message.New(db, message.Options{Log: log, Trace: trace, PaceFactor: cfg.PaceFactor}),
		Fleet:    fleet.New(db),
		metrics:  prometheus.NewRegistry(),
		addrs:    map[string]string{},
		unlocked: make(chan struct{}),
	}
	k.onClose(k.closeTrace)
	k.onClose(func() error { db.Close(); return nil })
	k.metrics.MustRegister(newPoolStats(db), buildInfo(cfg))
	if err := k.openKeys(ctx); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	k.openAudit()
	if err := k.openWebhooks(); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	if err := k.openRedis(ctx); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// closeTrace delivers the last spans. A receiver that is away is told of in the
// log and is no reason to have failed.
func (k *Kit) closeTrace() error {
	if err := k.trace.Close(); err != nil {
		k.Log.Warn("the last spans were not delivered", "error", err)
	}
	return nil
}

// openRedis prepares the bells. A Redis that is away stops nobody; in
// production one that may drop what it was given does.
func (k *Kit) openRedis(ctx context.Context) error {
	rdb, err := queue.OpenRedis(k.Config.RedisURL.Reveal(), true)
	if err != nil {
		return err
	}
	k.onClose(rdb.Close)
	k.ringer = queue.NewRinger(rdb, k.Log)
	k.DB.OnRing(webhook.Calm(k.ringer.Ring))
	k.policy = func(ctx context.Context) error { return queue.CheckPolicy(ctx, rdb) }
	within, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err = k.policy(within)
	if err != nil && wa.CodeOf(err) == wa.Invalid && k.Config.Env == Prod {
		return err
	}
	if err != nil {
		k.Log.WarnContext(ctx, "Redis is not as it should be; work is found by polling meanwhile", "error", err)
	}
	return nil
}

// bells is the part that rings in the background and notices a wiped Redis.
func (k *Kit) bells() Part {
	return Part{Name: "bells", Run: func(ctx context.Context) error {
		k.ringer.Run(ctx)
		return nil
	}}
}

func (k *Kit) onClose(fn func() error) { k.closers = append(k.closers, fn) }

// Close lets go of everything that Open and the parts' makers opened, in
// reverse.
func (k *Kit) Close() error {
	var err error
	for i := len(k.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, k.closers[i]())
	}
	k.closers = nil
	return err
}

// Addr is where a listener of this program can be reached ("http", "metrics");
// "" when it has none. It matters where a setting says port 0.
func (k *Kit) Addr(listener string) string { return k.addrs[listener] }

// listen takes the port before any part runs, so that a port in use stops the
// program before it does anything.
func (k *Kit) listen(ctx context.Context, name, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", name, err)
	}
	k.onClose(func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	k.addrs[name] = l.Addr().String()
	return l, nil
}

// Ready reports whether this program can do its work: it is not on its way
// down, Postgres answers, the schema is the one this code needs, and the master
// key is the one that secrets are kept under. WhatsApp
// and Redis may be away.
func (k *Kit) Ready(ctx context.Context) error {
	if !k.ready.Load() {
		return errors.New("starting or stopping")
	}
	if err := k.DB.Current(ctx); err != nil {
		return err
	}
	if !k.isUnlocked() {
		return errors.New("waiting for the keys")
	}
	return nil
}

// readiness is the last part to start and the first to stop.
func (k *Kit) readiness() Part {
	return Part{Name: "readiness", Run: func(ctx context.Context) error {
		k.ready.Store(true)
		<-ctx.Done()
		k.ready.Store(false)
		return nil
	}}
}
