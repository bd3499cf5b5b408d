package api_test

import (
	"net/http"
	"testing"
	"time"

	"chasqui/internal/api"
	"chasqui/internal/wa"
)

// Who asks for too much waits for the answer that says so; who asks within the
// limit does not.
func TestRefusalsLinger(t *testing.T) {
	t.Parallel()
	const linger = 300 * time.Millisecond
	w := limited(t, api.Limits{Caller: wa.Rate{Count: 1, Per: time.Hour}, Linger: linger})
	me := call{method: "GET", path: "/api/v1/event-types", key: w.admin}
	if r := w.do(t, me); r.status != http.StatusOK {
		t.Fatalf("within the limit: %d %s", r.status, r.body)
	}
	began := time.Now()
	r := w.do(t, me)
	if took := time.Since(began); r.status != http.StatusTooManyRequests || took < linger {
		t.Errorf("beyond the limit: %d after %s", r.status, took)
	}
	checkTooMany(t, r)
}

// When the server closes nobody is held back any more.
func TestLingeringEndsWithTheServer(t *testing.T) {
	t.Parallel()
	closing := make(chan struct{})
	close(closing)
	w := limited(t, api.Limits{Caller: wa.Rate{Count: 1, Per: time.Hour}, Linger: time.Hour}, closingWith(closing))
	me := call{method: "GET", path: "/api/v1/event-types", key: w.admin}
	if got, _ := w.times(t, 2, me); got[http.StatusTooManyRequests] != 1 {
		t.Errorf("answered with %v", got)
	}
}
