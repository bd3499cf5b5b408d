package telemetry_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"chasqui/internal/telemetry"
)

// What is off costs nothing.
func TestOffAllocatesNothing(t *testing.T) {
	tracer, err := telemetry.Open(t.Context(), telemetry.Options{})
	if err != nil || tracer != nil {
		t.Fatalf("without an endpoint it opens %v, %v", tracer, err)
	}
	h := http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}
	ctx := t.Context()
	n := testing.AllocsPerRun(100, func() {
		ctx, span := tracer.Serve(ctx, h, "request")
		ctx, inner := tracer.Follow(ctx, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "send")
		telemetry.Note(inner, "n", 12345)
		inner.Fail("no")
		inner.Name("other")
		inner.End()
		span.End()
		if telemetry.Link(ctx) != "" || telemetry.TraceID(ctx) != "" {
			t.Error("there is a trace")
		}
	})
	if n > 0 {
		t.Errorf("it allocates %g times", n)
	}
	if tracer.Provider() != nil || tracer.Close() != nil {
		t.Error("it has a provider, or cannot be closed")
	}
}

func open(t *testing.T, ratio float64) *telemetry.Tracer {
	t.Helper()
	tracer, err := telemetry.Open(t.Context(), telemetry.Options{
		Endpoint: "http://127.0.0.1:1", Ratio: ratio, Program: "test", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracer.Close() }) // nobody is there to take the spans
	return tracer
}

func TestALinkLeadsBack(t *testing.T) {
	t.Parallel()
	tracer := open(t, 1)
	ctx, span := tracer.Serve(t.Context(), http.Header{}, "request")
	defer span.End()
	link, id := telemetry.Link(ctx), telemetry.TraceID(ctx)
	if id == "" || !strings.Contains(link, id) {
		t.Fatalf("the trace %q has the link %q", id, link)
	}
	later, send := tracer.Follow(context.Background(), link, "send")
	defer send.End()
	if telemetry.TraceID(later) != id || telemetry.Link(later) == link {
		t.Errorf("it leads to %s, from %s", telemetry.Link(later), link)
	}
	if _, span := tracer.Follow(t.Context(), "", "send"); span != nil {
		t.Error("what is not traced gets a span")
	}
	if _, span := tracer.Follow(t.Context(), "nonsense", "send"); span != nil {
		t.Error("nonsense leads somewhere")
	}
}

// The caller's decision counts before our ratio.
func TestSampling(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ratio  float64
		parent string
		traced bool
	}{
		{0, "", false},
		{1, "", true},
		{0, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
		{1, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", false},
	} {
		h := http.Header{}
		if tt.parent != "" {
			h.Set("traceparent", tt.parent)
		}
		ctx, span := open(t, tt.ratio).Serve(t.Context(), h, "request")
		span.End()
		if got := telemetry.Link(ctx) != ""; got != tt.traced {
			t.Errorf("ratio %g, parent %q: traced %t", tt.ratio, tt.parent, got)
		}
	}
}

func TestFromZero(t *testing.T) {
	t.Parallel()
	r := prometheus.NewRegistry()
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "n_total"}, []string{"kind"})
	r.MustRegister(telemetry.FromZero(v, "a", "b"))
	all, err := r.Gather()
	if err != nil || len(all) != 1 || len(all[0].GetMetric()) != 2 {
		t.Errorf("gathered %v, %v", all, err)
	}
}
