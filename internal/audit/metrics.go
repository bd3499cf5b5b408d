package audit

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"chasqui/internal/telemetry"
)

var (
	brokenLogs = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_audit_broken_logs", Help: "Audit logs that do not fit together, of those that grew lately. Must be 0. The leader counts.",
	})
	lastAnchored = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_audit_last_anchor_timestamp_seconds", Help: "When the newest anchor of the audit logs was made. The leader tells.",
	})
	wholeBroken = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_audit_whole_broken_logs",
		Help: "Audit logs that the nightly round over all lines found broken, until a round finds them whole. Must be 0. The leader tells.",
	})
	lastWhole = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_audit_last_whole_timestamp_seconds",
		Help: "When a round over all lines of all audit logs last ended; before the first did, when that began. The leader tells.",
	})
	alertsTotal = telemetry.FromZero(promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_security_alerts_total", Help: "Alerts of suspicious activity, by kind.",
	}, []string{"kind"}), kinds()...)
)
