package app

import (
	"context"
	"strconv"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// measure shows how long messages wait.
func (s *scheduler) measure(ctx context.Context) error {
	var ages map[store.Waiting]time.Duration
	err := s.k.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		ages, err = tx.OldestQueued(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, lane := range wa.Lanes() {
		for _, connected := range []bool{true, false} {
			age := ages[store.Waiting{Lane: lane, Connected: connected}]
			oldestQueued.WithLabelValues(lane.String(), strconv.FormatBool(connected)).Set(age.Seconds())
		}
	}
	return nil
}

// countFigures keeps what charts are drawn from, and shows how far behind it is.
func (s *scheduler) countFigures(ctx context.Context) error {
	behind, err := s.k.Messages.CountFigures(ctx)
	if err == nil {
		figuresBehind.Set(behind.Seconds())
	}
	return err
}

// mostCounted bounds how many rows of the lines are counted.
const mostCounted = 1_000_000

// figures are what only the database knows of the whole platform.
type figures struct {
	clients     map[store.ClientGroup]int
	lanes       map[wa.Lane]int
	unconfirmed int
	hooks       store.HookBacklog
	halts       map[wa.HaltScope]int
	bytes       int64
}

// measurePlatform shows how numbers, lines and webhooks stand, over all workers.
func (s *scheduler) measurePlatform(ctx context.Context) error {
	var f figures
	err := s.k.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		f, err = readFigures(ctx, tx)
		return err
	})
	if err != nil || !s.leader.leads() {
		return err
	}
	f.show()
	return nil
}

func readFigures(ctx context.Context, tx *store.Tx) (f figures, err error) {
	if f.clients, err = tx.CountClients(ctx); err != nil {
		return f, err
	}
	if f.lanes, f.unconfirmed, err = tx.CountWaiting(ctx, mostCounted); err != nil {
		return f, err
	}
	if f.hooks, err = tx.HookBacklog(ctx); err != nil {
		return f, err
	}
	all, err := tx.Halts(ctx)
	if err != nil {
		return f, err
	}
	f.halts = map[wa.HaltScope]int{}
	for _, h := range all {
		f.halts[h.Scope]++
	}
	f.bytes, err = tx.Size(ctx)
	return f, err
}

// show sets every series, also those that are zero: an alert cannot tell what
// is missing from what is well.
func (f figures) show() {
	for _, status := range wa.ClientStatuses() {
		for _, wanted := range []bool{true, false} {
			n := f.clients[store.ClientGroup{Status: status, Wanted: wanted}]
			clientsByStatus.WithLabelValues(string(status), strconv.FormatBool(wanted)).Set(float64(n))
		}
	}
	for _, lane := range wa.Lanes() {
		messagesQueued.WithLabelValues(lane.String()).Set(float64(f.lanes[lane]))
	}
	for _, scope := range wa.HaltScopes() {
		haltsInForce.WithLabelValues(string(scope)).Set(float64(f.halts[scope]))
	}
	messagesUnconfirmed.Set(float64(f.unconfirmed))
	databaseBytes.Set(float64(f.bytes))
	hooksLate.Set(f.hooks.Late.Seconds())
	for state, n := range map[string]int{"enabled": f.hooks.Enabled, "failing": f.hooks.Failing, "disabled": f.hooks.Disabled} {
		hookEndpoints.WithLabelValues(state).Set(float64(n))
	}
}

// forgetFigures takes back what only a leader may claim to know. What another
// one says would stand beside it.
func forgetFigures() {
	for _, v := range []interface{ Reset() }{oldestQueued, clientsByStatus, messagesQueued, hookEndpoints, haltsInForce} {
		v.Reset()
	}
	for _, g := range []interface{ Set(float64) }{clientsUnowned, messagesUnconfirmed, databaseBytes, hooksLate, messagesStuck, figuresBehind} {
		g.Set(0)
	}
}
