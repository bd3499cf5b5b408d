package app

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/store"
)

// What the scheduler measures.
var (
	oldestQueued = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_oldest_queued_seconds", Help: "Age of the oldest waiting message, by lane and by whether its number is online.",
	}, []string{"lane", "connected"})
	clientsUnowned = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_clients_unowned", Help: "Clients that should be online and have had no live worker for 15 s. The leader counts, up to 1,000.",
	})
	leaderEpoch = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_leader_epoch", Help: "Epoch in which this scheduler leads; 0 while it waits.",
	})
	jobSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "chasqui_cron_job_seconds", Help: "Duration of the leader's jobs.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"name", "result"})
	jobSucceeded = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_cron_job_last_success_timestamp_seconds", Help: "When this scheduler last ended a job well.",
	}, []string{"name"})
	clientsByStatus = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_clients", Help: "Clients of all orgs by status and by whether somebody wants them online. The leader counts.",
	}, []string{"status", "wanted"})
	messagesQueued = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_messages_queued", Help: "Messages in line, by lane. The leader counts, up to a million.",
	}, []string{"lane"})
	messagesUnconfirmed = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_messages_unconfirmed", Help: "Messages sent without an answer so far. The leader counts.",
	})
	haltsInForce = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_stops", Help: "Throws of the kill switch in force, by scope: client, org, installation. The leader counts.",
	}, []string{"scope"})
	databaseBytes = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_db_size_bytes", Help: "What the database takes on disk. The leader measures.",
	})
	hooksLate = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_webhook_late_seconds", Help: "For how long the oldest delivery to an endpoint that answers is overdue. The leader measures.",
	})
	hookEndpoints = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_webhook_endpoints",
		Help: "Endpoints by state: enabled, failing (also enabled), disabled (in the last day). The leader counts.",
	}, []string{"state"})
	figuresBehind = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_figures_behind_seconds", Help: "For how long the oldest change has not been counted in the figures. The leader counts every 10 s.",
	})
	messagesStuck = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_messages_stuck", Help: "Messages that should have ended long ago, counted hourly. Must be 0.",
	})
)

// poolStats shows the database pool of one kit, and whether the database
// answers through it.
type poolStats struct{ db *store.DB }

// pingWithin bounds the question whether the database answers: a pool without
// a free connection for that long is as good as none.
const pingWithin = 2 * time.Second

var (
	poolUp    = prometheus.NewDesc("chasqui_db_up", "Whether the database answered this process when Prometheus asked.", nil, nil)
	poolConns = prometheus.NewDesc("chasqui_db_connections", "Connections of the pool, by state.", []string{"state"}, nil)
	poolMax   = prometheus.NewDesc("chasqui_db_connections_limit", "The most connections the pool may hold.", nil, nil)
	poolWaits = prometheus.NewDesc("chasqui_db_pool_waits_total", "Times that somebody waited for a connection.", nil, nil)
	poolTime  = prometheus.NewDesc("chasqui_db_pool_wait_seconds_total", "Time spent waiting for connections.", nil, nil)
)

func newPoolStats(db *store.DB) prometheus.Collector { return poolStats{db} }

// Describe lists the series.
func (poolStats) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{poolUp, poolConns, poolMax, poolWaits, poolTime} {
		ch <- d
	}
}

// Collect reads the pool.
func (p poolStats) Collect(ch chan<- prometheus.Metric) {
	s := p.db.Stat()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(poolUp, p.up())
	gauge(poolConns, float64(s.AcquiredConns()), "used")
	gauge(poolConns, float64(s.IdleConns()), "idle")
	gauge(poolMax, float64(s.MaxConns()))
	ch <- prometheus.MustNewConstMetric(poolWaits, prometheus.CounterValue, float64(s.EmptyAcquireCount()))
	ch <- prometheus.MustNewConstMetric(poolTime, prometheus.CounterValue, s.EmptyAcquireWaitTime().Seconds())
}

func (p poolStats) up() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), pingWithin)
	defer cancel()
	if p.db.Ping(ctx) != nil {
		return 0
	}
	return 1
}

// buildInfo shows which code runs, and which version of WhatsApp's web client
// it claims to be: WhatsApp refuses old ones.
func buildInfo(cfg Config) prometheus.Collector {
	web := cfg.WebVersion
	if web == "" {
		web = whatsmeow.BuiltInVersion()
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_build_info", Help: "Always 1; the labels tell what runs.",
		ConstLabels: prometheus.Labels{"version": Version, "revision": revision(), "whatsapp_web": web},
	})
	g.Set(1)
	return g
}

// builtFrom is the commit, told by the linker where the build has no repository
// to ask, as that of the image.
var builtFrom string

// revision is the commit this was built from, as far as the build knows.
func revision() string {
	if builtFrom != "" {
		return builtFrom
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
