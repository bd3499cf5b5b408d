package bench_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"chasqui/internal/whatsim"
)

// gate is how many numbers of a worker connect at once unless told otherwise.
const gate = 10

// measureReconnect kills the simulator, starts it again on the same ports with
// what it had saved, and watches the numbers come back through the usual gate.
func measureReconnect(ctx context.Context, b *bench) error {
	n := size(8, 100, 500)
	s, err := b.sendStage(ctx, n, nil, "")
	if err != nil {
		return err
	}
	defer s.close()
	// The usual gate, not the wide one that the numbers were paired through.
	if err := s.worker.stop(); err != nil {
		return err
	}
	if s.worker, err = s.start(ctx, "worker"); err != nil {
		return err
	}
	if err := s.allOnline(ctx, n); err != nil {
		return err
	}
	if err := s.sim.proc.stop(); err != nil {
		return err
	}
	if err := s.startSimulator(ctx, ""); err != nil {
		return err
	}
	began := time.Now()
	if err := s.allOnline(ctx, n); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	var sockets []whatsim.Socket
	if err := s.simCall(ctx, http.MethodGet, "/sockets", nil, &sockets); err != nil {
		return err
	}
	// 120 s are what 500 numbers get at five a second, with a fifth to spare.
	b.report(figure{Name: fmt.Sprintf("%d sessions online after the server restarts", n), Ours: took, Unit: "s", N: n}.within(round(20 + float64(n)/5)))
	b.report(figure{Name: "the same, connecting at once at most", Ours: float64(mostConnecting(sockets)), Unit: "sessions", N: n}.within(gate))
	return nil
}

// allOnline waits until the simulator has n logged-in connections. Counting
// them is not free, so it is not done often.
func (s *sendStage) allOnline(ctx context.Context, n int) error {
	return eventually(ctx, 5*time.Minute, "all numbers online", func() (bool, error) {
		if err := rest(ctx, 200*time.Millisecond); err != nil {
			return false, err
		}
		var sockets []whatsim.Socket
		err := s.simCall(ctx, http.MethodGet, "/sockets", nil, &sockets)
		up := 0
		for _, k := range sockets {
			if !k.LoggedIn.IsZero() && k.Closed.IsZero() {
				up++
			}
		}
		return up >= n, err
	})
}

// mostConnecting is how many connections were open and not logged in yet at the
// same moment.
func mostConnecting(sockets []whatsim.Socket) int {
	type edge struct {
		at time.Time
		by int
	}
	var edges []edge
	for _, k := range sockets {
		end := k.LoggedIn
		if end.IsZero() {
			end = k.Closed
		}
		edges = append(edges, edge{k.Opened, 1})
		if !end.IsZero() {
			edges = append(edges, edge{end, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.by, b.by)) })
	now, most := 0, 0
	for _, e := range edges {
		now += e.by
		most = max(most, now)
	}
	return most
}
