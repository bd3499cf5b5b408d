package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say where spans go.
type Options struct {
	Endpoint string  // URL of an OTLP receiver by HTTP, without the path; empty means that nothing is traced
	Ratio    float64 // of requests that bring no decision of their own; 0 to 1
	Program  string  // api, worker or scheduler
	Version  string
	Log      *slog.Logger
}

// Tracer makes spans. The nil Tracer is one that is off: it makes none, and
// costs nothing.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Open prepares a tracer, nil when o names no endpoint. The receiver need not
// be there: what cannot be delivered is dropped, with a line in the log.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	if o.Endpoint == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.Endpoint+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("open traces: %w", err)
	}
	// Named here and not detected: detection would tell of the host and its people.
	about := resource.NewSchemaless(
		attribute.String("service.namespace", "chasqui"), attribute.String("service.name", "chasqui-"+o.Program),
		attribute.String("service.version", o.Version))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.Ratio))))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		o.Log.Warn("spans were not delivered", "error", err)
	}))
	return &Tracer{provider: provider, tracer: provider.Tracer("chasqui")}, nil
}

// flushWithin bounds the delivery of the last spans.
const flushWithin = 3 * time.Second

// Close delivers what is left.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushWithin)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Provider is where libraries get their tracers; nil when tracing is off.
func (t *Tracer) Provider() trace.TracerProvider {
	if t == nil {
		return nil
	}
	return t.provider
}

// Span is something that took time. All of its methods may be called on nil,
// which is the span of a tracer that is off.
type Span struct{ span trace.Span }

// Serve begins the span of a request. The caller's trace goes on if it sent
// the header traceparent.
func (t *Tracer) Serve(ctx context.Context, h http.Header, name string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(h))
	return t.begin(ctx, name, trace.SpanKindServer)
}

// Follow begins a span of the trace that a stored link, as Link gave it, leads
// to. What has none is not traced.
func (t *Tracer) Follow(ctx context.Context, link, name string) (context.Context, *Span) {
	if t == nil || link == "" {
		return ctx, nil
	}
	from := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{header: link}))
	if !from.IsValid() {
		return ctx, nil
	}
	return t.begin(trace.ContextWithRemoteSpanContext(ctx, from), name, trace.SpanKindConsumer)
}

// Within begins a span inside the present one. Where there is none, nothing is
// traced.
func (t *Tracer) Within(ctx context.Context, name string) (context.Context, *Span) {
	if t == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, nil
	}
	return t.begin(ctx, name, trace.SpanKindInternal)
}

func (t *Tracer) begin(ctx context.Context, name string, kind trace.SpanKind) (context.Context, *Span) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind))
	return ctx, &Span{span}
}

// header is the one of W3C Trace Context; a link is its value.
const header = "traceparent"

// Link is what to keep so that Follow finds the present span's trace later; ""
// when there is none or it is not recorded.
func Link(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[header]
}

// TraceID is the present trace's, for the log; "" when there is none.
func TraceID(ctx context.Context) string {
	if sc := trace.SpanContextFromContext(ctx); sc.IsSampled() {
		return sc.TraceID().String()
	}
	return ""
}

// Note adds a fact to a span. Ids, states and counts are facts; who somebody is
// and what was said are not for here.
func Note[T any](s *Span, key string, value T) {
	if s != nil {
		s.span.SetAttributes(attribute.String(key, fmt.Sprint(value)))
	}
}

// Name renames a span when it is known what it is about.
func (s *Span) Name(name string) {
	if s != nil {
		s.span.SetName(name)
	}
}

// Fail marks a span as failed, for a reason of ours.
func (s *Span) Fail(reason string) {
	if s != nil {
		s.span.SetStatus(codes.Error, reason)
	}
}

// End says that it is over.
func (s *Span) End() {
	if s != nil {
		s.span.End()
	}
}
