package app

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"chasqui/internal/fleet"
	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

// Worker builds the parts that hold numbers and send and receive over them.
func Worker(ctx context.Context, k *Kit) ([]Part, error) {
	providers, err := k.providers(ctx)
	if err != nil {
		return nil, err
	}
	bells, err := queue.OpenRedis(k.Config.RedisURL.Reveal(), false)
	if err != nil {
		return nil, err
	}
	k.onClose(bells.Close)
	b := board{db: k.DB, messages: k.Messages}
	b.Worker = fleet.NewWorker(k.DB, fleet.WorkerOptions{
		Providers: providers,
		Inbox:     k.Messages,
		Deliver:   func(ctx context.Context, h *fleet.Hold) { k.Messages.Deliver(ctx, h) },
		Tell:      func(ctx context.Context, h *fleet.Hold) { k.Messages.Tell(ctx, h) },
		Serve: func(ctx context.Context, slot int) error {
			return queue.Serve(ctx, bells, slot, b, queue.Options{
				Capacity: k.Config.WorkerCapacity, SetPaused: b.SetPaused, Log: k.Log,
			})
		},
		Capacity: k.Config.WorkerCapacity,
		Gate:     fleet.NewGate(k.Config.ConnectConcurrency, k.Config.ConnectPerSecond),
		Log:      k.Log,
	})
	metrics, err := k.metricsPart(ctx, func(ctx context.Context) map[string]string {
		note := k.redisNote(ctx)
		note["worker"], _ = b.Health()
		return note
	})
	if err != nil {
		return nil, err
	}
	hooks, err := k.hooks()
	if err != nil {
		return nil, err
	}
	beat, err := k.newPulse(wa.RunsWorker, func() *int { return online(prometheus.DefaultGatherer) })
	if err != nil {
		return nil, err
	}
	parts := append([]Part{metrics, k.keys(), k.bells()}, hooks...)
	return append(parts, Part{Name: "sessions", Run: b.Run}, beat.part(), k.readiness()), nil
}

// providers opens every way to reach WhatsApp.
func (k *Kit) providers(ctx context.Context) (map[string]provider.Provider, error) {
	cfg := k.Config
	p, err := whatsmeow.New(ctx, whatsmeow.Options{
		DB:  k.DB,
		Box: func(ctx context.Context, org wa.OrgID) (whatsmeow.Box, error) { return k.Keys.For(ctx, org) },
		Log: k.Log, Debug: k.Log.Enabled(ctx, slog.LevelDebug),
		Endpoint: cfg.Endpoint, RootKey: cfg.RootKey, CAFile: cfg.CAFile, WebVersion: cfg.WebVersion,
	})
	if err != nil {
		return nil, err
	}
	return map[string]provider.Provider{wa.ProviderWhatsmeow: p}, nil
}
