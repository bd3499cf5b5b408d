package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"chasqui/internal/wa"
)

// ErrPaced ends the run of a ticket whose message waits for its turn. It is no
// failure: the ticket comes back at Until, and operators read the rest.
type ErrPaced struct {
	Until time.Time
	Next  time.Time // when the client's next message leaves; zero when nobody knows
	Why   wa.Wait
	Text  string // goes first, such as "1,204 left"; may be empty
}

// Error reads "1,204 left; next 12:03:07; hour_cap".
func (e *ErrPaced) Error() string {
	var parts []string
	if e.Text != "" {
		parts = append(parts, e.Text)
	}
	if !e.Next.IsZero() {
		parts = append(parts, "next "+e.Next.UTC().Format(time.TimeOnly))
	}
	if e.Why != wa.NoWait {
		parts = append(parts, string(e.Why))
	}
	if len(parts) == 0 {
		return "in line"
	}
	return strings.Join(parts, "; ")
}

// ErrNotReady ends the run of a ticket that cannot be judged now, because
// Postgres is away for instance. It is no failure either.
type ErrNotReady struct{ Err error }

// Error says what was missing.
func (e *ErrNotReady) Error() string { return "not ready: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ErrNotReady) Unwrap() error { return e.Err }

const (
	notReadyDelay = 5 * time.Second
	firstDelay    = 2 * time.Second
	longestDelay  = 5 * time.Minute
)

// isFailure tells asynq which errors use up a task's tries. A worker that died
// or stopped has not failed at anything.
func isFailure(err error) bool {
	var paced *ErrPaced
	var notReady *ErrNotReady
	switch {
	case errors.As(err, &paced), errors.As(err, &notReady),
		errors.Is(err, asynq.ErrLeaseExpired), errors.Is(err, context.Canceled):
		return false
	}
	return true
}

// retryDelay tells asynq when a task comes back after its n-th failure.
func retryDelay(n int, err error, _ *asynq.Task) time.Duration {
	var paced *ErrPaced
	var notReady *ErrNotReady
	switch {
	case errors.As(err, &paced):
		return max(0, time.Until(paced.Until))
	case errors.As(err, &notReady):
		return notReadyDelay
	case errors.Is(err, asynq.ErrLeaseExpired), errors.Is(err, context.Canceled):
		return 0
	}
	delay := min(firstDelay<<min(n, 20), longestDelay)
	return time.Duration(float64(delay) * (0.8 + 0.4*rand.Float64()))
}

// never archives a ticket: the operator sees code in asynq's archive.
func never(code string) error { return fmt.Errorf("%s: %w", code, asynq.SkipRetry) }
