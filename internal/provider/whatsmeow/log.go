package whatsmeow

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"

	waBinary "go.mau.fi/whatsmeow/binary"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// libraryLog passes the library's lines to slog without what they must not
// hold: stanzas shrink to their tag and long numbers to their last four digits.
type libraryLog struct {
	log   *slog.Logger
	debug bool
}

func newLog(log *slog.Logger, debug bool) waLog.Logger {
	return libraryLog{log: log, debug: debug}
}

// Debugf is silent unless debugging was asked for.
func (l libraryLog) Debugf(format string, args ...any) {
	if l.debug {
		l.write(slog.LevelDebug, format, args)
	}
}

// Infof writes at debug level: the library's milestones are events to us.
func (l libraryLog) Infof(format string, args ...any) { l.write(slog.LevelDebug, format, args) }

// Warnf writes a warning.
func (l libraryLog) Warnf(format string, args ...any) { l.write(slog.LevelWarn, format, args) }

// Errorf writes a warning too: what it means for the product is told as an
// update, which decides whether anybody must act.
func (l libraryLog) Errorf(format string, args ...any) { l.write(slog.LevelWarn, format, args) }

// Sub names a part of the library.
func (l libraryLog) Sub(module string) waLog.Logger {
	return libraryLog{log: l.log.With("part", module), debug: l.debug}
}

func (l libraryLog) write(level slog.Level, format string, args []any) {
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	for i, arg := range args {
		if node, ok := arg.(*waBinary.Node); ok && node != nil {
			args[i] = "<" + node.Tag + ">"
		}
	}
	l.log.Log(ctx, level, "the library says", "text", scrub(fmt.Sprintf(format, args...)))
}

const maxLogLine = 1000

var longNumber = regexp.MustCompile(`[0-9]{3,}([0-9]{4})`)

// scrub masks phone numbers and other long numbers, and cuts.
func scrub(s string) string {
	if len(s) > maxLogLine {
		s = s[:maxLogLine] + "…"
	}
	return longNumber.ReplaceAllString(s, "…$1")
}

// scrubbed is an error whose text is safe to log.
type scrubbed struct{ error }

// Error is the masked text.
func (e scrubbed) Error() string { return scrub(e.error.Error()) }

// Unwrap gives the error itself.
func (e scrubbed) Unwrap() error { return e.error }
