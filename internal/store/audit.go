package store

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Audit writes a line into the log of the actor's org: who did what to which
// target, and what it was before and after (nil for nothing), secrets masked. It
// fails only when before or after cannot be encoded. An actor without org writes
// into the installation's own log and needs a system transaction.
//
// The line is written after everything else, right before commit, because it
// waits for the line before it: whoever audits holds its org's log for one
// commit, and no other lock is ever taken after it.
func (tx *Tx) Audit(by wa.Actor, action wa.AuditAction, target string, before, after any) error {
	e, err := wa.NewAuditEntry(by, action, target, before, after)
	if err != nil {
		return err
	}
	tx.audits = append(tx.audits, e)
	return nil
}

// auditBatch orders the lines by their orgs, so that two transactions that write
// into the same two logs do not wait for each other.
func auditBatch(entries []wa.AuditEntry) *pgx.Batch {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b wa.AuditEntry) int { return strings.Compare(a.OrgID.UUID(), b.OrgID.UUID()) })
	batch := &pgx.Batch{}
	for _, e := range sorted {
		digest := e.Digest()
		batch.Queue(`
			INSERT INTO audit_log (org_id, id, kind, actor_id, actor_name, role, action, target, before, after, ip, agent, request, digest)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			e.OrgID.UUID(), e.ID, string(e.Kind), e.ActorID, e.ActorName, string(e.Role), string(e.Action), e.Target,
			rawOrNull(e.Before), rawOrNull(e.After), e.From.IP, e.From.Agent, e.From.Request, digest[:])
	}
	return batch
}

func rawOrNull(raw []byte) []byte {
	if len(raw) == 0 {
		return nil
	}
	return raw
}
