package bench_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"chasqui/internal/wa"
)

// The settings of workers whose numbers shall be online soon.
var quickly = []string{"CONNECT_CONCURRENCY=20", "CONNECT_PER_SECOND=100"}

// unpaced switches pacing off.
var unpaced = map[string]any{"enabled": false}

// sendStage is a platform whose worker can be exchanged for the bare library.
type sendStage struct {
	*platform
	worker  *process
	clients []wa.ClientID
}

func (b *bench) sendStage(ctx context.Context, clients int, limits map[string]any, simArgs string, settings ...string) (*sendStage, error) {
	p, err := b.newPlatform(ctx, simArgs)
	if err != nil {
		return nil, err
	}
	s := &sendStage{platform: p}
	settings = append(append([]string{}, quickly...), settings...)
	for _, name := range []string{"api", "scheduler", "worker"} {
		if s.worker, err = p.start(ctx, name, settings...); err != nil {
			p.close()
			return nil, err
		}
	}
	if s.clients, err = p.clients(ctx, 0, clients, limits); err != nil {
		p.close()
		return nil, err
	}
	return s, nil
}

// measureSend compares a thousand texts to people who are known, handed in at
// once, with a loop over the library's SendMessage on the same device. Both
// rates are of the simulator's clock, from the first to the last arrival.
func measureSend(ctx context.Context, b *bench) error {
	s, err := b.sendStage(ctx, 1, unpaced, "")
	if err != nil {
		return err
	}
	defer s.close()
	people, n := 20, size(60, 1000, 1000)
	if err := s.burst(ctx, "warm", people, people); err != nil {
		return err
	}
	var ours, bare []float64
	for round := range size(1, 3, 5) {
		rate, err := s.ourRate(ctx, fmt.Sprintf("ours %d", round), n, people)
		if err != nil {
			return err
		}
		ours = append(ours, rate)
		// The receipts of a round belong to that round: a worker that is stopped
		// before it has seen them all is told them in the next one.
		if err := s.quiet(ctx); err != nil {
			return err
		}
		s.worker, err = s.without(ctx, s.worker, func() error {
			if round == 0 { // the bare number has nobody's keys yet, and ours were told "warm"
				if _, err := s.bareRate(ctx, "warm bare", people, people); err != nil {
					return err
				}
				if err := s.quiet(ctx); err != nil {
					return err
				}
			}
			rate, err = s.bareRate(ctx, fmt.Sprintf("bare %d", round), n, people)
			return err
		}, quickly...)
		if err != nil {
			return err
		}
		bare = append(bare, rate)
		fmt.Fprintf(os.Stderr, "bench: send: %.0f/s, bare %.0f/s\n", ours[round], rate)
	}
	f := figure{Name: "one session, 1,000 texts to known people", Ours: median(ours), Unit: "messages/s", N: n * len(ours)}
	b.report(f.beside(median(bare)).atLeast(0.9))
	return nil
}

// burst hands in n texts to some people at once and waits until all have left.
func (s *sendStage) burst(ctx context.Context, prefix string, n, people int) error {
	var list []draft
	for i := range n {
		list = append(list, text(recipient(i%people), fmt.Sprintf("%s %d", prefix, i), wa.Normal))
	}
	if err := s.sendMany(ctx, s.clients[0], list); err != nil {
		return err
	}
	return s.settled(ctx)
}

func (s *sendStage) ourRate(ctx context.Context, prefix string, n, people int) (float64, error) {
	if err := s.burst(ctx, prefix, n, people); err != nil {
		return 0, err
	}
	return s.rate(ctx, own(0), prefix, n)
}

func (s *sendStage) bareRate(ctx context.Context, prefix string, n, people int) (float64, error) {
	var to []string
	for i := range people {
		to = append(to, recipient(i))
	}
	proc, err := s.startBareWA(bareJob{Kind: "send", Numbers: []string{bareNumber(0)}, To: to, Count: n, Prefix: prefix})
	if err != nil {
		return 0, err
	}
	if _, err := proc.hear(); err != nil {
		return 0, err
	}
	if err := proc.stop(); err != nil {
		return 0, err
	}
	return s.rate(ctx, bareNumber(0), prefix, n)
}

func (s *sendStage) rate(ctx context.Context, number, prefix string, n int) (float64, error) {
	times, err := s.timesOf(ctx, number, prefix+" ")
	if err == nil && len(times) != n {
		err = fmt.Errorf("%d of %d texts %q were readable", len(times), n, prefix)
	}
	return sentRate(times), err
}

// measureUrgent follows single urgent texts of idle numbers, from the request
// to the simulator's socket.
func measureUrgent(ctx context.Context, b *bench) error {
	clients, n := size(4, 40, 40), size(8, 300, 600)
	s, err := b.sendStage(ctx, clients, nil, "")
	if err != nil {
		return err
	}
	defer s.close()
	// Slowly enough that every number is idle, and within its limits.
	took, err := s.follow(ctx, n, max(150*time.Millisecond, 6*time.Second/time.Duration(clients)), func(i int) int { return i % clients })
	if err != nil {
		return err
	}
	b.report(figure{Name: "urgent, idle number, request → wire, p50", Ours: ms(percentile(took, .5)), Unit: "ms", N: n}.within(50))
	b.report(figure{Name: "urgent, idle number, request → wire, p99", Ours: ms(percentile(took, .99)), Unit: "ms", N: n}.within(250))
	return nil
}

// follow sends n urgent texts, one every so often, and gives the time of each
// from before the request to its arrival at the simulator.
func (s *sendStage) follow(ctx context.Context, n int, every time.Duration, client func(i int) int) ([]time.Duration, error) {
	return s.followFrom(ctx, "urgent", n, every, client)
}

// followFrom is follow with texts that begin in a certain way.
func (s *sendStage) followFrom(ctx context.Context, prefix string, n int, every time.Duration, client func(i int) int) ([]time.Duration, error) {
	began := map[string]time.Time{}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := range n {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		body := fmt.Sprintf("%s %d", prefix, i)
		began[body] = time.Now()
		if _, err := s.send(ctx, s.clients[client(i)], text(recipient(client(i)), body, wa.Urgent)); err != nil {
			return nil, err
		}
	}
	arrived := map[string]time.Time{}
	err := eventually(ctx, upWithin, "all urgent texts have left", func() (bool, error) {
		frames, err := s.frames(ctx, "")
		for _, f := range frames {
			if strings.HasPrefix(f.Text, prefix+" ") {
				arrived[f.Text] = f.Time
			}
		}
		return len(arrived) == n, err
	})
	var took []time.Duration
	for text, at := range arrived {
		took = append(took, at.Sub(began[text]))
	}
	return took, err
}

// measureBacklog sends urgent texts past a campaign of ten thousand. Pacing
// runs 60 times as fast as usual, so that the campaign is under way while it
// is measured.
func measureBacklog(ctx context.Context, b *bench) error {
	const factor, longestGap = 60, 5 * time.Second
	// The hour's and the day's limit would end the campaign in the middle of the run.
	s, err := b.sendStage(ctx, 1, map[string]any{"per_hour": 100_000, "per_day": 1_000_000}, "", fmt.Sprintf("PACE_FACTOR=%d", factor))
	if err != nil {
		return err
	}
	defer s.close()
	var campaign []draft
	for i := range size(1000, 10_000, 10_000) {
		campaign = append(campaign, text(recipient(i%2000), "campaign", wa.Bulk))
	}
	if err := s.sendMany(ctx, s.clients[0], campaign); err != nil {
		return err
	}
	n := size(5, 40, 100)
	took, err := s.follow(ctx, n, 500*time.Millisecond, func(int) int { return 0 })
	if err != nil {
		return err
	}
	goal := ms(longestGap/factor) + 500
	b.report(figure{Name: fmt.Sprintf("urgent behind %d bulk messages, request → wire, worst", len(campaign)), Ours: ms(percentile(took, 1)), Unit: "ms", N: n}.within(round(goal)))
	b.report(figure{Name: "urgent behind bulk, request → wire, p50", Ours: ms(percentile(took, .5)), Unit: "ms", N: n})
	return nil
}
