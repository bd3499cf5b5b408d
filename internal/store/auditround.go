package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// What is here needs a system transaction: the round goes over all logs.

// AuditPlace is how far the round over all logs is, in words of whoever walks.
// Version rises with every step; 0 is before the first.
type AuditPlace struct {
	Version int64
	Place   []byte
	Mac     []byte
}

// AuditPlace reads how far the round is; NotFound before the first.
func (tx *Tx) AuditPlace(ctx context.Context) (AuditPlace, error) {
	return one(ctx, tx, "find the place in the audit logs", pgx.RowToStructByPos[AuditPlace], `SELECT version, place, mac FROM audit_round`)
}

// MoveAuditPlace keeps the next place. It reports false when somebody else moved
// it since p.Version was read.
func (tx *Tx) MoveAuditPlace(ctx context.Context, p AuditPlace) (bool, error) {
	if p.Version == 0 {
		n, err := tx.moved(ctx, "begin to read the audit logs", `
			INSERT INTO audit_round (version, place, mac) VALUES (1, $1, $2) ON CONFLICT DO NOTHING`, p.Place, p.Mac)
		return n == 1, err
	}
	n, err := tx.moved(ctx, "move on in the audit logs", `
		UPDATE audit_round SET version = version + 1, place = $2, mac = $3 WHERE version = $1`, p.Version, p.Place, p.Mac)
	return n == 1, err
}

// NextAudited is the first log after an org's, of those that there are or were:
// by its head, its lines or its anchors. NotFound when there is none.
func (tx *Tx) NextAudited(ctx context.Context, after wa.OrgID) (wa.OrgID, error) {
	return one(ctx, tx, "find the next audit log", scanOrgText, `
		SELECT org_id::text FROM (
			(SELECT org_id FROM audit_heads WHERE org_id > $1 ORDER BY org_id LIMIT 1) UNION ALL
			(SELECT org_id FROM audit_log WHERE org_id > $1 ORDER BY org_id, seq LIMIT 1) UNION ALL
			(SELECT org_id FROM audit_anchors WHERE org_id > $1 ORDER BY org_id, seq LIMIT 1)) n
		ORDER BY org_id LIMIT 1`, after.UUID())
}

// AuditFinding is what is wrong with a log.
type AuditFinding struct {
	Org     wa.OrgID
	Part    string // "lines" or "anchors"
	Seq     int64
	What    string
	Detail  string
	Round   int64 // that found it last
	FoundAt time.Time
}

// FindAudit notes a finding. It reports whether nothing was known to be wrong
// there, so that people are told of a broken log once; how far the damage goes
// may be seen otherwise from round to round.
func (tx *Tx) FindAudit(ctx context.Context, f AuditFinding) (bool, error) {
	return one(ctx, tx, "note what is wrong with an audit log", pgx.RowTo[bool], `
		INSERT INTO audit_findings (org_id, part, seq, what, detail, round) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (org_id, part) DO UPDATE SET seq = $3, what = $4, detail = $5, round = $6
		RETURNING found_at = now()`, f.Org.UUID(), f.Part, f.Seq, f.What, f.Detail, f.Round)
}

// HealAudit forgets what a whole round did not find again.
func (tx *Tx) HealAudit(ctx context.Context, round int64) (int64, error) {
	return tx.moved(ctx, "forget what was wrong with audit logs", `DELETE FROM audit_findings WHERE round < $1`, round)
}

// AuditBroken counts the logs that something is wrong with.
func (tx *Tx) AuditBroken(ctx context.Context) (int64, error) {
	return one(ctx, tx, "count broken audit logs", pgx.RowTo[int64], `SELECT count(DISTINCT org_id) FROM audit_findings`)
}
