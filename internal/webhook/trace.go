package webhook

import (
	"context"

	"chasqui/internal/store"
	"chasqui/internal/telemetry"
)

// traced begins the span of an attempt, in the trace of what the event tells
// of. Most deliveries have none.
func (s *Service) traced(ctx context.Context, d store.Due) (context.Context, *telemetry.Span) {
	ctx, span := s.opt.Trace.Follow(ctx, d.Trace, "webhook "+string(d.Event.Type))
	if span != nil {
		telemetry.Note(span, "chasqui.event", d.EventID)
		telemetry.Note(span, "chasqui.endpoint", d.EndpointID)
		telemetry.Note(span, "chasqui.attempt", d.Attempts+1)
	}
	return ctx, span
}

// answered ends the span of an attempt with what came of it.
func answered(span *telemetry.Span, a answer) {
	if span == nil {
		return
	}
	telemetry.Note(span, "http.response.status_code", a.Status)
	if !a.good() {
		span.Fail(string(a.Error))
	}
	span.End()
}
