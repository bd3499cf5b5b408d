package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// EraseStrayAttempts takes those attempts of an org away that is being erased
// whose deliveries are gone already: earlier versions swept the two apart, and
// the answer to a request that is under way may come late. No index leads to
// them, so it walks through everybody's by id, limit of them after one at a time.
// Next is where to go on, a little before where it came, as ids are given before
// their rows are committed; more is false at the end. Conflict: another process
// erases this org. It needs a system transaction.
func (tx *Tx) EraseStrayAttempts(ctx context.Context, org wa.OrgID, after int64, limit int) (next int64, more bool, err error) {
	if err := tx.holdErasing(ctx, org); err != nil {
		return after, false, err
	}
	last, seen, err := tx.attemptsAfter(ctx, after, limit)
	if err != nil || seen == 0 {
		return after, false, err
	}
	step := EraseStep{"webhook_attempts", `DELETE FROM webhook_attempts WHERE org_id = $1 AND id > $2 AND id <= $3`}
	if _, err := tx.eraseCounted(ctx, org, []EraseStep{step}, after, last); err != nil {
		return after, false, err
	}
	return max(after, last-int64(limit)/8), seen == limit, nil
}

// attemptsAfter counts so many attempts at most that come after one, whosever
// they are, and gives the last one's id.
func (tx *Tx) attemptsAfter(ctx context.Context, after int64, limit int) (last int64, seen int, err error) {
	_, err = one(ctx, tx, "walk through attempts", func(r pgx.CollectableRow) (none struct{}, err error) {
		return none, r.Scan(&last, &seen)
	}, `
		SELECT coalesce(max(p.id), 0), count(*) FROM (SELECT id FROM webhook_attempts WHERE id > $1 ORDER BY id LIMIT $2) p`, after, limit)
	return last, seen, err
}
