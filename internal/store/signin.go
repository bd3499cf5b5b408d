package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Attempt is how a subject stands after an attempt was counted.
type Attempt struct {
	Count       int // of attempts since the last success, this one among them
	TriedAt     time.Time
	LockedUntil *time.Time
	Taken       bool // it may go on; else it came too early and was not counted
}

// TakeAttempt counts an attempt before it is made, so that a crowd at the same
// moment is counted too. Attempts that come before the delay is over, or while
// the subject is locked, are not taken. free is how many go without delay; then
// it doubles from a second to longest. The one that makes most locks for lock.
// After a day of rest counting begins anew. It needs a system transaction.
func (tx *Tx) TakeAttempt(ctx context.Context, subject []byte, now time.Time, l AttemptLimits) (Attempt, error) {
	taken, err := collect(ctx, tx, "count attempt", scanAttempt, `
		INSERT INTO sign_in_guards AS g (subject, attempts, tried_at) VALUES ($1, 1, $2)
		ON CONFLICT (subject) DO UPDATE
		SET attempts = CASE WHEN g.locked_until <= $2 OR g.tried_at < $2 - interval '1 day' THEN 1 ELSE g.attempts + 1 END,
		    tried_at = $2,
		    locked_until = CASE WHEN (g.locked_until IS NULL AND g.tried_at >= $2 - interval '1 day') AND g.attempts + 1 >= $5
		                        THEN $2 + $6::interval END
		WHERE coalesce(g.locked_until <= $2, g.tried_at + CASE WHEN g.attempts < $3 THEN interval '0'
		                        ELSE least($4::interval, interval '1 second' * 2 ^ (g.attempts - $3)) END <= $2)
		RETURNING attempts, tried_at, locked_until, true`, subject, now, l.Free, l.Longest, l.Most, l.Lock)
	if err != nil || len(taken) == 1 {
		return first(taken), err
	}
	return one(ctx, tx, "read attempts", scanAttempt, `
		SELECT attempts, tried_at, locked_until, false FROM sign_in_guards WHERE subject = $1`, subject)
}

// ReturnAttempt takes back an attempt that was counted but never made, and the
// lock that it set if it did.
func (tx *Tx) ReturnAttempt(ctx context.Context, subject []byte, locked bool) error {
	_, err := tx.moved(ctx, "return attempt", `
		UPDATE sign_in_guards SET attempts = greatest(attempts - 1, 0), locked_until = CASE WHEN NOT $2 THEN locked_until END
		WHERE subject = $1`, subject, locked)
	return err
}

// AttemptLimits say how attempts are slowed down and when they are locked out.
type AttemptLimits struct {
	Free, Most    int
	Longest, Lock time.Duration
}

// ForgiveAttempts forgets them: the subject proved who it is, or was unlocked.
func (tx *Tx) ForgiveAttempts(ctx context.Context, subject []byte) error {
	_, err := tx.moved(ctx, "forgive attempts", `DELETE FROM sign_in_guards WHERE subject = $1`, subject)
	return err
}

// Locked gives until when each of the subjects is locked; nil for those that
// are not.
func (tx *Tx) Locked(ctx context.Context, subjects [][]byte, now time.Time) ([]*time.Time, error) {
	return collect(ctx, tx, "read locks", pgx.RowTo[*time.Time], `
		SELECT g.locked_until FROM unnest($1::bytea[]) WITH ORDINALITY AS u (subject, n)
		LEFT JOIN sign_in_guards g ON g.subject = u.subject AND g.locked_until > $2
		ORDER BY u.n`, subjects, now)
}

func scanAttempt(r pgx.CollectableRow) (a Attempt, err error) {
	err = r.Scan(&a.Count, &a.TriedAt, &a.LockedUntil, &a.Taken)
	return a, err
}

func first[T any](rows []T) (v T) {
	if len(rows) > 0 {
		v = rows[0]
	}
	return v
}

// MailedLink is a link that was sent to a person.
type MailedLink struct {
	OrgID   wa.OrgID
	UserID  wa.UserID
	Purpose string // "reset" or "unlock"
}

// LinkedAfter reports whether a person has a link for a purpose that was made
// after a time.
func (tx *Tx) LinkedAfter(ctx context.Context, l MailedLink, after time.Time) (bool, error) {
	return one(ctx, tx, "look for links", pgx.RowTo[bool], `
		SELECT EXISTS (SELECT FROM mailed_links WHERE org_id = $1 AND user_id = $2 AND purpose = $3 AND created_at > $4)`,
		l.OrgID, l.UserID, l.Purpose, after)
}

// DropLinks ends a person's links for a purpose.
func (tx *Tx) DropLinks(ctx context.Context, l MailedLink) error {
	_, err := tx.moved(ctx, "drop links", `
		DELETE FROM mailed_links WHERE org_id = $1 AND user_id = $2 AND purpose = $3`, l.OrgID, l.UserID, l.Purpose)
	return err
}

// InsertLink keeps a link.
func (tx *Tx) InsertLink(ctx context.Context, l MailedLink, token []byte, now, end time.Time) error {
	_, err := tx.moved(ctx, "insert link", `
		INSERT INTO mailed_links (org_id, user_id, purpose, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		l.OrgID, l.UserID, l.Purpose, token, now, end)
	return err
}

// FindLink finds a link that still works. It needs a system transaction.
func (tx *Tx) FindLink(ctx context.Context, purpose string, token []byte, now time.Time) (MailedLink, error) {
	return one(ctx, tx, "find link", scanLink, `
		SELECT org_id, user_id, purpose FROM mailed_links WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3`, token, purpose, now)
}

// TakeLink uses a link up; NotFound when it was before. It needs a system
// transaction.
func (tx *Tx) TakeLink(ctx context.Context, purpose string, token []byte, now time.Time) (MailedLink, error) {
	return one(ctx, tx, "take link", scanLink, `
		DELETE FROM mailed_links WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING org_id, user_id, purpose`, token, purpose, now)
}

func scanLink(r pgx.CollectableRow) (l MailedLink, err error) {
	err = r.Scan(&l.OrgID, &l.UserID, &l.Purpose)
	return l, err
}
