package webhook

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
)

var (
	attemptsTotal = telemetry.FromZero(promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_webhook_attempts_total", Help: "Requests to customers' endpoints, by result: ok, or the kind of failure.",
	}, []string{"result"}), "ok", wa.AttemptStatus, wa.AttemptRedirect, wa.AttemptTimeout, wa.AttemptDNS, wa.AttemptConnect, wa.AttemptTLS,
		wa.AttemptForbidden, wa.AttemptProtocol, wa.AttemptUnreadable)
	deliverySeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name: "chasqui_webhook_delivery_seconds", Help: "From the event to the first attempt to deliver it.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
	})
	linesHeld = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_webhook_lines", Help: "Endpoints that this process delivers to at the moment.",
	})
	openCircuits = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_webhook_open_circuits", Help: "Endpoints that fail so often that only a probe goes out now and then. The leader counts.",
	})
	deadDeliveries = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_webhook_dead", Help: "Deliveries of the last three days that were given up. The leader counts.",
	})
)
