package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// SecurityCount is how often something happened to a subject (the id of a key,
// person or client) in one bucket of time.
type SecurityCount struct {
	Org     wa.OrgID
	Kind    string
	Subject string
	Bucket  time.Time
	Count   int64
}

// AddSecurityCounts adds to what was counted before. The counts must be sorted,
// so that two processes which add at once do not wait for each other. It needs a
// system transaction.
func (tx *Tx) AddSecurityCounts(ctx context.Context, counts []SecurityCount) error {
	var (
		orgs, kinds, subjects []string
		buckets               []time.Time
		numbers               []int64
	)
	for _, c := range counts {
		orgs, kinds, subjects = append(orgs, c.Org.UUID()), append(kinds, c.Kind), append(subjects, c.Subject)
		buckets, numbers = append(buckets, c.Bucket), append(numbers, c.Count)
	}
	_, err := tx.moved(ctx, "count for security", `
		INSERT INTO security_counts (org_id, kind, subject, bucket, count)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[])
		ON CONFLICT (org_id, kind, subject, bucket) DO UPDATE SET count = security_counts.count + excluded.count`, orgs, kinds, subjects, buckets, numbers)
	return err
}

// Suspicion is a subject that something happened to more often than it should.
type Suspicion struct {
	Org     wa.OrgID
	Subject string
	Count   int64
	Usual   int64 // per bucket, where there is a history
}

func scanSuspicion(r pgx.CollectableRow) (s Suspicion, err error) {
	var org string
	if err = r.Scan(&org, &s.Subject, &s.Count, &s.Usual); err != nil {
		return s, err
	}
	return s, s.Org.Scan(org)
}

// OverCount finds subjects with at least that many of a kind within a time. It
// needs a system transaction.
func (tx *Tx) OverCount(ctx context.Context, kind string, within time.Duration, least int64) ([]Suspicion, error) {
	return collect(ctx, tx, "look for suspicious activity", scanSuspicion, `
		SELECT org_id::text, subject, sum(count)::bigint, 0::bigint FROM security_counts
		WHERE kind = $1 AND bucket > now() - $2::interval
		GROUP BY org_id, subject HAVING sum(count) >= $3`, kind, within, least)
}

// OverUsual finds subjects whose count in the newest bucket (of an hour) is at
// least least, and more than times the mean of the hours of the week before in
// which they did anything. It needs a system transaction.
func (tx *Tx) OverUsual(ctx context.Context, kind string, times, least int64) ([]Suspicion, error) {
	return collect(ctx, tx, "look for unusual volume", scanSuspicion, `
		SELECT c.org_id::text, c.subject, c.count, coalesce(h.usual, 0)::bigint
		FROM security_counts c, LATERAL (
			SELECT avg(p.count) AS usual, count(*) AS hours FROM security_counts p
			WHERE p.org_id = c.org_id AND p.kind = c.kind AND p.subject = c.subject
			  AND p.bucket < c.bucket AND p.bucket >= c.bucket - interval '7 days') h
		WHERE c.kind = $1 AND c.bucket = date_trunc('hour', now(), 'UTC') AND c.count >= $3
		  AND h.hours >= 3 AND c.count > $2 * h.usual`, kind, times, least)
}

// FailedSignIns finds accounts with at least that many failed sign-ins within a
// time. It needs a system transaction.
func (tx *Tx) FailedSignIns(ctx context.Context, within time.Duration, least int64) ([]Suspicion, error) {
	return collect(ctx, tx, "look for failed sign-ins", scanSuspicion, `
		SELECT org_id::text, target, count(*), 0::bigint FROM audit_log
		WHERE action IN ('session.sign_in_failed', 'session.step_up_failed') AND at > now() - $1::interval AND target <> ''
		GROUP BY org_id, target HAVING count(*) >= $2`, within, least)
}

// FailedFromAddress finds addresses from which at least that many sign-ins
// failed within a time, whosever; one row for each org that was tried. Subject
// is the address and Count is of all orgs. It needs a system transaction.
func (tx *Tx) FailedFromAddress(ctx context.Context, within time.Duration, least int64) ([]Suspicion, error) {
	return collect(ctx, tx, "look for failed sign-ins", scanSuspicion, `
		SELECT DISTINCT f.org_id::text, f.ip, f.n, 0::bigint
		FROM (SELECT org_id, ip, count(*) OVER (PARTITION BY ip) AS n FROM audit_log
		      WHERE action = 'session.sign_in_failed' AND at > now() - $1::interval AND ip <> '') f
		WHERE f.n >= $2`, within, least)
}

// ReusedTokens finds people whose superseded refresh tokens were shown within a
// time. It needs a system transaction.
func (tx *Tx) ReusedTokens(ctx context.Context, within time.Duration) ([]Suspicion, error) {
	return collect(ctx, tx, "look for reused tokens", scanSuspicion, `
		SELECT org_id::text, target, count(*), 0::bigint FROM audit_log
		WHERE action = 'session.refresh_reused' AND at > now() - $1::interval
		GROUP BY org_id, target`, within)
}

// RaiseAlert reports whether an alert of a kind about a subject was not raised
// within a time, and notes that it is raised now.
func (tx *Tx) RaiseAlert(ctx context.Context, org wa.OrgID, kind, subject string, quiet time.Duration) (bool, error) {
	n, err := tx.moved(ctx, "raise alert", `
		INSERT INTO security_alerts (org_id, kind, subject) VALUES ($1, $2, $3)
		ON CONFLICT (org_id, kind, subject) DO UPDATE SET raised_at = now(), times = security_alerts.times + 1
		WHERE security_alerts.raised_at < now() - $4::interval`, org.UUID(), kind, subject, quiet)
	return n == 1, err
}

// SweepSecurity forgets counts and alerts older than age. It needs a system
// transaction.
func (tx *Tx) SweepSecurity(ctx context.Context, kinds []string, age time.Duration) (int64, error) {
	n, err := tx.moved(ctx, "sweep security counts", `
		DELETE FROM security_counts WHERE kind = ANY ($1) AND bucket < now() - $2::interval`, kinds, age)
	if err != nil {
		return n, err
	}
	more, err := tx.moved(ctx, "sweep security alerts", `DELETE FROM security_alerts WHERE raised_at < now() - interval '30 days'`)
	return n + more, err
}
