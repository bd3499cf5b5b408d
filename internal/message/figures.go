package message

import (
	"context"
	"time"

	"chasqui/internal/store"
)

// How the figures are kept up: how many events of an org are looked at together,
// how many quarters of an hour are counted in one transaction, and how long one
// run may count. A quarter may hold the 20,000 messages of a campaign, and there
// may be as many such as there are clients; what a run does not reach is counted
// by the next ones, those that wait longest first.
const (
	figureEvents   = 2000
	figureQuarters = 50
	figureTime     = 5 * time.Second
)

// CountFigures brings the figures that charts are drawn from up to what the
// messages are now, and tells for how long the oldest change has been waiting
// that is not in them yet. It may be run by several processes at once, be
// stopped anywhere and be run again.
func (s *Service) CountFigures(ctx context.Context) (behind time.Duration, err error) {
	until := time.Now().Add(figureTime)
	if err := s.whileMany(ctx, until, figureEvents, (*store.Tx).MarkFigures); err != nil {
		return 0, err
	}
	if err := s.whileMany(ctx, until, figureQuarters, (*store.Tx).CountFigures); err != nil {
		return 0, err
	}
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		behind, err = tx.OldestFigureDue(ctx)
		return err
	})
	return behind, err
}

// whileMany goes on, a transaction each time, while there is as much to do as was
// asked for.
func (s *Service) whileMany(ctx context.Context, until time.Time, most int, step func(*store.Tx, context.Context, int) (int, error)) error {
	for {
		var n int
		err := s.db.InTxRelaxed(ctx, func(tx *store.Tx) (err error) {
			n, err = step(tx, ctx, most)
			return err
		})
		if err != nil || n < most || time.Now().After(until) {
			return err
		}
	}
}
