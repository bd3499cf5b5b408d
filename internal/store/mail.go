package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Mail is a letter that waits to be sent, sealed.
type Mail struct {
	ID     string // bare uuid
	Org    wa.OrgID
	Sealed []byte
	Tries  int       // begun
	EndsAt time.Time // when it is not worth sending any more
}

// InsertMail keeps a mail; it is due at once.
func (tx *Tx) InsertMail(ctx context.Context, m Mail, now time.Time) error {
	_, err := tx.moved(ctx, "keep mail", `
		INSERT INTO mails (org_id, id, sealed, next_at, ends_at) VALUES ($1, $2, $3, $4, $5)`, m.Org, m.ID, m.Sealed, now, m.EndsAt)
	return err
}

// TakeMail begins to send the mail that is due for longest; NotFound when none
// is. It is due again at a time, whatever becomes of who took it. It needs a
// system transaction.
func (tx *Tx) TakeMail(ctx context.Context, now, again time.Time) (Mail, error) {
	return one(ctx, tx, "take mail", pgx.RowToStructByPos[Mail], `
		UPDATE mails SET tries = tries + 1, next_at = $2
		WHERE id = (SELECT id FROM mails WHERE next_at <= $1 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING id::text, org_id, sealed, tries, ends_at`, now, again)
}

// PutMailOff has a mail tried again at a time.
func (tx *Tx) PutMailOff(ctx context.Context, m Mail, until time.Time) error {
	_, err := tx.moved(ctx, "put mail off", `UPDATE mails SET next_at = $3 WHERE org_id = $1 AND id = $2`, m.Org, m.ID, until)
	return err
}

// DropMail forgets a mail that was sent, or is over.
func (tx *Tx) DropMail(ctx context.Context, m Mail) error {
	_, err := tx.moved(ctx, "drop mail", `DELETE FROM mails WHERE org_id = $1 AND id = $2`, m.Org, m.ID)
	return err
}
