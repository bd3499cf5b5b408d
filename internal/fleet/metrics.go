package fleet

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"chasqui/internal/provider"
	"chasqui/internal/telemetry"
)

var (
	clientsOwned = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_clients_owned", Help: "Clients that this worker holds, by its slot.",
	}, []string{"slot"})
	leaseAge = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_lease_age_seconds", Help: "Age of the worker's last renewal of its slot.",
	})
	workerFrozen = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_worker_frozen", Help: "1 while nothing leaves because the lease could not be renewed.",
	})
	takeovers = promauto.NewCounter(prometheus.CounterOpts{
		Name: "chasqui_takeovers_total", Help: "Clients that this worker took over.",
	})
	takeoverSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name: "chasqui_takeover_seconds", Help: "From taking a client over to being online with it.",
		Buckets: []float64{.1, .25, .5, 1, 2, 3, 5, 10, 15, 30, 60, 300},
	})
	streamReplaced = promauto.NewCounter(prometheus.CounterOpts{
		Name: "chasqui_stream_replaced_total", Help: "Times that a number's keys connected elsewhere while we held it.",
	})
	connectsTotal = telemetry.FromZero(promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_connects_total", Help: "Attempts to connect a number, by result.",
	}, []string{"result"}), "dialled", "failed", "online")
	sessionsByStatus = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_sessions", Help: "Held clients by status.",
	}, []string{"status"})
	signalsTotal = telemetry.FromZero(promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_signals_total", Help: "What WhatsApp said about lines and numbers.",
	}, []string{"signal"}), provider.Signals()...)
	outdatedGauge = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_client_outdated", Help: "1 while WhatsApp refuses this version of the library and the fleet stands still.",
	})
)

func slotLabel(slot int) string { return fmt.Sprintf("w%02d", slot) }
