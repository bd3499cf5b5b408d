package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// vitalsSpan is over how long Postgres' counters are averaged.
const vitalsSpan = time.Minute

// vitals keeps what Postgres counted lately, because it tells only sums.
type vitals struct {
	k *Kit

	mu    sync.Mutex
	taken []vital // oldest first, within vitalsSpan
}

// vital is what Postgres said at a moment.
type vital struct {
	store.Vitals
	counted    bool // it counts statements
	statements int64
	took       time.Duration
}

// part takes a sample every few seconds.
func (v *vitals) part() Part {
	return Part{Name: "vitals", Run: func(ctx context.Context) error {
		tick := time.NewTicker(pulseEvery)
		defer tick.Stop()
		for {
			v.sample(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
	}}
}

// sample reads Postgres' figures. One that does not answer leaves a gap.
func (v *vitals) sample(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, pulseEvery/2)
	defer cancel()
	var s vital
	err := v.k.DB.InTx(within, func(tx *store.Tx) (err error) {
		s.Vitals, err = tx.Vitals(within)
		return err
	})
	if err != nil {
		return
	}
	// On its own: where this may not be read, it takes its transaction with it.
	err = v.k.DB.InTx(within, func(tx *store.Tx) (err error) {
		s.statements, s.took, err = tx.Statements(within)
		return err
	})
	s.counted = err == nil
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taken = slices.DeleteFunc(v.taken, func(old vital) bool { return s.At.Sub(old.At) > vitalsSpan })
	v.taken = append(v.taken, s)
}

// Database tells how Postgres does.
func (v *vitals) Database() wa.DatabaseFigures {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.taken) == 0 {
		return wa.DatabaseFigures{Counted: "transactions"}
	}
	first, last := v.taken[0], v.taken[len(v.taken)-1]
	f := last.since(first)
	if time.Since(last.At) <= vitalsSpan {
		f.Connections, f.MaxConnections = &last.Connections, &last.MaxConnections
	}
	f.SizeBytes = &last.Bytes
	return f
}

// since makes rates of sums. Sums that fell were begun anew.
func (s vital) since(before vital) wa.DatabaseFigures {
	n, took := s.Transactions-before.Transactions, s.Busy-before.Busy
	f := wa.DatabaseFigures{Counted: "transactions"}
	if s.counted && before.counted {
		n, took, f.Counted = s.statements-before.statements, s.took-before.took, "statements"
	}
	span := s.At.Sub(before.At).Seconds()
	if span <= 0 || n < 0 || took < 0 {
		return f
	}
	rate := float64(n) / span
	f.QueriesPerSecond = &rate
	if n > 0 {
		ms := took.Seconds() * 1000 / float64(n)
		f.MeanMS = &ms
	}
	if hits, reads := s.Hits-before.Hits, s.Reads-before.Reads; hits >= 0 && reads >= 0 && hits+reads > 0 {
		share := float64(hits) / float64(hits+reads)
		f.CacheHit = &share
	}
	return f
}
