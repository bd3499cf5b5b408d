package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Erasing is an erasure that is under way, with what it still looks for.
type Erasing struct {
	wa.Erasure
	Phone string // digits; "" when none is known
	LID   string
	Stage string
	Mark  string // how far the stage has come
}

const erasureColumns = `id, org_id, contact_id, asked_by, removed, created_at, finished_at`

// BeginErasure takes from a contact all that says who it is, and notes what is
// to be looked for. From its commit on nothing can be sent to the contact, and
// who writes from the same number is a new one. NotFound when there is no such
// contact (any more).
func (tx *Tx) BeginErasure(ctx context.Context, org wa.OrgID, id wa.ContactID, by wa.UserID) (wa.Erasure, error) {
	c, err := one(ctx, tx, "find contact to erase", scanContact, `
		SELECT `+contactColumns+` FROM contacts WHERE org_id = $1 AND id = $2 AND erased_at IS NULL FOR UPDATE`, org, id)
	if err != nil {
		return wa.Erasure{}, missing(err, string(AContact))
	}
	if c, err = tx.wholePerson(ctx, c); err != nil {
		return wa.Erasure{}, err
	}
	if _, err := tx.moved(ctx, "make contact nameless", `
		UPDATE contacts SET phone = NULL, lid = NULL, name = '', push_name = '', erased_at = now(), updated_at = now()
		WHERE org_id = $1 AND id = $2`, org, c.ID); err != nil {
		return wa.Erasure{}, err
	}
	return one(ctx, tx, "begin erasure", scanErasure, `
		INSERT INTO erasures (id, org_id, contact_id, asked_by, phone, lid) VALUES ($1, $2, $3, $4, $5, $6)
		RETURNING `+erasureColumns, wa.NewErasureID(), org, c.ID, by, c.Phone.Digits(), c.LID)
}

// wholePerson adds the other address of somebody, as a device may know it, and
// whatever contact has that one.
func (tx *Tx) wholePerson(ctx context.Context, c wa.Contact) (wa.Contact, error) {
	pairs, err := collect(ctx, tx, "find hidden address", pgx.RowToStructByPos[LID], `
		SELECT lid, phone FROM lids WHERE org_id = $1 AND (lid = nullif($2, '') OR phone = nullif($3, '')) LIMIT 2`, c.OrgID, c.LID, c.Phone.Digits())
	if err != nil || len(pairs) != 1 || c.Phone != "" && c.LID != "" {
		return c, err
	}
	whole, _, err := tx.Person(ctx, c.OrgID, wa.Phone("+"+pairs[0].Phone), pairs[0].LID)
	return whole, err
}

// Erasure reads the receipt of an erasure.
func (tx *Tx) Erasure(ctx context.Context, org wa.OrgID, id wa.ErasureID) (wa.Erasure, error) {
	e, err := one(ctx, tx, "find erasure", scanErasure, `SELECT `+erasureColumns+` FROM erasures WHERE org_id = $1 AND id = $2`, org, id)
	return e, missing(err, "erasure")
}

// Erasures pages through the receipts of an org, newest first.
func (tx *Tx) Erasures(ctx context.Context, org wa.OrgID, p Page) ([]wa.Erasure, error) {
	return collect(ctx, tx, "list erasures", scanErasure, `
		SELECT `+erasureColumns+` FROM erasures WHERE org_id = $1 AND (created_at, id) < ($2, $3)
		ORDER BY created_at DESC, id DESC LIMIT $4`, org, p.Before, p.BeforeID, p.Limit)
}

// OpenErasures lists erasures that are not done, of every org, oldest first. It
// needs a system transaction.
func (tx *Tx) OpenErasures(ctx context.Context, limit int) ([]wa.Erasure, error) {
	return collect(ctx, tx, "list open erasures", scanErasure, `
		SELECT `+erasureColumns+` FROM erasures WHERE finished_at IS NULL ORDER BY created_at LIMIT $1`, limit)
}

// TakeErasure locks an erasure that is under way, for one step of it. NotFound
// when it is done, or somebody else is at it.
func (tx *Tx) TakeErasure(ctx context.Context, org wa.OrgID, id wa.ErasureID) (Erasing, error) {
	return one(ctx, tx, "take erasure", func(r pgx.CollectableRow) (e Erasing, err error) {
		e.Erasure, err = scanErasureBefore(r, &e.Phone, &e.LID, &e.Stage, &e.Mark)
		return e, err
	}, `
		SELECT `+erasureColumns+`, phone, lid, stage, mark FROM erasures
		WHERE org_id = $1 AND id = $2 AND finished_at IS NULL FOR UPDATE SKIP LOCKED`, org, id)
}

// KeepErasure writes down how far an erasure is. One that is done forgets whom
// it was about.
func (tx *Tx) KeepErasure(ctx context.Context, e Erasing) error {
	removed, err := json.Marshal(e.Removed)
	if err != nil {
		return err
	}
	if e.Status == wa.ErasureDone {
		e.Phone, e.LID, e.Mark = "", "", ""
	}
	return tx.exactly(ctx, "keep erasure", `
		UPDATE erasures SET stage = $3, mark = $4, removed = $5, phone = $6, lid = $7, finished_at = CASE WHEN $8 THEN now() END
		WHERE org_id = $1 AND id = $2`, e.OrgID, e.ID, e.Stage, e.Mark, removed, e.Phone, e.LID, e.Status == wa.ErasureDone)
}

func scanErasure(r pgx.CollectableRow) (wa.Erasure, error) { return scanErasureBefore(r) }

// scanErasureBefore scans an erasure that other columns follow.
func scanErasureBefore(r pgx.CollectableRow, after ...any) (e wa.Erasure, err error) {
	var removed []byte
	if err = r.Scan(append([]any{&e.ID, &e.OrgID, &e.ContactID, &e.AskedBy, &removed, &e.CreatedAt, &e.FinishedAt}, after...)...); err != nil {
		return e, err
	}
	e.Status = wa.ErasureRunning
	if e.FinishedAt != nil {
		e.Status = wa.ErasureDone
	}
	return e, json.Unmarshal(removed, &e.Removed)
}

// SweepErasedSends forgets sendings of erased messages after age.
func (tx *Tx) SweepErasedSends(ctx context.Context, age time.Duration, limit int) (int64, error) {
	return tx.moved(ctx, "sweep erased sendings", `
		DELETE FROM erased_sends WHERE id = ANY (ARRAY(
			SELECT id FROM erased_sends WHERE sent_at < now() - $1::interval ORDER BY sent_at LIMIT $2))`, age, limit)
}
