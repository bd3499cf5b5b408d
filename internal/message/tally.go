package message

import (
	"context"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// How long a count of a line is good for. Counting costs in proportion to what
// is counted, and a place in a long line is an estimate anyway.
const (
	shortLine   = 20
	freshShort  = 50 * time.Millisecond
	freshLong   = time.Second
	drainEvery  = time.Second // a drain ticket for each client, at most
	linesToKeep = 10_000
)

// tallies remember how full the clients' lines were a moment ago.
type tallies struct {
	mu sync.Mutex
	of map[wa.ClientID]tally
}

type tally struct {
	count   store.LineCount
	counted time.Time
	drained time.Time
}

func (t tally) fresh(now time.Time) bool {
	good := freshLong
	if t.count.Waiting+t.count.Bulk < shortLine {
		good = freshShort
	}
	return now.Sub(t.counted) < good && !now.Before(t.counted)
}

// counts gives the lines of clients that are to take up to more messages each,
// counting those that are not fresh, or so full that the count decides.
func (l *tallies) counts(ctx context.Context, tx *store.Tx, org wa.OrgID, ids []wa.ClientID, more int, now time.Time) (map[wa.ClientID]store.LineCount, error) {
	known, stale := l.remembered(ids, more, now)
	if len(stale) == 0 {
		return known, nil
	}
	found, err := tx.LineCounts(ctx, org, stale, MaxWaiting+1, MaxWaitingBulk+1)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.of) > linesToKeep {
		clear(l.of)
	}
	for id, n := range found {
		known[id] = n
		l.of[id] = tally{count: n, counted: now, drained: l.of[id].drained}
	}
	return known, nil
}

func (l *tallies) remembered(ids []wa.ClientID, more int, now time.Time) (known map[wa.ClientID]store.LineCount, stale []wa.ClientID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known = make(map[wa.ClientID]store.LineCount, len(ids))
	for _, id := range ids {
		if of, ok := l.of[id]; ok && of.fresh(now) && of.count.Waiting+more <= MaxWaiting && of.count.Bulk+more <= MaxWaitingBulk {
			known[id] = of.count
		} else {
			stale = append(stale, id)
		}
	}
	return known, stale
}

// grown notes what was accepted since a line was counted.
func (l *tallies) grown(id wa.ClientID, by store.LineCount) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if of, ok := l.of[id]; ok {
		of.count.Waiting += by.Waiting
		of.count.Bulk += by.Bulk
		l.of[id] = of
	}
}

// drain reports whether it is time for another drain ticket.
func (l *tallies) drain(id wa.ClientID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of[id]
	if now.Sub(of.drained) < drainEvery && !now.Before(of.drained) {
		return false
	}
	of.drained = now
	l.of[id] = of
	return true
}
