package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"chasqui/internal/wa"
)

const noteTicket = "ticket"

// underWay counts what is under way of each org in this process, so that one
// org's slow requests do not take all connections to the database.
type underWay struct {
	requests, streams int // the most at once; 0 is no bound
	turns             turns

	mu sync.Mutex
	of map[wa.OrgID]*orgWay
}

type orgWay struct{ requests, streams int }

// enter counts a request in; false: too many are under way.
func (u *underWay) enter(org wa.OrgID) (*ticket, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	w := u.of[org]
	if w == nil {
		w = &orgWay{}
		u.of[org] = w
	}
	if u.requests > 0 && w.requests >= u.requests {
		return nil, false
	}
	w.requests++
	return &ticket{all: u, org: org}, true
}

// hold turns a request into one that is held on purpose; false: too many are.
func (t *ticket) hold() bool {
	u := t.all
	u.mu.Lock()
	defer u.mu.Unlock()
	w := u.of[t.org]
	if t.held || w == nil {
		return true
	}
	if u.streams > 0 && w.streams >= u.streams {
		return false
	}
	w.requests--
	w.streams++
	t.held = true
	t.rest()
	return true
}

// leave counts the request out.
func (t *ticket) leave() {
	defer t.rest()
	u := t.all
	u.mu.Lock()
	defer u.mu.Unlock()
	w := u.of[t.org]
	if w == nil {
		return
	}
	if t.held {
		w.streams--
	} else {
		w.requests--
	}
	if *w == (orgWay{}) {
		delete(u.of, t.org)
	}
}

// holds counts the request as one whose answer is held on purpose.
func holds(ctx context.Context) error {
	who, ok := ctx.Value(callerKey{}).(caller)
	if !ok {
		return nil
	}
	v, _ := who.gin.Get(noteTicket)
	if t, ok := v.(*ticket); ok && !t.hold() {
		return crowded("streams and held answers")
	}
	return nil
}

func crowded(what string) *Problem {
	p := problemOf(http.StatusTooManyRequests, "your organisation has too many "+what+" under way at once")
	p.retryAfter, p.Retryable = time.Second, true
	return p
}
