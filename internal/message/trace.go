package message

import (
	"context"
	"errors"

	"chasqui/internal/provider"
	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
)

// traced begins a span in a message's own trace. What follows from it, such as
// events, is told under the span: the message carries it on. A message that is
// not traced gets none.
func (s *Service) traced(ctx context.Context, m *wa.Message, name string) (context.Context, *telemetry.Span) {
	ctx, span := s.opt.Trace.Follow(ctx, m.Trace, name)
	if span != nil {
		m.Trace = telemetry.Link(ctx)
		telemetry.Note(span, "chasqui.message", m.ID)
		telemetry.Note(span, "chasqui.client", m.ClientID)
	}
	return ctx, span
}

// failureOf is a failed sending's code: what the network said may name people.
func failureOf(err error) string {
	var f *provider.Failure
	if errors.As(err, &f) {
		return string(f.Code)
	}
	return string(wa.FailInternal)
}
