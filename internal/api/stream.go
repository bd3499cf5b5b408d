package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"chasqui/internal/wa"
)

const (
	heartbeatEvery = 15 * time.Second
	askAgainEvery  = 5 * time.Second
	writeWithin    = 10 * time.Second
)

// stream is one open text/event-stream answer.
type stream struct {
	w        http.ResponseWriter
	deadline *http.ResponseController
}

// open begins the answer: from here on, only events and comments follow.
func (a *api) open(ctx huma.Context) *stream {
	c := humagin.Unwrap(ctx)
	c.Set(noteWaited, true)
	h := c.Writer.Header()
	h.Set("Content-Type", mediaStream)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events back
	c.Writer.WriteHeader(http.StatusOK)
	return &stream{w: c.Writer, deadline: http.NewResponseController(c.Writer)}
}

// send writes one event and pushes it out.
func (s *stream) send(id, event string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	var b bytes.Buffer
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + event + "\ndata: ")
	b.Write(raw)
	b.WriteString("\n\n")
	return s.push(b.Bytes())
}

// comment writes what listeners ignore; it tells a dead line from a quiet one.
func (s *stream) comment(text string) error { return s.push([]byte(": " + text + "\n\n")) }

// push writes within a deadline of its own: the server's is for whole answers,
// and a stream has no end. Between writes there is none, because HTTP/2 ends a
// stream whose deadline passes even when nothing is written.
func (s *stream) push(b []byte) error {
	if err := s.deadline.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return fmt.Errorf("move write deadline: %w", err)
	}
	if _, err := s.w.Write(b); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := s.deadline.Flush(); err != nil {
		return fmt.Errorf("push event out: %w", err)
	}
	return s.deadline.SetWriteDeadline(time.Time{})
}

// keep runs step whenever woken, or a heartbeat, until step says that the
// stream is over, the caller goes or loses its key, or the server closes.
func (a *api) keep(ctx context.Context, s *stream, need wa.Permission, woken func() <-chan struct{}, step func() (over bool, err error)) {
	heartbeat, again := time.NewTicker(heartbeatEvery), time.NewTicker(askAgainEvery)
	defer heartbeat.Stop()
	defer again.Stop()
	for {
		next := woken()
		if over, err := step(); over || err != nil {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-next:
				waiting = false
			case <-heartbeat.C:
				if s.comment("still here") != nil {
					return
				}
			case <-again.C:
				if !a.stillIn(ctx, need) {
					return
				}
			case <-a.Closing:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}
