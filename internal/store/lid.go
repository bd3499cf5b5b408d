package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// LID is a person's hidden address and the phone it belongs to, both without
// server.
type LID struct{ LID, Phone string }

// LIDs reads what is known of some hidden addresses and some phones.
func (db *DB) LIDs(ctx context.Context, org wa.OrgID, lids, phones []string) (found []LID, err error) {
	err = db.once(ctx, org, "read hidden addresses", relaxed, func(b *pgx.Batch) {
		b.Queue(`
			SELECT lid, phone FROM lids WHERE org_id = $1 AND lid = ANY ($2)
			UNION SELECT lid, phone FROM lids WHERE org_id = $1 AND phone = ANY ($3)`, org, lids, phones).
			Query(gather(&found, pgx.RowToStructByPos[LID]))
	})
	return found, err
}

// PutLIDs keeps pairs of addresses; both sides of a pair are one person's only.
// No address may be named twice.
func (db *DB) PutLIDs(ctx context.Context, org wa.OrgID, pairs []LID) error {
	lids, phones := make([]string, len(pairs)), make([]string, len(pairs))
	for i, p := range pairs {
		lids[i], phones[i] = p.LID, p.Phone
	}
	return db.once(ctx, org, "keep hidden addresses", durable, func(b *pgx.Batch) {
		b.Queue(dropLIDs, org, lids, phones)
		b.Queue(putLIDs, org, lids, phones)
	})
}

const (
	dropLIDs = `
		DELETE FROM lids l USING unnest($2::text[], $3::text[]) AS n(lid, phone)
		WHERE l.org_id = $1 AND l.phone = n.phone AND l.lid <> n.lid`
	putLIDs = `
		INSERT INTO lids (org_id, lid, phone)
		SELECT $1, n.lid, n.phone FROM unnest($2::text[], $3::text[]) AS n(lid, phone) ORDER BY n.lid
		ON CONFLICT (org_id, lid) DO UPDATE SET phone = excluded.phone WHERE lids.phone <> excluded.phone`
)
