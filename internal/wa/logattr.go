package wa

import (
	"context"
	"log/slog"
)

type logKey struct{}

// WithLog gives a context whose log lines carry attrs: org, client, message,
// job or request. Nothing but the log may read them.
func WithLog(ctx context.Context, attrs ...slog.Attr) context.Context {
	before := LogAttrs(ctx)
	return context.WithValue(ctx, logKey{}, append(before[:len(before):len(before)], attrs...))
}

// LogAttrs gives what WithLog put in.
func LogAttrs(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(logKey{}).([]slog.Attr)
	return attrs
}
