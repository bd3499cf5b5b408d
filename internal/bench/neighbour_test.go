package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// A neighbour hands in its texts at neighbourRate a second, over a few
// connections, while another org does what it can.
const (
	neighbourConns = 4
	neighbourRate  = 50
)

// measureNeighbour compares how long an org waits for its texts to be accepted
// while another one abuses the API with how long it waits alone, taking turns.
func measureNeighbour(ctx context.Context, b *bench) error {
	s, err := b.acceptStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	calm, err := s.neighbour(ctx)
	if err != nil {
		return err
	}
	h, err := newHammer(s.api, calm.key, http.StatusAccepted)
	if err != nil {
		return err
	}
	if _, err := h.open(ctx, neighbourConns, neighbourRate, time.Second, calm.one); err != nil {
		return err
	}
	var alone, beside []time.Duration
	for range size(1, 4, 8) {
		d := size(time.Second, 10*time.Second, 15*time.Second)
		took, err := h.open(ctx, neighbourConns, neighbourRate, d, calm.one)
		if err != nil {
			return err
		}
		alone = append(alone, took...)
		if took, err = s.abused(func() ([]time.Duration, error) {
			return h.open(ctx, neighbourConns, neighbourRate, d, calm.one)
		}); err != nil {
			return err
		}
		beside = append(beside, took...)
		if err := s.forget(ctx); err != nil { // what was accepted is not to be sent in the calm turn
			return err
		}
		if err := s.quiet(ctx); err != nil {
			return err
		}
	}
	for _, p := range []float64{.5, .99} {
		name := fmt.Sprintf("accept, p%g, beside an org that abuses the API / alone", 100*p)
		b.report(figure{Name: name, Ours: ms(percentile(beside, p)), Unit: "ms", N: len(beside)}.beside(ms(percentile(alone, p))).atMost(2))
	}
	return nil
}

// neighbour is another org on the same platform, with a few numbers.
func (s *acceptStage) neighbour(ctx context.Context) (_ *acceptStage, err error) {
	p := *s.platform
	p.all = nil // the processes are the first org's to end
	if p.org, p.key, err = p.bootstrap(ctx, "calm"); err != nil {
		return nil, err
	}
	n := &acceptStage{platform: &p}
	n.clients, err = p.clients(ctx, 500, 4, nil)
	return n, err
}

// abused measures something while a process abuses the API.
func (s *acceptStage) abused(measure func() ([]time.Duration, error)) ([]time.Duration, error) {
	plan, err := json.Marshal(abuser{API: s.api, Key: s.key, Clients: s.clients, Only: os.Getenv("ABUSE")})
	if err != nil {
		return nil, err
	}
	proc, err := s.launch("abuse", true, append(os.Environ(), abuseVariable+"="+string(plan))...)
	if err != nil {
		return nil, err
	}
	if _, err := proc.out.ReadString('\n'); err != nil { // it has begun
		return nil, fmt.Errorf("the abuse did not begin: %w", err)
	}
	took, err := measure()
	if err := proc.stop(); err != nil {
		return nil, err
	}
	answers, _ := io.ReadAll(proc.out) // for whoever watches
	fmt.Fprintf(os.Stderr, "bench: abuse was answered: %s\n", strings.TrimSpace(string(answers)))
	return took, err
}
