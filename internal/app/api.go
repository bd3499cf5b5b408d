package app

import (
	"context"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"chasqui/internal/api"
	"chasqui/internal/queue"
	"chasqui/web"
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
	closing := make(chan struct{})
	queues, err := k.queuesPage()
	if err != nil {
		return nil, err
	}
	h := api.New(api.Deps{
		DB: k.DB, Accounts: k.Accounts, Messages: k.Messages, Fleet: k.Fleet, Webhooks: k.Webhooks,
		Queues: queues, QueuesWritable: k.Config.QueuesWritable,
		PublicURL: k.Config.PublicURL, Version: Version, Log: k.Log, Trace: k.trace, Ready: k.Ready,
		TrustedProxies: k.Config.TrustedProxies, Closing: closing,
	})
	h, err = withDashboard(h)
	if err != nil {
		return nil, err
	}
	stop := sync.OnceFunc(func() { close(closing) })
	return []Part{metrics, k.bells(), httpPart("http", l, h, k.Log, stop), k.readiness()}, nil
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

// withDashboard serves the dashboard's files where there is one of that name,
// and leaves everything else to the API.
func withDashboard(next http.Handler) (http.Handler, error) {
	dist, err := web.Dist()
	if err != nil {
		return nil, err
	}
	front := "index.html"
	if _, err := fs.Stat(dist, front); err != nil {
		front = "placeholder.html"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if name == "" {
			name = front
		}
		info, err := fs.Stat(dist, name)
		if (r.Method != http.MethodGet && r.Method != http.MethodHead) || err != nil || info.IsDir() {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("Referrer-Policy", "no-referrer")
		http.ServeFileFS(w, r, dist, name) //nolint:gosec // the files are embedded: there is nothing to climb to
	}), nil
}
