package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// How much is forgotten of one org and kind in a transaction, and in how many of
// them in an hour. What is left then goes with the next run: a new wish to keep
// a month of three years does not hold up anybody's messages.
const (
	forgetBatch = 1000
	forgetTurns = 50
)

// forget deletes what orgs have set to be kept no longer. An org that fails does
// not keep the others from it.
func (s *scheduler) forget(ctx context.Context) error {
	var all []store.Forgetting
	err := s.k.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.ForgettingOrgs(ctx)
		return err
	})
	for _, f := range all {
		err = errors.Join(err, s.forgetOf(ctx, f))
	}
	return err
}

// forgetKind deletes at most limit rows of one kind that are older than days.
type forgetKind struct {
	name string
	days int // 0: for ever
	some func(tx *store.Tx, ctx context.Context, org wa.OrgID, days, limit int) (int64, error)
}

func (s *scheduler) forgetOf(ctx context.Context, f store.Forgetting) error {
	kinds := []forgetKind{
		{"messages", days(f.Keep.Messages), (*store.Tx).ForgetMessages},
		{"events", days(f.Keep.Events), (*store.Tx).ForgetEvents},
		{"deliveries", f.Keep.Deliveries, (*store.Tx).ForgetDeliveries},
	}
	var failed error
	for _, k := range kinds {
		n, err := s.forgetSome(ctx, f.Org, k)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("forget %s of %s: %w", k.name, f.Org, err))
		}
		if n > 0 {
			s.k.Log.InfoContext(ctx, "forgotten, as the org has set", slog.String("org", f.Org.String()), slog.String("what", k.name), slog.Int64("rows", n))
		}
	}
	return failed
}

// forgetSome goes on while there is a full batch, for a while.
func (s *scheduler) forgetSome(ctx context.Context, org wa.OrgID, k forgetKind) (total int64, err error) {
	if k.days == 0 {
		return 0, nil
	}
	for range forgetTurns {
		var n int64
		err := s.k.DB.InOrg(ctx, org, func(tx *store.Tx) (err error) {
			n, err = k.some(tx, ctx, org, k.days, forgetBatch)
			return err
		})
		total += n
		if err != nil || n < forgetBatch {
			return total, err
		}
	}
	return total, nil
}

func days(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}
