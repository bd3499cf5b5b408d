package bench_test

import (
	"context"
	"net/http"
	"time"

	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// measureUnanswered sends one text that the server takes and never answers,
// and watches the other numbers meanwhile, and how its own number goes on.
func measureUnanswered(ctx context.Context, b *bench) error {
	n := size(4, 10, 10)
	s, err := b.sendStage(ctx, n, unpaced, "-delivered-after -1s -read-after -1s")
	if err != nil {
		return err
	}
	defer s.close()
	others := func(i int) int { return 1 + i%(n-1) }
	if _, err := s.follow(ctx, 2*n, 50*time.Millisecond, others); err != nil { // sessions are made
		return err
	}
	stuck, next := recipient(900), recipient(901)
	rule := map[string]any{"action": whatsim.NoAck, "recipient": stuck, "times": 1}
	if err := s.simCall(ctx, http.MethodPost, "/rules", rule, nil); err != nil {
		return err
	}
	id, err := s.send(ctx, s.clients[0], text(stuck, "no answer", wa.Normal))
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := s.send(ctx, s.clients[0], text(next, "next", wa.Normal)); err != nil {
		return err
	}
	meanwhile, err := s.followFrom(ctx, "meanwhile", size(20, 100, 100), 100*time.Millisecond, others)
	if err != nil {
		return err
	}
	b.report(figure{Name: "one unanswered send: other numbers, request → wire, p99", Ours: ms(percentile(meanwhile, .99)), Unit: "ms", N: len(meanwhile)}.within(1000))
	went, err := s.awaitText(ctx, own(0), "next")
	if err != nil {
		return err
	}
	b.report(figure{Name: "one unanswered send: the same number's next message", Ours: went.Sub(began).Seconds(), Unit: "s", N: 1}.within(25))
	return s.resolved(ctx, b, id, began)
}

func (s *sendStage) awaitText(ctx context.Context, number, text string) (at time.Time, err error) {
	err = eventually(ctx, upWithin, "text has left", func() (bool, error) {
		frames, err := s.frames(ctx, number)
		for _, f := range frames {
			if f.Text == text {
				at = f.Time
			}
		}
		return !at.IsZero(), err
	})
	return at, err
}

// resolved waits until the message that had no answer is known to have gone.
func (s *sendStage) resolved(ctx context.Context, b *bench, id wa.MessageID, began time.Time) error {
	err := eventually(ctx, 3*time.Minute, "the unanswered message is resolved", func() (bool, error) {
		var m struct {
			Status wa.Status `json:"status"`
		}
		if err := rest(ctx, 100*time.Millisecond); err != nil {
			return false, err
		}
		err := s.call(ctx, http.MethodGet, "/messages/"+id.String(), nil, &m)
		return m.Status == wa.Sent, err
	})
	if err != nil {
		return err
	}
	b.report(figure{Name: "one unanswered send: known to be sent after", Ours: time.Since(began).Seconds(), Unit: "s", N: 1})
	return nil
}
