package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// drainHTTP is how long requests under way may take when a server stops.
const drainHTTP = 10 * time.Second

// bodyWithin is how long a request may take to hand in its body and get its
// answer; longer answers are streams, which have no body to hand in.
const bodyWithin = 2 * time.Minute

// httpPart serves a handler until it is stopped; then it takes no more
// connections and lets requests finish. There is no write timeout, because
// streams have no end: handlers bound their own work.
func httpPart(name string, l net.Listener, h http.Handler, log *slog.Logger, closing func()) Part {
	return Part{Name: name, Run: func(ctx context.Context) error {
		srv := &http.Server{
			Handler: boundedBodies(h), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		}
		if counted, ok := l.(*openConns); ok {
			srv.ConnState = counted.state
		}
		failed := make(chan error, 1)
		go func() { failed <- srv.Serve(l) }()
		log.InfoContext(ctx, "listening", "for", name, "addr", l.Addr().String())
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
		}
		closing()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainHTTP)
		defer cancel()
		if err := srv.Shutdown(grace); err != nil {
			log.WarnContext(ctx, "requests were cut off", "for", name, "error", err)
			return srv.Close()
		}
		return nil
	}}
}

// boundedBodies bounds the reading of bodies only: the server's own read timeout
// would end streams too.
func boundedBodies(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// It fails only where the connection has no deadlines to set.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin))
		}
		h.ServeHTTP(w, r)
	})
}

// metricsPart serves what operators and supervisors ask, on a listener that
// users cannot reach. note adds lines to what /readyz tells; it may be nil.
func (k *Kit) metricsPart(ctx context.Context, note func(context.Context) map[string]string) (Part, error) {
	l, err := k.listen(ctx, "metrics", k.Config.MetricsAddr)
	if err != nil {
		return Part{}, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(k.Gatherer(), promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(k.Log.Handler(), slog.LevelWarn)}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", k.readyz(note))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return httpPart("metrics", l, mux, k.Log, func() {}), nil
}

// Gatherer collects the process's metrics and this kit's own.
func (k *Kit) Gatherer() prometheus.Gatherer {
	return prometheus.Gatherers{prometheus.DefaultGatherer, k.metrics}
}

const readyWithin = 3 * time.Second

// readyz answers 200 or 503 with what it found. Only Postgres and the schema
// decide; everything else is told.
func (k *Kit) readyz(note func(context.Context) map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
		defer cancel()
		out := map[string]string{}
		if note != nil {
			out = note(ctx)
		}
		out["status"] = "ok"
		if err := k.Ready(ctx); err != nil {
			out["status"], out["reason"] = "not ready", err.Error()
			answer(w, http.StatusServiceUnavailable, out)
			return
		}
		answer(w, http.StatusOK, out)
	}
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the asker has gone when this fails
}
