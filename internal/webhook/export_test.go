package webhook

import (
	"net/http"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Circuit is a breaker for tests.
type Circuit struct{ b breaker }

// Note takes in an outcome.
func (c *Circuit) Note(ok bool, now time.Time) bool { return c.b.note(ok, now) }

// State is "closed", "open" or "half-open".
func (c *Circuit) State(now time.Time) string {
	return map[circuit]string{closed: "closed", open: "open", halfOpen: "half-open"}[c.b.state(now)]
}

// RetryAfter reads the header.
func RetryAfter(h http.Header, now time.Time) time.Duration { return retryAfter(h, now) }

// Body makes what an endpoint gets.
func Body(d store.Due, p wa.Payload) ([]byte, error) { return body(d, p) }

// Bodies remembers what it made, as a Dispatcher does.
type Bodies struct{ b bodies }

// Of gives a body, made or remembered.
func (b *Bodies) Of(d store.Due, p wa.Payload) ([]byte, error) { return b.b.of(d, p) }
