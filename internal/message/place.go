package message

import (
	"context"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Place tells where a waiting message stands. One that waits no more has the
// zero place.
func (s *Service) Place(ctx context.Context, by wa.Actor, m wa.Message) (wa.QueuePlace, error) {
	_, p, err := s.stand(ctx, by, m)
	return p, err
}

// stand reads a message's client and where the message stands in its line.
func (s *Service) stand(ctx context.Context, by wa.Actor, m wa.Message) (c wa.Client, p wa.QueuePlace, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if c, err = tx.Client(ctx, by.Org, m.ClientID); err != nil {
			return err
		}
		var used guard.Usage
		if used.Minute, used.Hour, used.Day, err = tx.Used(ctx, m.ClientID); err != nil {
			return err
		}
		ahead, err := tx.Ahead(ctx, by.Org, m.ID, MaxWaitingBulk)
		p = waitingPlace(c, used, ahead+1, m, s.opt.Now().UTC())
		return err
	})
	return c, p, err
}

func waitingPlace(c wa.Client, used guard.Usage, position int, m wa.Message, now time.Time) wa.QueuePlace {
	blocked := func(why wa.Wait, until *time.Time) wa.QueuePlace {
		return wa.QueuePlace{BlockedBy: &why, EstimatedSendAt: until}
	}
	switch m.Status {
	case wa.Queued:
		p, _ := place(c, used, position, m.Lane, now)
		return p
	case wa.Scheduled:
		return blocked(wa.WaitScheduled, m.SendAt)
	case wa.RetryWait:
		return blocked(wa.WaitRetry, m.NextTryAt)
	}
	return wa.QueuePlace{}
}

// place tells where the message at a position stands, and when its turn comes by
// the line alone: as if the client could send now. Where it cannot until somebody
// does something, callers are given no time.
func place(c wa.Client, used guard.Usage, position int, lane wa.Lane, now time.Time) (p wa.QueuePlace, turn time.Time) {
	turn = now
	if c.Limits.Enabled {
		turn = guard.EstimateFresh(c.Limits, used, position, lane, now)
	}
	p = wa.QueuePlace{Position: position, EstimatedSendAt: &turn}
	if why := blocker(c, used, lane); why != wa.NoWait {
		p.BlockedBy = &why
		if why.OpenEnded() {
			p.EstimatedSendAt = nil
		}
	}
	return p, turn
}

func blocker(c wa.Client, used guard.Usage, lane wa.Lane) wa.Wait {
	switch {
	case c.Stopped != wa.NotHalted:
		return wa.WaitStopped
	case c.Paused:
		return wa.WaitPaused
	}
	if why := c.Status.Wait(); why != wa.NoWait || !c.Limits.Enabled {
		return why
	}
	share := func(limit int) int {
		if lane == wa.Bulk {
			return max(1, limit*8/10)
		}
		return limit
	}
	switch {
	case used.Day >= share(c.Limits.PerDay):
		return wa.WaitDayCap
	case used.Hour >= share(c.Limits.PerHour):
		return wa.WaitHourCap
	case used.Minute >= share(c.Limits.PerMinute):
		return wa.WaitMinuteCap
	}
	return wa.NoWait
}
