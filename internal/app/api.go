package app

import (
	"context"
	"net/http"
	"sync"

	"chasqui/internal/api"
	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

// API builds the parts that serve HTTP.
func API(ctx context.Context, k *Kit) ([]Part, error) {
	metrics, err := k.metricsPart(ctx, k.redisNote)
	if err != nil {
		return nil, err
	}
	l, err := k.listen(ctx, "http", k.Config.HTTPAddr)
	if err != nil {
		return nil, err
	}
	limits, err := k.limits()
	if err != nil {
		return nil, err
	}
	conns := &openConns{Listener: l}
	beat, err := k.newPulse(wa.RunsAPI, conns.count)
	if err != nil {
		return nil, err
	}
	seen := &watched{pulse: beat, vitals: &vitals{k: k}}
	closing := make(chan struct{})
	queues, err := k.queuesPage()
	if err != nil {
		return nil, err
	}
	h, err := k.unlockedHandler(func() (http.Handler, error) {
		return api.New(api.Deps{
			DB: k.DB, Accounts: k.Accounts, Messages: k.Messages, Fleet: k.Fleet, Webhooks: k.Webhooks, Audit: k.Audit,
			Queues: queues, QueuesWritable: k.Config.QueuesWritable,
			PublicURL: k.Config.PublicURL, Version: Version, Log: k.Log, Trace: k.trace, Ready: k.Ready,
			TrustedProxies: k.Config.TrustedProxies, Origins: k.Config.CORSOrigins, Limits: limits, Closing: closing, Watched: seen,
		}), nil
	})
	if err != nil {
		return nil, err
	}
	h, err = withDashboard(h, k.Config)
	if err != nil {
		return nil, err
	}
	stop := sync.OnceFunc(func() { close(closing) })
	return []Part{metrics, k.keys(), k.people(), k.setUpLink(), k.bells(), k.watch(), httpPart("http", conns, h, k.Log, stop), seen.pulse.part(), seen.vitals.part(), k.readiness()}, nil
}

// queuesPage is the operator's view of the queues, on connections of its own.
func (k *Kit) queuesPage() (http.Handler, error) {
	rdb, err := queue.OpenRedis(k.Config.RedisURL.Reveal(), false)
	if err != nil {
		return nil, err
	}
	k.onClose(rdb.Close)
	page := queue.NewMonitor(rdb, !k.Config.QueuesWritable)
	k.onClose(page.Close)
	return page, nil
}

// redisNote tells how Redis stands: nothing depends on it, so it is told and
// decides nothing.
func (k *Kit) redisNote(ctx context.Context) map[string]string {
	if err := k.policy(ctx); err != nil {
		return map[string]string{"redis": err.Error()}
	}
	return map[string]string{"redis": "ok"}
}
