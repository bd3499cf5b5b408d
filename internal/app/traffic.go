package app

import (
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"chasqui/internal/wa"
)

// trafficSpan is over how long an api's traffic is averaged.
const trafficSpan = time.Minute

// unasked are the routes that supervisors ask, and nobody else.
var unasked = []string{"/health", "/livez", "/readyz"} //nolint:gochecknoglobals // a constant in all but kind

// reading is what an api's counters said at a moment; they only rise.
type reading struct {
	at                                             time.Time
	requests, errors, limited, authFailures, timed float64
	within                                         map[float64]float64 // by seconds
}

// trafficMeter makes rates of counters that only rise.
type trafficMeter struct {
	from     prometheus.Gatherer
	readings []reading // oldest first, within trafficSpan
}

// read gives the traffic since the oldest reading that is kept; nil when this is
// the first one.
func (m *trafficMeter) read(now time.Time) *wa.Traffic {
	families, err := m.from.Gather()
	if err != nil && len(families) == 0 {
		return nil
	}
	latest := readTraffic(families)
	latest.at = now
	m.readings = slices.DeleteFunc(m.readings, func(r reading) bool { return now.Sub(r.at) > trafficSpan })
	m.readings = append(m.readings, latest)
	if len(m.readings) < 2 {
		return nil
	}
	return latest.since(m.readings[0])
}

func (r reading) since(before reading) *wa.Traffic {
	t := &wa.Traffic{
		Seconds: r.at.Sub(before.at).Seconds(), Requests: r.requests - before.requests, Errors: r.errors - before.errors,
		Limited: r.limited - before.limited, AuthFailures: r.authFailures - before.authFailures, Timed: r.timed - before.timed,
	}
	for _, seconds := range slices.Sorted(maps.Keys(r.within)) {
		t.Within = append(t.Within, wa.Within{Seconds: seconds, Count: r.within[seconds] - before.within[seconds]})
	}
	return t
}

func readTraffic(families []*dto.MetricFamily) reading {
	r := reading{within: map[float64]float64{}}
	for _, f := range families {
		switch f.GetName() {
		case "chasqui_http_requests_total":
			for _, m := range f.GetMetric() {
				r.addRequests(m)
			}
		case "chasqui_http_request_seconds":
			for _, m := range f.GetMetric() {
				r.addTimes(m)
			}
		case "chasqui_rate_limited_total":
			for _, m := range f.GetMetric() {
				r.limited += m.GetCounter().GetValue()
			}
		}
	}
	return r
}

func (r *reading) addRequests(m *dto.Metric) {
	if slices.Contains(unasked, label(m, "route")) {
		return
	}
	n := m.GetCounter().GetValue()
	r.requests += n
	switch status, _ := strconv.Atoi(label(m, "code")); { // a status that is none is none of these
	case status >= http.StatusInternalServerError:
		r.errors += n
	case status == http.StatusUnauthorized:
		r.authFailures += n
	}
}

func (r *reading) addTimes(m *dto.Metric) {
	if slices.Contains(unasked, label(m, "route")) {
		return
	}
	h := m.GetHistogram()
	r.timed += float64(h.GetSampleCount())
	for _, b := range h.GetBucket() {
		if !math.IsInf(b.GetUpperBound(), 1) {
			r.within[b.GetUpperBound()] += float64(b.GetCumulativeCount())
		}
	}
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// online counts the numbers that this worker has online.
func online(from prometheus.Gatherer) *int {
	families, err := from.Gather()
	if err != nil && len(families) == 0 {
		return nil
	}
	n := 0
	for _, f := range families {
		if f.GetName() != "chasqui_sessions" {
			continue
		}
		for _, m := range f.GetMetric() {
			if wa.ClientStatus(label(m, "status")).Online() {
				n += int(m.GetGauge().GetValue())
			}
		}
	}
	return &n
}
