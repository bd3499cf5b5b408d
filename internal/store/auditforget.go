package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// AuditForgotten is a signed statement about a log: its lines up to Seq, whose
// hash was this, were forgotten at At, as they had been kept for Days at least.
type AuditForgotten struct {
	Org        wa.OrgID
	Seq        int64
	Hash       []byte
	AnchoredAt time.Time // when that line was anchored: nothing of it is younger
	Days       int
	At         time.Time
	Key        string // tells which key made Mac
	Mac        []byte
}

// LastForgotten is up to where a log was forgotten; NotFound where all of it is
// kept.
func (tx *Tx) LastForgotten(ctx context.Context, org wa.OrgID) (AuditForgotten, error) {
	return one(ctx, tx, "find what was forgotten of the audit log", func(r pgx.CollectableRow) (f AuditForgotten, err error) {
		f.Org = org
		err = r.Scan(&f.Seq, &f.Hash, &f.AnchoredAt, &f.Days, &f.At, &f.Key, &f.Mac)
		return f, err
	}, `
		SELECT seq, hash, anchored_at, days, at, key, mac FROM audit_forgotten WHERE org_id = $1 ORDER BY seq DESC LIMIT 1`, org.UUID())
}

// InsertForgotten keeps such a statement. One that is there is a Conflict.
func (tx *Tx) InsertForgotten(ctx context.Context, f AuditForgotten) error {
	_, err := tx.moved(ctx, "note what is forgotten of the audit log", `
		INSERT INTO audit_forgotten (org_id, seq, hash, anchored_at, days, at, key, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		f.Org.UUID(), f.Seq, f.Hash, f.AnchoredAt, f.Days, f.At, f.Key, f.Mac)
	return err
}

// ForgetAudit deletes the first lines of a log, as far as it is said to be
// forgotten, at most limit. The database refuses lines that are not 90 days old.
func (tx *Tx) ForgetAudit(ctx context.Context, org wa.OrgID, limit int) (int64, error) {
	return one(ctx, tx, "forget the audit log", pgx.RowTo[int64], `SELECT audit_forget($1::uuid, $2::integer)`, org.UUID(), limit)
}

// OldAudit is a log whose first line is older than it is kept.
type OldAudit struct {
	Org  wa.OrgID
	Days int
	Gone bool // there is no such org (any more), or it is the installation's own log
}

// OldAudits lists such logs in the order of their orgs, at most limit after one
// (nil: from the installation's own on), as of a day. The installation keeps logs
// for days, 0 meaning for ever; an org may keep its own for less long. A log that
// something is known to be wrong with is not among them: all of it is evidence.
// It needs a system transaction.
func (tx *Tx) OldAudits(ctx context.Context, today time.Time, after *wa.OrgID, days, limit int) ([]OldAudit, error) {
	var from *string
	if after != nil {
		from = new(after.UUID())
	}
	return collect(ctx, tx, "list old audit logs", func(r pgx.CollectableRow) (o OldAudit, err error) {
		var org string
		if err = r.Scan(&org, &o.Days, &o.Gone); err != nil {
			return o, err
		}
		return o, o.Org.Scan(org)
	}, `
		SELECT k.org_id::text, k.days, k.gone FROM (
			SELECT h.org_id, least(o.keep_audit, nullif($2::integer, 0)) AS days, o.id IS NULL AS gone
			FROM audit_heads h LEFT JOIN orgs o ON o.id = h.org_id) k
		CROSS JOIN LATERAL (SELECT l.at FROM audit_log l WHERE l.org_id = k.org_id ORDER BY l.seq LIMIT 1) f
		WHERE ($1::uuid IS NULL OR k.org_id > $1) AND k.days IS NOT NULL AND f.at < $4::timestamptz - make_interval(days => k.days)
		  AND NOT EXISTS (SELECT FROM audit_findings w WHERE w.org_id = k.org_id)
		ORDER BY k.org_id LIMIT $3`, from, days, limit, today)
}

// AnchorBefore is the anchor up to which a log that begins after a line may be
// forgotten, of those made before a time: the last one within span lines, or else
// the next one. NotFound when there is none.
func (tx *Tx) AnchorBefore(ctx context.Context, org wa.OrgID, after int64, span int, before time.Time) (AuditAnchor, error) {
	return one(ctx, tx, "find an old anchor", scanAnchor, `
		SELECT `+anchorColumns+` FROM (
			(SELECT *, 0 AS turn FROM audit_anchors WHERE org_id = $1 AND seq > $2 AND seq <= $2 + $3::integer AND at < $4 ORDER BY seq DESC, n LIMIT 1) UNION ALL
			(SELECT *, 1 AS turn FROM audit_anchors WHERE org_id = $1 AND seq > $2 AND at < $4 ORDER BY seq, n LIMIT 1)) a
		ORDER BY turn LIMIT 1`, org.UUID(), after, span, before)
}

// AnchorMac is the signature of an anchor by its number; NotFound when there is
// none. It needs a system transaction.
func (tx *Tx) AnchorMac(ctx context.Context, number int64) ([]byte, error) {
	return one(ctx, tx, "find an anchor", pgx.RowTo[[]byte], `SELECT mac FROM audit_anchors WHERE n = $1`, number)
}
