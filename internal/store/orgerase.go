package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// OrgErasure is how rows of an org are taken away: Pick, where there is one,
// finds and holds at most $2 of them by their ids, and each step deletes from its
// table, those rows ($2) or at most $2 of the org ($1). Two statements and not
// one, because what hangs on a row may be written until the row is held.
type OrgErasure struct {
	Pick  string
	Steps []EraseStep
}

// EraseStep deletes from one table.
type EraseStep struct{ Table, SQL string }

// OrgErasures are all of them, in the order in which they work: what hangs on
// something goes before it. Every table with rows of orgs is here, in
// lastErased, or in OutliveOrgs; a test compares.
func OrgErasures() []OrgErasure {
	return []OrgErasure{
		{
			Pick: `
				SELECT d.id FROM webhook_endpoints w CROSS JOIN LATERAL (
					SELECT id FROM webhook_deliveries WHERE org_id = $1 AND endpoint_id = w.id
					ORDER BY created_at DESC, id DESC LIMIT $2 FOR UPDATE) d
				WHERE w.org_id = $1 LIMIT $2`,
			Steps: []EraseStep{
				{"webhook_attempts", `DELETE FROM webhook_attempts WHERE org_id = $1 AND delivery_id = ANY ($2::uuid[])`},
				{"webhook_deliveries", `DELETE FROM webhook_deliveries WHERE org_id = $1 AND id = ANY ($2::uuid[])`},
			},
		},
		{
			Pick: `SELECT id FROM messages WHERE org_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 FOR UPDATE`,
			Steps: []EraseStep{
				{"read_receipts", `DELETE FROM read_receipts WHERE org_id = $1 AND message_id = ANY ($2::uuid[])`},
				{"message_events", `DELETE FROM message_events WHERE org_id = $1 AND message_id = ANY ($2::uuid[])`},
				{"messages", `DELETE FROM messages WHERE org_id = $1 AND id = ANY ($2::uuid[])`},
			},
		},
		byOrg("events", "tx, position"),
		byOrg("erasures", "created_at DESC, id DESC"),
		byOrg("chats", "moved_at DESC, id DESC"),
		byOrg("contacts", "created_at DESC, id DESC"),
		byOrg("message_figures", "at"),
		byOrg("message_figures_marks", ""),
		byOrg("idempotency_keys", "key, route"),
		byClient("message_figures_due", "at"),
		byClient("erased_figures", "at"),
		byClient("erased_sends", "sent_at"),
		byClient("client_history", "at DESC, id DESC"),
		byOrg("device_values", "device_id, kind, key"),
		byOrg("devices", "id"),
		byOrg("lids", "lid"),
		byOrg("sign_in_policies", ""),
		{
			Pick: `SELECT id FROM clients WHERE org_id = $1 ORDER BY id LIMIT $2 FOR UPDATE`,
			Steps: []EraseStep{
				{"pairings", `DELETE FROM pairings WHERE org_id = $1 AND client_id = ANY ($2::uuid[])`},
				{"user_clients", `DELETE FROM user_clients WHERE org_id = $1 AND client_id = ANY ($2::uuid[])`},
				{"client_sequences", `DELETE FROM client_sequences WHERE org_id = $1 AND client_id = ANY ($2::uuid[])`},
				{"clients", `DELETE FROM clients WHERE org_id = $1 AND id = ANY ($2::uuid[])`},
			},
		},
		{
			Pick: `SELECT id FROM webhook_endpoints WHERE org_id = $1 ORDER BY id LIMIT $2 FOR UPDATE`,
			Steps: []EraseStep{
				{"webhook_secrets", `DELETE FROM webhook_secrets WHERE org_id = $1 AND endpoint_id = ANY ($2::uuid[])`},
				{"webhook_lines", `DELETE FROM webhook_lines WHERE org_id = $1 AND endpoint_id = ANY ($2::uuid[])`},
				{"webhook_recoveries", `DELETE FROM webhook_recoveries WHERE org_id = $1 AND endpoint_id = ANY ($2::uuid[])`},
				{"webhook_endpoints", `DELETE FROM webhook_endpoints WHERE org_id = $1 AND id = ANY ($2::uuid[])`},
			},
		},
		byOrg("mailed_links", ""),
		{
			Pick: `SELECT id FROM users WHERE org_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 FOR UPDATE`,
			Steps: []EraseStep{
				{"recovery_codes", `DELETE FROM recovery_codes WHERE org_id = $1 AND user_id = ANY ($2::uuid[])`},
				{"one_time_codes", `DELETE FROM one_time_codes WHERE org_id = $1 AND user_id = ANY ($2::uuid[])`},
				{"sessions", `DELETE FROM sessions WHERE org_id = $1 AND user_id = ANY ($2::uuid[])`},
				{"users", `DELETE FROM users WHERE org_id = $1 AND id = ANY ($2::uuid[])`},
			},
		},
		byOrg("api_keys", "created_at DESC, id DESC"),
		byOrg("invitations", "created_at DESC, id DESC"),
		byOrg("oidc_flows", ""),
		byOrg("code_counts", ""),
		byOrg("security_counts", "kind, subject, bucket"),
		byOrg("security_alerts", ""),
		byOrg("stops", ""),
		byOrg("mails", "id"),
	}
}

// lastErased go together, at the end: the org, and the key without which
// whatever it sealed, in backups too, cannot be read.
func lastErased() []EraseStep {
	return []EraseStep{
		{"data_keys", `DELETE FROM data_keys WHERE org_id = $1`},
		{"orgs", `DELETE FROM orgs WHERE id = $1`},
	}
}

// OutliveOrgs are the tables whose rows of an org stay when it is erased, with
// the reason.
func OutliveOrgs() map[string]string {
	return map[string]string{
		"audit_log":       "who deleted what can be proved; lines hold ids and no names, and retention of the log takes them",
		"audit_heads":     "where the org's log ends",
		"audit_anchors":   "what the org's log is compared with",
		"audit_findings":  "what is wrong with the org's log",
		"audit_forgotten": "how much of the org's log was forgotten",
	}
}

// byOrg is the erasure of a table that nothing hangs on, along an index that
// begins with the org.
func byOrg(table, order string) OrgErasure {
	if order != "" {
		order = " ORDER BY " + order
	}
	return OrgErasure{Steps: []EraseStep{{table, `
		DELETE FROM ` + table + ` WHERE org_id = $1
		  AND ctid = ANY (ARRAY(SELECT ctid FROM ` + table + ` WHERE org_id = $1` + order + ` LIMIT $2))`}}}
}

// byClient is byOrg for a table whose index begins with the client.
func byClient(table, order string) OrgErasure {
	return OrgErasure{Steps: []EraseStep{{table, `
		DELETE FROM ` + table + ` WHERE org_id = $1
		  AND ctid = ANY (ARRAY(
			SELECT t.ctid FROM clients c CROSS JOIN LATERAL (
				SELECT ctid FROM ` + table + ` WHERE org_id = $1 AND client_id = c.id ORDER BY ` + order + ` LIMIT $2) t
			WHERE c.org_id = $1 LIMIT $2))`}}}
}

// EraseSome takes at most limit rows (and what hangs on them) of an org away that
// is being erased, of the tables of one erasure, and counts them. It gives how
// many, over all of its tables. Conflict: another process is at it.
func (tx *Tx) EraseSome(ctx context.Context, org wa.OrgID, e OrgErasure, limit int) (int64, error) {
	if err := tx.holdErasing(ctx, org); err != nil {
		return 0, err
	}
	var which any = limit
	if e.Pick != "" {
		ids, err := collect(ctx, tx, "pick rows to erase", pgx.RowTo[string], `SELECT id::text FROM (`+e.Pick+`) p`, org, limit)
		if err != nil || len(ids) == 0 {
			return 0, err
		}
		which = ids
	}
	return tx.eraseCounted(ctx, org, e.Steps, which)
}

// EraseOrg takes the org's own row away, with the key of its secrets.
func (tx *Tx) EraseOrg(ctx context.Context, org wa.OrgID) error {
	if err := tx.holdErasing(ctx, org); err != nil {
		return err
	}
	if _, err := tx.eraseCounted(ctx, org, lastErased()); err != nil {
		return err
	}
	_, err := tx.moved(ctx, "note that org is gone", `
		UPDATE org_deletions SET gone_at = coalesce(gone_at, clock_timestamp()) WHERE org_id = $1`, org)
	return err
}

// FinishErasing forgets that an org was being deleted, settle after its row went;
// false when it is not that long ago, or somebody else did. What was erased is in
// the answer.
func (tx *Tx) FinishErasing(ctx context.Context, org wa.OrgID, settle time.Duration) (Leaving, bool, error) {
	l, err := one(ctx, tx, "finish erasing", scanLeaving, `
		DELETE FROM org_deletions WHERE org_id = $1 AND gone_at <= clock_timestamp() - $2::interval
		RETURNING org_id, '', asked_at, asked_by, due_at, erasing_at, gone_at, counts`, org, settle)
	if wa.CodeOf(err) == wa.NotFound {
		return l, false, nil
	}
	return l, err == nil, err
}

// holdErasing lets one process at a time erase an org.
func (tx *Tx) holdErasing(ctx context.Context, org wa.OrgID) error {
	_, err := one(ctx, tx, "hold erasing", pgx.RowTo[int], `
		SELECT 1 FROM org_deletions WHERE org_id = $1 AND erasing_at IS NOT NULL FOR UPDATE SKIP LOCKED`, org)
	if wa.CodeOf(err) == wa.NotFound {
		return wa.Errorf(wa.Conflict, "another process erases this organisation, or nobody does any more")
	}
	return err
}

// eraseCounted runs steps and adds what they erased to the receipt.
func (tx *Tx) eraseCounted(ctx context.Context, org wa.OrgID, steps []EraseStep, args ...any) (total int64, err error) {
	for _, s := range steps {
		n, err := tx.moved(ctx, "erase "+s.Table, s.SQL, append([]any{org}, args...)...)
		if err != nil {
			return 0, err
		}
		if total += n; n == 0 {
			continue
		}
		if _, err := tx.moved(ctx, "count what was erased", `
			UPDATE org_deletions SET counts = jsonb_set(counts, ARRAY[$2::text], to_jsonb(coalesce((counts->>$2)::bigint, 0) + $3::bigint))
			WHERE org_id = $1`, org, s.Table, n); err != nil {
			return 0, err
		}
	}
	return total, nil
}
