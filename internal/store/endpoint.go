package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const endpointColumns = `w.id, w.org_id, w.url, w.description, w.events, w.clients::text[], w.directions, w.chat_kinds, w.payload, w.ordered, w.batch,
	w.headers, w.max_in_flight, w.rate, w.timeout_ms, w.schedule, w.enabled, w.disabled_reason, w.disabled_at, w.callback,
	w.created_at, w.updated_at, l.open_until, l.failing_since, l.last_success_at, l.last_failure_at`

const endpointTables = ` w JOIN webhook_lines l ON l.endpoint_id = w.id `

// EndpointRow is an endpoint with its headers as they are kept.
type EndpointRow struct {
	wa.Endpoint
	SealedHeaders []byte
}

// SealedSecret is a secret as it is kept. ExpiresAt is nil for the one in use.
type SealedSecret struct {
	ID        wa.SecretID
	Sealed    []byte
	ExpiresAt *time.Time
}

// InsertEndpoint keeps a new endpoint with its secret and its line.
func (tx *Tx) InsertEndpoint(ctx context.Context, e EndpointRow, secret SealedSecret) error {
	_, err := tx.moved(ctx, "insert endpoint", `
		INSERT INTO webhook_endpoints (id, org_id, url, description, events, clients, directions, chat_kinds, payload, ordered,
			headers, max_in_flight, rate, timeout_ms, schedule, callback, batch)
		VALUES ($1, $2, $3, $4, $5, $6::uuid[], $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		e.ID, e.OrgID, e.URL, e.Description, e.Events, uuids(e.Clients), texts(e.Directions), texts(e.ChatKinds), string(e.Payload), e.Ordered,
		e.SealedHeaders, e.MaxInFlight, e.Rate, e.TimeoutMS, e.Schedule, e.Callback, max(e.Batch, 1))
	if err != nil {
		return err
	}
	if _, err := tx.moved(ctx, "insert line", `INSERT INTO webhook_lines (endpoint_id, org_id) VALUES ($1, $2)`, e.ID, e.OrgID); err != nil {
		return err
	}
	return tx.InsertSecret(ctx, e.OrgID, e.ID, secret)
}

// Endpoint reads one endpoint.
func (tx *Tx) Endpoint(ctx context.Context, org wa.OrgID, id wa.EndpointID) (EndpointRow, error) {
	found, err := one(ctx, tx, "find endpoint", scanEndpoint, `
		SELECT `+endpointColumns+` FROM webhook_endpoints`+endpointTables+`
		WHERE w.org_id = $1 AND w.id = $2 AND w.deleted_at IS NULL AND NOT w.callback`, org, id)
	return found, missing(err, "webhook")
}

// LineEndpoint is Endpoint for delivering to it: one that is switched off is
// not found, and one that was made for messages' callbacks is.
func (tx *Tx) LineEndpoint(ctx context.Context, org wa.OrgID, id wa.EndpointID) (EndpointRow, error) {
	return one(ctx, tx, "find endpoint", scanEndpoint, `
		SELECT `+endpointColumns+` FROM webhook_endpoints`+endpointTables+`
		WHERE w.org_id = $1 AND w.id = $2 AND w.deleted_at IS NULL AND w.enabled`, org, id)
}

// LockEndpoint is Endpoint for changing it.
func (tx *Tx) LockEndpoint(ctx context.Context, org wa.OrgID, id wa.EndpointID) (EndpointRow, error) {
	found, err := one(ctx, tx, "lock endpoint", scanEndpoint, `
		SELECT `+endpointColumns+` FROM webhook_endpoints`+endpointTables+`
		WHERE w.org_id = $1 AND w.id = $2 AND w.deleted_at IS NULL AND NOT w.callback FOR UPDATE OF w`, org, id)
	return found, missing(err, "webhook")
}

// Endpoints pages through an org's endpoints, newest first.
func (tx *Tx) Endpoints(ctx context.Context, org wa.OrgID, p Page) ([]EndpointRow, error) {
	return collect(ctx, tx, "list endpoints", scanEndpoint, `
		SELECT `+endpointColumns+` FROM webhook_endpoints`+endpointTables+`
		WHERE w.org_id = $1 AND w.deleted_at IS NULL AND NOT w.callback AND (w.created_at, w.id) < ($2, $3)
		ORDER BY w.created_at DESC, w.id DESC LIMIT $4`, org, p.Before, p.BeforeID, p.Limit)
}

// CountEndpoints counts an org's endpoints.
func (tx *Tx) CountEndpoints(ctx context.Context, org wa.OrgID) (int, error) {
	return one(ctx, tx, "count endpoints", pgx.RowTo[int], `
		SELECT count(*) FROM webhook_endpoints WHERE org_id = $1 AND deleted_at IS NULL AND NOT callback`, org)
}

// UpdateEndpoint keeps what a person changed.
func (tx *Tx) UpdateEndpoint(ctx context.Context, e EndpointRow) error {
	return tx.exactly(ctx, "update endpoint", `
		UPDATE webhook_endpoints SET url = $3, description = $4, events = $5, clients = $6::uuid[], directions = $7, chat_kinds = $8,
			payload = $9, ordered = $10, headers = $11, max_in_flight = $12, rate = $13, timeout_ms = $14, schedule = $15, batch = $16, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL`,
		e.OrgID, e.ID, e.URL, e.Description, e.Events, uuids(e.Clients), texts(e.Directions), texts(e.ChatKinds), string(e.Payload), e.Ordered,
		e.SealedHeaders, e.MaxInFlight, e.Rate, e.TimeoutMS, e.Schedule, e.Batch)
}

// EnableEndpoint switches an endpoint on and forgets that it was failing. False:
// it was on.
func (tx *Tx) EnableEndpoint(ctx context.Context, org wa.OrgID, id wa.EndpointID) (bool, error) {
	n, err := tx.moved(ctx, "enable endpoint", `
		UPDATE webhook_endpoints SET enabled = true, disabled_reason = '', disabled_at = NULL, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL AND NOT enabled`, org, id)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.moved(ctx, "forget failures", `
		UPDATE webhook_lines SET open_until = NULL, trips = 0, recent = NULL, failing_since = NULL, failing_told = false
		WHERE org_id = $1 AND endpoint_id = $2`, org, id)
	return true, err
}

// DisableEndpoint switches an endpoint off. False: it was off.
func (tx *Tx) DisableEndpoint(ctx context.Context, org wa.OrgID, id wa.EndpointID, reason string) (bool, error) {
	n, err := tx.moved(ctx, "disable endpoint", `
		UPDATE webhook_endpoints SET enabled = false, disabled_reason = $3, disabled_at = now(), updated_at = now()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL AND enabled`, org, id, reason)
	return n == 1, err
}

// DeleteEndpoint takes an endpoint away. Its deliveries are swept with age.
func (tx *Tx) DeleteEndpoint(ctx context.Context, org wa.OrgID, id wa.EndpointID) error {
	err := tx.exactly(ctx, "delete endpoint", `
		UPDATE webhook_endpoints SET deleted_at = now(), enabled = false, disabled_at = coalesce(disabled_at, now()), headers = NULL, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL AND NOT callback`, org, id)
	if err != nil {
		return missing(err, "webhook")
	}
	_, err = tx.moved(ctx, "delete secrets", `DELETE FROM webhook_secrets WHERE org_id = $1 AND endpoint_id = $2`, org, id)
	return err
}

// CloseCircuit lets requests out to an endpoint again.
func (tx *Tx) CloseCircuit(ctx context.Context, org wa.OrgID, id wa.EndpointID) error {
	_, err := tx.moved(ctx, "close circuit", `
		UPDATE webhook_lines SET open_until = NULL, trips = 0, recent = NULL
		WHERE org_id = $1 AND endpoint_id = $2`, org, id)
	return err
}

// AllowsHTTP reports whether an org's addresses may be plain http.
func (tx *Tx) AllowsHTTP(ctx context.Context, org wa.OrgID) (bool, error) {
	return one(ctx, tx, "read org", pgx.RowTo[bool], `SELECT allow_http FROM orgs WHERE id = $1`, org)
}

// AllowHTTP says whether an org's addresses may be plain http.
func (tx *Tx) AllowHTTP(ctx context.Context, org wa.OrgID, allow bool) error {
	return tx.exactly(ctx, "change org", `UPDATE orgs SET allow_http = $2 WHERE id = $1`, org, allow)
}

// Secrets lists the secrets that sign now, the one in use first.
func (tx *Tx) Secrets(ctx context.Context, org wa.OrgID, id wa.EndpointID, ahead time.Duration) ([]SealedSecret, error) {
	return collect(ctx, tx, "read secrets", func(r pgx.CollectableRow) (s SealedSecret, err error) {
		err = r.Scan(&s.ID, &s.Sealed, &s.ExpiresAt)
		return s, err
	}, `
		SELECT id, sealed, expires_at FROM webhook_secrets
		WHERE org_id = $1 AND endpoint_id = $2 AND (expires_at IS NULL OR expires_at > clock_timestamp() + $3::interval)
		ORDER BY expires_at DESC NULLS FIRST`, org, id, ahead)
}

// InsertSecret keeps an endpoint's new secret. Before one that is to be in use
// comes RetireSecret.
func (tx *Tx) InsertSecret(ctx context.Context, org wa.OrgID, id wa.EndpointID, s SealedSecret) error {
	_, err := tx.moved(ctx, "insert secret", `
		INSERT INTO webhook_secrets (id, org_id, endpoint_id, sealed, expires_at) VALUES ($1, $2, $3, $4, $5)`, s.ID, org, id, s.Sealed, s.ExpiresAt)
	return err
}

// RetireSecret lets the secret in use run out after grace, and forgets those
// that have run out.
func (tx *Tx) RetireSecret(ctx context.Context, org wa.OrgID, id wa.EndpointID, grace, ahead time.Duration) error {
	if _, err := tx.moved(ctx, "retire secret", `
		UPDATE webhook_secrets SET expires_at = clock_timestamp() + $3::interval + $4::interval
		WHERE org_id = $1 AND endpoint_id = $2 AND expires_at IS NULL`, org, id, grace, ahead); err != nil {
		return err
	}
	if err := tx.forgetSecrets(ctx, org, id, ahead); err != nil {
		return err
	}
	return tx.touchEndpoint(ctx, org, id)
}

// touchEndpoint has the endpoint's line read everything again.
func (tx *Tx) touchEndpoint(ctx context.Context, org wa.OrgID, id wa.EndpointID) error {
	return tx.exactly(ctx, "touch endpoint", `UPDATE webhook_endpoints SET updated_at = clock_timestamp() WHERE org_id = $1 AND id = $2`, org, id)
}

// RevokeOldSecrets ends every secret but the one in use, now.
func (tx *Tx) RevokeOldSecrets(ctx context.Context, org wa.OrgID, id wa.EndpointID) error {
	_, err := tx.moved(ctx, "revoke old secrets", `
		DELETE FROM webhook_secrets WHERE org_id = $1 AND endpoint_id = $2 AND expires_at IS NOT NULL`, org, id)
	if err != nil {
		return err
	}
	return tx.touchEndpoint(ctx, org, id)
}

func (tx *Tx) forgetSecrets(ctx context.Context, org wa.OrgID, id wa.EndpointID, ahead time.Duration) error {
	_, err := tx.moved(ctx, "forget secrets", `
		DELETE FROM webhook_secrets WHERE org_id = $1 AND endpoint_id = $2 AND expires_at <= clock_timestamp() + $3::interval`, org, id, ahead)
	return err
}

func scanEndpoint(r pgx.CollectableRow) (e EndpointRow, err error) {
	var clients, directions, kinds []string
	h := &e.Health
	err = r.Scan(&e.ID, &e.OrgID, &e.URL, &e.Description, &e.Events, &clients, &directions, &kinds, &e.Payload, &e.Ordered, &e.Batch,
		&e.SealedHeaders, &e.MaxInFlight, &e.Rate, &e.TimeoutMS, &e.Schedule, &e.Enabled, &e.DisabledReason, &e.DisabledAt, &e.Callback,
		&e.CreatedAt, &e.UpdatedAt, &h.OpenUntil, &h.FailingSince, &h.LastSuccessAt, &h.LastFailureAt)
	if err != nil {
		return e, err
	}
	for _, c := range clients {
		var id wa.ClientID
		if err := id.Scan(c); err != nil {
			return e, err
		}
		e.Clients = append(e.Clients, id)
	}
	for _, d := range directions {
		e.Directions = append(e.Directions, wa.Direction(d))
	}
	for _, k := range kinds {
		e.ChatKinds = append(e.ChatKinds, wa.ChatKind(k))
	}
	h.State = "ok"
	if h.FailingSince != nil {
		h.State = "failing"
	}
	if h.OpenUntil != nil {
		h.State = "open"
	}
	return e, nil
}

// missing says what it is that was not found.
func missing(err error, what string) error {
	var e *wa.Error
	if !errors.As(err, &e) || e.Code != wa.NotFound {
		return err
	}
	named := *e
	named.Message = "there is no such " + what
	return &named
}

// uuids gives ids as Postgres takes them; nil for none.
func uuids[I interface{ UUID() string }](ids []I) []string {
	var out []string
	for _, id := range ids {
		out = append(out, id.UUID())
	}
	return out
}

// texts gives words as Postgres takes them; nil for none.
func texts[S ~string](words []S) []string {
	var out []string
	for _, w := range words {
		out = append(out, string(w))
	}
	return out
}
