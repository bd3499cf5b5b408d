package app

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"

	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
)

// NewLog makes the log of a program: JSON for machines or short lines for
// people, with what the context knows (org, client, message, job, request, trace).
func NewLog(w io.Writer, c Config) *slog.Logger {
	var h slog.Handler = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: c.LogLevel})
	if c.LogFormat == "text" {
		h = tint.NewTextHandler(w, &tint.Options{Level: c.LogLevel, TimeFormat: time.TimeOnly, NoColor: !coloured(w)})
	}
	return slog.New(contextHandler{h})
}

// coloured follows the usual conventions: NO_COLOR wins, CLICOLOR_FORCE is how
// a parent says that its own output is a terminal.
func coloured(w io.Writer) bool {
	if os.Getenv("NO_COLOR") != "" {
		return false
	}
	if os.Getenv("CLICOLOR_FORCE") == "1" {
		return true
	}
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// contextHandler adds the attributes that wa.WithLog put into the context, and
// the trace that the line belongs to.
type contextHandler struct{ slog.Handler }

// Handle writes a line.
func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	r.AddAttrs(wa.LogAttrs(ctx)...)
	if id := telemetry.TraceID(ctx); id != "" {
		r.AddAttrs(slog.String("trace_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the context's attributes coming.
func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the context's attributes coming.
func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
