package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// OrgSettings reads what an org has set.
func (tx *Tx) OrgSettings(ctx context.Context, org wa.OrgID) (wa.OrgOptions, error) {
	s, err := one(ctx, tx, "read settings", func(r pgx.CollectableRow) (s wa.OrgOptions, err error) {
		var limits []byte
		err = r.Scan(&s.AgentsSeeOwnChats, &s.SessionHours, &s.AllowHTTP, &s.RetentionDays.Messages, &s.RetentionDays.Events,
			&s.RetentionDays.Deliveries, &s.TimeZone, &limits, &s.RetentionDays.Audit, &s.AgentsNewContacts)
		if err == nil {
			s.NewClientLimits, err = newLimits(limits)
		}
		return s, err
	}, `
		SELECT own_chats, session_hours, allow_http, keep_messages, keep_events, keep_deliveries, time_zone, new_limits, keep_audit, new_contacts FROM orgs WHERE id = $1`, org)
	return s, missing(err, "org")
}

// SetOrgSettings keeps what an org has set. Sign-ins that would last longer end
// when those that begin now do.
func (tx *Tx) SetOrgSettings(ctx context.Context, org wa.OrgID, s wa.OrgOptions) error {
	var limits *wa.Limits // NULL for the usual ones
	if s.NewClientLimits != wa.DefaultLimits() {
		limits = &s.NewClientLimits
	}
	err := tx.exactly(ctx, "keep settings", `
		UPDATE orgs SET own_chats = $2, session_hours = $3, allow_http = $4, keep_messages = $5, keep_events = $6, keep_deliveries = $7, time_zone = $8, new_limits = $9, keep_audit = $10, new_contacts = $11 WHERE id = $1`,
		org, s.AgentsSeeOwnChats, s.SessionHours, s.AllowHTTP, s.RetentionDays.Messages, s.RetentionDays.Events, s.RetentionDays.Deliveries, s.TimeZone, limits,
		s.RetentionDays.Audit, s.AgentsNewContacts)
	if err != nil {
		return missing(err, "org")
	}
	_, err = tx.moved(ctx, "shorten sessions", `
		UPDATE sessions SET expires_at = created_at + make_interval(hours => $2)
		WHERE org_id = $1 AND ended_at IS NULL AND expires_at > created_at + make_interval(hours => $2)`, org, s.SessionHours)
	return err
}

// NewLimits is how fast a client may send that an org makes now.
func (tx *Tx) NewLimits(ctx context.Context, org wa.OrgID) (wa.Limits, error) {
	raw, err := one(ctx, tx, "read limits of new clients", pgx.RowTo[[]byte], `SELECT new_limits FROM orgs WHERE id = $1`, org)
	if err != nil {
		return wa.Limits{}, missing(err, "org")
	}
	return newLimits(raw)
}

// newLimits reads the column; what an org has no wish for is as usual.
func newLimits(raw []byte) (wa.Limits, error) {
	l := wa.DefaultLimits()
	if raw == nil {
		return l, nil
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return l, fmt.Errorf("decode limits of new clients: %w", err)
	}
	return l, nil
}

// AnyOrg reports whether there is an org at all. It needs a system transaction.
func (tx *Tx) AnyOrg(ctx context.Context) (bool, error) {
	return one(ctx, tx, "look for an org", pgx.RowTo[bool], `SELECT EXISTS (SELECT FROM orgs)`)
}

// OrgsEver counts the orgs that there have been, those too that were erased: the
// head of an org's log outlives it and cannot be deleted. It needs a system
// transaction.
func (tx *Tx) OrgsEver(ctx context.Context) (int64, error) {
	return one(ctx, tx, "count orgs that have been", pgx.RowTo[int64], `
		SELECT count(*) FROM audit_heads WHERE org_id <> '00000000-0000-0000-0000-000000000000'`)
}

// HoldOrgs keeps everybody from making an org until the transaction ends. It
// needs a system transaction.
func (tx *Tx) HoldOrgs(ctx context.Context) error {
	_, err := tx.moved(ctx, "hold orgs", `LOCK TABLE orgs IN SHARE ROW EXCLUSIVE MODE`)
	return err
}

// Forgetting is an org that wants something forgotten.
type Forgetting struct {
	Org  wa.OrgID
	Keep wa.Retention
}

// ForgettingOrgs lists the orgs that want something forgotten sooner than
// everybody. It needs a system transaction.
func (tx *Tx) ForgettingOrgs(ctx context.Context) ([]Forgetting, error) {
	return collect(ctx, tx, "list who forgets", func(r pgx.CollectableRow) (f Forgetting, err error) {
		err = r.Scan(&f.Org, &f.Keep.Messages, &f.Keep.Events, &f.Keep.Deliveries)
		return f, err
	}, `
		SELECT id, keep_messages, keep_events, keep_deliveries FROM orgs
		WHERE keep_messages IS NOT NULL OR keep_events IS NOT NULL OR keep_deliveries < 30`)
}

// ForgetMessages deletes messages of an org that have ended and are older than
// days, oldest first, at most limit, with their timelines. What is still on its
// way stays, however old. They are held first: a step of one, such as a late
// receipt's, may be written until then.
func (tx *Tx) ForgetMessages(ctx context.Context, org wa.OrgID, days, limit int) (int64, error) {
	old, err := collect(ctx, tx, "hold messages to forget", pgx.RowTo[wa.MessageID], `
		SELECT id FROM messages
		WHERE org_id = $1 AND created_at < now() - make_interval(days => $2)
		  AND status IN ('sent', 'delivered', 'read', 'played', 'failed', 'cancelled', 'expired', 'received')
		ORDER BY created_at, id LIMIT $3 FOR UPDATE`, org, days, limit)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	return tx.moved(ctx, "forget messages", `
		WITH steps AS (
			DELETE FROM message_events WHERE org_id = $1 AND message_id = ANY ($2::uuid[])
		)
		DELETE FROM messages WHERE org_id = $1 AND id = ANY ($2::uuid[])`, org, uuidTexts(old))
}

// ForgetEvents deletes events of an org that are older than days, from the
// beginning of its feed, at most limit, and what endpoints answered to them: an
// erasure of a person, who may stand in it, finds answers by their events. A
// delivery of one that is still to be made finds it gone and ends.
func (tx *Tx) ForgetEvents(ctx context.Context, org wa.OrgID, days, limit int) (int64, error) {
	gone, err := collect(ctx, tx, "forget events", pgx.RowTo[wa.EventID], `
		WITH old AS MATERIALIZED (
			SELECT id, created_at FROM events WHERE org_id = $1 ORDER BY tx, position LIMIT $3
		)
		DELETE FROM events e USING old WHERE e.org_id = $1 AND e.id = old.id AND old.created_at < now() - make_interval(days => $2)
		RETURNING e.id`, org, days, limit)
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	return int64(len(gone)), tx.forgetAnswersTo(ctx, org, gone)
}

// forgetAnswersTo forgets what endpoints answered to some events, each by itself:
// of those that went in one request with others the answer stays with the others,
// until they are forgotten.
func (tx *Tx) forgetAnswersTo(ctx context.Context, org wa.OrgID, events []wa.EventID) error {
	_, err := tx.moved(ctx, "forget answers to events", `
		WITH made AS MATERIALIZED (
			SELECT md5(w.id::text || u.event)::uuid AS delivery FROM webhook_endpoints w, unnest($2::text[]) AS u(event) WHERE w.org_id = $1
		)
		UPDATE webhook_attempts a SET body = NULL, headers = NULL, detail = ''
		FROM made WHERE a.org_id = $1 AND a.delivery_id = made.delivery
		  AND (a.body IS NOT NULL OR a.headers IS NOT NULL OR a.detail <> '')`, org, uuidTexts(events))
	return err
}

// ForgetDeliveries deletes deliveries of an org that are over and older than
// days, at most limit, with their attempts: one may be written until a delivery
// is held.
func (tx *Tx) ForgetDeliveries(ctx context.Context, org wa.OrgID, days, limit int) (int64, error) {
	old, err := collect(ctx, tx, "hold deliveries to forget", pgx.RowTo[wa.DeliveryID], `
		SELECT d.id FROM webhook_endpoints w CROSS JOIN LATERAL (
			SELECT id FROM webhook_deliveries
			WHERE org_id = $1 AND endpoint_id = w.id AND created_at < now() - make_interval(days => $2) AND status <> 'pending'
			ORDER BY created_at DESC, id DESC LIMIT $3 FOR UPDATE) d
		WHERE w.org_id = $1 LIMIT $3`, org, days, limit)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	return tx.moved(ctx, "forget deliveries", `
		WITH attempts AS (
			DELETE FROM webhook_attempts WHERE org_id = $1 AND delivery_id = ANY ($2::uuid[])
		)
		DELETE FROM webhook_deliveries WHERE org_id = $1 AND id = ANY ($2::uuid[])`, org, deliveryUUIDs(old))
}
