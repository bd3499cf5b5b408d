package message_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"chasqui/internal/wa"
)

// How full a window was is measured when a message starts, itself included, and
// a full one is exactly 1.
func TestUseOfTheLimitsIsMeasured(t *testing.T) {
	t.Parallel()
	opt, limits := paced(wa.Limits{Enabled: true, PerMinute: 2, PerHour: 1000, PerDay: 10000})
	w := newWorld(t, opt)
	w.limit(limits)
	before := minuteUse(t)
	last := wa.MessageID{}
	for i := range 4 {
		last = w.send(i, "hello", wa.Normal)
	}
	w.deliver()
	w.await(last, wa.Sent)
	after := minuteUse(t)
	if n := after.GetSampleCount() - before.GetSampleCount(); n < 4 {
		t.Errorf("%d of 4 messages were measured", n)
	}
	var full, half uint64
	for i, b := range after.GetBucket() {
		n := b.GetCumulativeCount()
		if len(before.GetBucket()) > 0 {
			n -= before.GetBucket()[i].GetCumulativeCount()
		}
		switch b.GetUpperBound() {
		case .5:
			half = n
		case 1:
			full = n
		}
	}
	if n := after.GetSampleCount() - before.GetSampleCount(); full != n || half == 0 || half == full {
		t.Errorf("of %d messages %d are within the limit and %d within half of it", n, full, half)
	}
}

func minuteUse(t *testing.T) *dto.Histogram {
	t.Helper()
	all, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.GetMetric() {
			if f.GetName() == "chasqui_window_used_ratio" && m.GetLabel()[0].GetValue() == "minute" {
				return m.GetHistogram()
			}
		}
	}
	return &dto.Histogram{} // nothing was sent so far
}
