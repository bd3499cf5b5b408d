package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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

// sightChanged tells listeners that what they may see is not what it was: no
// other event may follow from that, so they read again what they show. It has no id.
const sightChanged = "sight.changed"

// seeAlike reports whether two views show the same.
func seeAlike(a, b wa.View) bool {
	return a.Limited == b.Limited && a.Chats == b.Chats && len(a.Clients) == len(b.Clients) &&
		!slices.ContainsFunc(a.Clients, func(c wa.ClientID) bool { return !slices.Contains(b.Clients, c) })
}

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
// stream is over, the caller goes or may not listen any more, or the server
// closes. step is told who the caller is now: what they see may have changed.
func (a *api) keep(ctx context.Context, s *stream, need wa.Permission, woken func() <-chan struct{}, step func(by wa.Actor) (over bool, err error)) {
	by := actorOf(ctx)
	heartbeat, again := time.NewTicker(heartbeatEvery), time.NewTicker(askAgainEvery)
	defer heartbeat.Stop()
	defer again.Stop()
	for {
		next := woken()
		if over, err := step(by); over || err != nil {
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
				now, in := by, false
				_ = a.inTurn(ctx, by.Org, func() error { now, in = a.stillIn(ctx, need); return nil }) // or the caller has gone
				if !in || (!seeAlike(by.View(need), now.View(need)) && s.send("", sightChanged, struct{}{}) != nil) {
					return
				}
				by = now
			case <-a.Closing:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}
