package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Lead takes or prolongs a named lease for ttl. It gives the epoch, which rises
// with every new holder, and false when somebody else holds the lease.
func (tx *Tx) Lead(ctx context.Context, name string, holder uuid.UUID, ttl time.Duration) (epoch int64, held bool, err error) {
	epoch, err = one(ctx, tx, "lead", pgx.RowTo[int64], `
		INSERT INTO leases (name, holder, epoch, expires_at) VALUES ($1, $2, 1, now() + $3::interval)
		ON CONFLICT (name) DO UPDATE SET holder = $2, expires_at = now() + $3::interval,
		       epoch = leases.epoch + CASE WHEN leases.holder = $2 THEN 0 ELSE 1 END
		WHERE leases.holder = $2 OR leases.expires_at < now()
		RETURNING epoch`, name, holder.String(), ttl)
	var e *wa.Error
	if errors.As(err, &e) && e.Code == wa.NotFound {
		return 0, false, nil
	}
	return epoch, err == nil, err
}

// Resign gives a lease back at once.
func (tx *Tx) Resign(ctx context.Context, name string, holder uuid.UUID) error {
	_, err := tx.moved(ctx, "resign", `
		UPDATE leases SET expires_at = '-infinity' WHERE name = $1 AND holder = $2`, name, holder.String())
	return err
}
