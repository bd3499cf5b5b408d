package api

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"chasqui/internal/wa"
)

// Turns are counted anew this often, and an org that asked this recently is
// somebody to leave room for.
const (
	countTurns = 100 * time.Millisecond
	lately     = time.Second
)

// turns shares what this process can do among the orgs that ask at the same
// time: each has an equal part of the work that is done at once, and the rest of
// its own waits in its own line. An org that asks alone is not held back: company
// is what it has to leave room for.
type turns struct {
	atOnce int // work done at once while several orgs ask; 0 is no bound

	mu      sync.Mutex
	of      map[wa.OrgID]*queue
	part    int // of each org
	counted time.Time
}

// queue is one org's work.
type queue struct {
	working int
	waiting []*turn
	seen    time.Time
}

// turn is a piece of work that waits.
type turn struct {
	work int
	come chan struct{} // closed when it is its turn
}

// How much work things are. Single messages are little, because those that come
// at once are taken in together; a processor does turnsEach of them at once.
const (
	lightWork = 1
	usualWork = 4
	turnsEach = 4
)

// usualTurns is how much is done at once while several orgs ask.
func usualTurns() int { return turnsEach * runtime.GOMAXPROCS(0) }

var turnSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
	Name: "chasqui_http_turn_seconds", Help: "How long requests waited because their organisation had its part of the process already.",
	Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
})

// light are the operations that are little work.
var light = map[string]bool{"POST " + v1 + "/clients/{client}/messages": true}

func workOf(operation string) int {
	if light[operation] {
		return lightWork
	}
	return usualWork
}

// take waits for an org's turn; whoever took one ends it, with the same work. It
// fails when ctx ends first.
func (t *turns) take(ctx context.Context, org wa.OrgID, work int) error {
	turn := t.join(org, work)
	if turn == nil {
		return nil
	}
	defer func(began time.Time) { turnSeconds.Observe(time.Since(began).Seconds()) }(time.Now())
	select {
	case <-turn.come:
		return nil
	case <-ctx.Done():
		t.leave(org, turn)
		return context.Cause(ctx)
	}
}

// join takes a turn at once, with nil, or gets in line for one.
func (t *turns) join(org wa.OrgID, work int) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.of[org]
	if q == nil {
		q = &queue{}
		t.of[org] = q
		t.counted = time.Time{} // company that is new is left room for at once
	}
	q.seen = time.Now()
	t.count(q.seen)
	if len(q.waiting) == 0 && q.room(work, t.part) {
		q.working += work
		return nil
	}
	waits := &turn{work, make(chan struct{})}
	q.waiting = append(q.waiting, waits)
	return waits
}

// room reports whether a piece of work fits; one always does.
func (q *queue) room(work, part int) bool { return q.working == 0 || q.working+work <= part }

// leave gets out of line; a turn that came at this very moment is ended.
func (t *turns) leave(org wa.OrgID, who *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.of[org]
	if at := slices.Index(q.waiting, who); at >= 0 {
		q.waiting = slices.Delete(q.waiting, at, at+1)
		who.work = 0
	}
	t.done(q, who.work)
}

// end gives a turn back.
func (t *turns) end(org wa.OrgID, work int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done(t.of[org], work)
}

// done lets those who have waited longest begin.
func (t *turns) done(q *queue, work int) {
	q.working -= work
	t.count(time.Now())
	for len(q.waiting) > 0 && q.room(q.waiting[0].work, t.part) {
		q.working += q.waiting[0].work
		close(q.waiting[0].come)
		q.waiting = q.waiting[1:]
	}
}

// count finds out, now and then, how many orgs ask, and forgets those that have
// gone. Whoever waits is not forgotten, also when nobody of the org works just now.
func (t *turns) count(now time.Time) {
	if now.Sub(t.counted) < countTurns {
		return
	}
	t.counted = now
	for org, q := range t.of {
		if q.working == 0 && len(q.waiting) == 0 && now.Sub(q.seen) > lately {
			delete(t.of, org)
		}
	}
	t.part = math.MaxInt
	if t.atOnce > 0 && len(t.of) > 1 {
		t.part = t.atOnce / len(t.of)
	}
}

// inTurn does one piece of work of an answer that is held, such as a page of an
// export.
func (a *api) inTurn(ctx context.Context, org wa.OrgID, work func() error) error {
	if err := a.under.turns.take(ctx, org, usualWork); err != nil {
		return err
	}
	defer a.under.turns.end(org, usualWork)
	return work()
}
