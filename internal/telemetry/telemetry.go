// Package telemetry is what every package needs to be watched: counters that
// are there before the first event, and spans of a trace. It decides nothing
// and knows nothing of messages.
package telemetry

import "github.com/prometheus/client_golang/prometheus"

// FromZero makes a counter's series for each value of its only label, so that
// they begin at zero: of a series that begins at one, Prometheus' increase()
// does not see the first event, which is the one that matters of those that
// must not happen.
func FromZero[S ~string](v *prometheus.CounterVec, values ...S) *prometheus.CounterVec {
	for _, value := range values {
		v.WithLabelValues(string(value))
	}
	return v
}
