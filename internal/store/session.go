package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// SessionRow is a session with what its refresh tokens are recognised by.
type SessionRow struct {
	wa.Session
	OrgID        wa.OrgID
	Family       []byte
	Refresh      []byte // hash of the token that is in use
	Previous     []byte // hash of the one before it; nil before the first turn
	RotatedAt    time.Time
	Version      int64 // of the person's sessions, when it began
	SecondFactor bool
	FreshAt      time.Time
	EndedAt      *time.Time
}

const sessionColumns = `
	s.id, s.org_id, s.user_id, s.family, s.refresh_hash, s.previous_hash, s.rotated_at, s.version, s.how, s.second_factor, s.fresh_at,
	s.ip, s.agent, s.created_at, s.used_at, s.expires_at, s.ended_at`

// InsertSession keeps a new session.
func (tx *Tx) InsertSession(ctx context.Context, s SessionRow) error {
	_, err := tx.moved(ctx, "insert session", `
		INSERT INTO sessions (org_id, id, user_id, family, refresh_hash, rotated_at, version, how, second_factor, fresh_at, ip, agent, created_at, used_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		s.OrgID, s.ID, s.UserID, s.Family, s.Refresh, s.RotatedAt, s.Version, string(s.How), s.SecondFactor, s.FreshAt, s.IP, s.Agent,
		s.CreatedAt, s.UsedAt, s.ExpiresAt)
	return err
}

// LockFamily finds the session that a refresh token belongs to and holds it
// until the transaction ends. It needs a system transaction, because whose it is
// is the question.
func (tx *Tx) LockFamily(ctx context.Context, family []byte) (SessionRow, error) {
	return one(ctx, tx, "find session", scanSession, `SELECT `+sessionColumns+` FROM sessions s WHERE s.family = $1 FOR NO KEY UPDATE`, family)
}

// RotateSession puts the next token in place of the one in use; false when that
// is another by now.
func (tx *Tx) RotateSession(ctx context.Context, org wa.OrgID, id wa.SessionID, from, to []byte, now time.Time) (bool, error) {
	n, err := tx.moved(ctx, "rotate session", `
		UPDATE sessions SET refresh_hash = $4, previous_hash = $3, rotated_at = $5, used_at = $5
		WHERE org_id = $1 AND id = $2 AND refresh_hash = $3 AND ended_at IS NULL`, org, id, from, to, now)
	return n == 1, err
}

// Seat is a session and the person in it, as of now.
type Seat struct {
	Session SessionRow
	Email   string
	Role    wa.Role
	Status  wa.UserStatus
	Version int64 // of the person's sessions, now
	Factor  bool  // they have a second factor
	Due     bool  // their role must have one
	Own     bool  // their org shows people of their role only their own chats
	Known   bool  // their org lets people of their role write only where there is a chat
	Leaving bool  // their org is being deleted
}

// Seat reads who sits in a session; NotFound when there is none.
func (tx *Tx) Seat(ctx context.Context, org wa.OrgID, id wa.SessionID) (Seat, error) {
	return one(ctx, tx, "find session", func(r pgx.CollectableRow) (v Seat, err error) {
		s := &v.Session
		err = r.Scan(append(sessionTargets(s), &v.Email, &v.Role, &v.Status, &v.Version, &v.Factor, &v.Due, &v.Own, &v.Known, &v.Leaving)...)
		return v, err
	}, `
		SELECT `+sessionColumns+`, u.email, u.role, u.status, u.session_version, u.totp_confirmed_at IS NOT NULL,
		       coalesce(u.role = ANY (p.second_factor_roles), false), u.role = 'agent' AND o.own_chats, u.role = 'agent' AND NOT o.new_contacts,
		       EXISTS (SELECT FROM org_deletions d WHERE d.org_id = s.org_id)
		FROM sessions s
		JOIN users u ON u.org_id = s.org_id AND u.id = s.user_id
		JOIN orgs o ON o.id = s.org_id
		LEFT JOIN sign_in_policies p ON p.org_id = s.org_id
		WHERE s.org_id = $1 AND s.id = $2`, org, id)
}

// Sessions lists a person's live sessions, newest first.
func (tx *Tx) Sessions(ctx context.Context, org wa.OrgID, user wa.UserID, now time.Time, p Page) ([]wa.Session, error) {
	return collect(ctx, tx, "list sessions", func(r pgx.CollectableRow) (wa.Session, error) {
		s, err := scanSession(r)
		return s.Session, err
	}, `
		SELECT `+sessionColumns+` FROM sessions s
		JOIN users u ON u.org_id = s.org_id AND u.id = s.user_id
		WHERE s.org_id = $1 AND s.user_id = $2 AND s.ended_at IS NULL AND s.expires_at > $3 AND s.version = u.session_version
		  AND (s.created_at, s.id) < ($4, $5::uuid)
		ORDER BY s.created_at DESC, s.id DESC
		LIMIT $6`, org, user, now, p.Before, p.BeforeID, p.Limit)
}

// EndSession ends one of a person's sessions; it reports whether it was live.
func (tx *Tx) EndSession(ctx context.Context, org wa.OrgID, user wa.UserID, id wa.SessionID, why string, now time.Time) (bool, error) {
	n, err := tx.moved(ctx, "end session", `
		UPDATE sessions SET ended_at = $5, ended_why = $4
		WHERE org_id = $1 AND user_id = $2 AND id = $3 AND ended_at IS NULL`, org, user, id, why, now)
	return n == 1, err
}

// EndSessions ends all of a person's sessions but one (the zero id: all).
func (tx *Tx) EndSessions(ctx context.Context, org wa.OrgID, user wa.UserID, but wa.SessionID, why string, now time.Time) (int64, error) {
	return tx.moved(ctx, "end sessions", `
		UPDATE sessions SET ended_at = $5, ended_why = $4
		WHERE org_id = $1 AND user_id = $2 AND id IS DISTINCT FROM $3 AND ended_at IS NULL`, org, user, but, why, now)
}

// KeepSession lets one session live on after the version of its person's
// sessions has moved.
func (tx *Tx) KeepSession(ctx context.Context, org wa.OrgID, id wa.SessionID, version int64) error {
	_, err := tx.moved(ctx, "keep session", `UPDATE sessions SET version = $3 WHERE org_id = $1 AND id = $2 AND ended_at IS NULL`, org, id, version)
	return err
}

// FreshenSession notes that the person proved anew who they are, and by a
// second factor if so.
func (tx *Tx) FreshenSession(ctx context.Context, org wa.OrgID, id wa.SessionID, factor bool, now time.Time) error {
	return tx.exactly(ctx, "freshen session", `
		UPDATE sessions SET fresh_at = $4, second_factor = second_factor OR $3
		WHERE org_id = $1 AND id = $2 AND ended_at IS NULL`, org, id, factor, now)
}

// SweepPeople forgets what is over: sessions, links, codes, flows and counts.
// It needs a system transaction.
func (tx *Tx) SweepPeople(ctx context.Context, now time.Time) error {
	for _, s := range []string{
		`DELETE FROM sessions WHERE expires_at < $1::timestamptz - interval '7 days'`,
		`DELETE FROM mailed_links WHERE expires_at < $1`,
		`DELETE FROM one_time_codes WHERE expires_at < $1`,
		`DELETE FROM oidc_flows WHERE expires_at < $1`,
		`DELETE FROM code_counts WHERE day < $1::timestamptz - interval '2 days'`,
		`DELETE FROM sign_in_guards WHERE tried_at < $1::timestamptz - interval '1 day'`,
	} {
		if _, err := tx.moved(ctx, "sweep sign-ins", s, now); err != nil {
			return err
		}
	}
	return nil
}

func scanSession(r pgx.CollectableRow) (s SessionRow, err error) {
	err = r.Scan(sessionTargets(&s)...)
	return s, err
}

func sessionTargets(s *SessionRow) []any {
	return []any{
		&s.ID, &s.OrgID, &s.UserID, &s.Family, &s.Refresh, &s.Previous, &s.RotatedAt, &s.Version, &s.How, &s.SecondFactor, &s.FreshAt,
		&s.IP, &s.Agent, &s.CreatedAt, &s.UsedAt, &s.ExpiresAt, &s.EndedAt,
	}
}
