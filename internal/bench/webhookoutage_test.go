package bench_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"chasqui/internal/wa"
)

// outage is a receiver that is away for a time while people write.
type outage struct {
	name    string
	client  wa.ClientID
	number  string
	writes  int
	every   time.Duration // between two messages
	away    time.Duration
	killAt  time.Duration // the worker is killed; 0: it is not
	sink    *hookSink
	backAt  time.Time
	atFirst int // what was there a minute after the receiver was back
}

// measureOutage does what the rivals were tried with: a receiver that is away
// for half a minute while fifty people write, and one that is away for a minute
// with kill -9 of the worker in it. Nobody asks for what was missed.
func measureOutage(ctx context.Context, b *bench) error {
	s, err := b.sendStage(ctx, 2, unpaced, "", hooksHere)
	if err != nil {
		return err
	}
	defer s.close()
	trials := []*outage{
		{name: "a receiver away for 30 s", client: s.clients[0], number: own(0), writes: 50, every: size[time.Duration](100, 550, 550) * time.Millisecond, away: size[time.Duration](6, 30, 30) * time.Second},
		{name: "a receiver away for 60 s, kill -9 in it", client: s.clients[1], number: own(1), writes: 20, every: 150 * time.Millisecond, away: size[time.Duration](10, 60, 60) * time.Second, killAt: 4 * time.Second},
	}
	for _, o := range trials {
		more := map[string]any{"events": []string{"message.received"}, "clients": []wa.ClientID{o.client}}
		if *quick { // the usual one goes on with five minutes
			more["schedule"] = []int{0, 1, 2, 5, 10, 10, 10, 10, 10, 10, 10}
		}
		if o.sink, err = s.sink(ctx, more, nil); err != nil {
			return err
		}
		defer o.sink.down()
	}
	for _, o := range trials {
		if err := s.goThrough(ctx, o); err != nil {
			return err
		}
	}
	for _, o := range trials {
		if err := o.report(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// goThrough has a receiver go away, people write, the worker die, and the
// receiver come back. A minute later it looks at what is there.
func (s *sendStage) goThrough(ctx context.Context, o *outage) error {
	o.sink.down()
	began := time.Now()
	wrote := make(chan error, 1)
	go func() {
		for i := range o.writes {
			draft := map[string]any{"from": recipient(500 + i), "to": o.number, "text": fmt.Sprint("inbound ", i)}
			if err := s.simCall(ctx, http.MethodPost, "/write", draft, nil); err != nil {
				wrote <- err
				return
			}
			_ = rest(ctx, o.every) // the next call fails when time is up
		}
		wrote <- nil
	}()
	if o.killAt > 0 {
		if err := rest(ctx, time.Until(began.Add(o.killAt))); err != nil {
			return err
		}
		s.worker.kill()
		var err error
		if s.worker, err = s.start(ctx, "worker", append([]string{hooksHere}, quickly...)...); err != nil {
			return err
		}
	}
	if err := <-wrote; err != nil {
		return err
	}
	if err := rest(ctx, time.Until(began.Add(o.away))); err != nil {
		return err
	}
	if err := o.sink.up(ctx); err != nil {
		return err
	}
	o.backAt = time.Now()
	err := rest(ctx, size[time.Duration](1, 60, 60)*time.Second)
	o.atFirst = o.sink.known()
	return err
}

// report waits for the rest: what was tried twice before the receiver was back
// has its third try five to six minutes later.
func (o *outage) report(ctx context.Context, b *bench) error {
	_ = eventually(ctx, 8*time.Minute, "everything arrived", func() (bool, error) { return o.sink.known() >= o.writes, nil }) // the figure tells
	b.report(figure{Name: o.name + fmt.Sprintf(": of %d who wrote, arrived", o.writes), Ours: float64(o.sink.known()), Unit: "messages", N: o.writes}.least(float64(o.writes)))
	b.report(figure{Name: o.name + ": arrived in the first minute after it", Ours: float64(o.atFirst), Unit: "messages", N: o.writes})
	b.report(figure{Name: o.name + ": the last arrived after", Ours: o.sink.last().Sub(o.backAt).Seconds(), Unit: "s", N: o.writes})
	return ctx.Err()
}
