package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Member is a user with what it takes to let them in. None of the rest leaves
// the server.
type Member struct {
	wa.User
	PasswordHash   string // "" when there is none
	SessionVersion int64
	SealedSeed     []byte // nil when there is none
	TOTPStep       int64
	FullPhone      wa.Phone
	Subject        string // at the org's OpenID provider
}

const (
	userColumns = `
	u.id, u.org_id, u.email, u.name, u.role, u.status, u.totp_confirmed_at IS NOT NULL, u.phone, u.last_sign_in_at, u.created_at,
	CASE u.role WHEN 'agent' THEN (SELECT count(*) FROM user_clients c WHERE c.org_id = u.org_id AND c.user_id = u.id) END`
	memberColumns = userColumns + `, u.password_hash, u.session_version, u.totp_seed, u.totp_step, coalesce(u.oidc_subject, '')`
)

// MemberByEmail finds whom an address belongs to. It needs a system
// transaction, because whose they are is the question.
func (tx *Tx) MemberByEmail(ctx context.Context, email string) (Member, error) {
	return one(ctx, tx, "find user", scanMember, `SELECT `+memberColumns+` FROM users u WHERE u.email = $1`, email)
}

// MemberBySubject finds whom the org's OpenID provider calls by a subject.
func (tx *Tx) MemberBySubject(ctx context.Context, org wa.OrgID, subject string) (Member, error) {
	return one(ctx, tx, "find user", scanMember, `SELECT `+memberColumns+` FROM users u WHERE u.org_id = $1 AND u.oidc_subject = $2`, org, subject)
}

// Member reads a person with their secrets.
func (tx *Tx) Member(ctx context.Context, org wa.OrgID, id wa.UserID) (Member, error) {
	p, err := one(ctx, tx, "find user", scanMember, `SELECT `+memberColumns+` FROM users u WHERE u.org_id = $1 AND u.id = $2`, org, id)
	return p, missing(err, "user")
}

// LockMember is Member, held until the transaction ends.
func (tx *Tx) LockMember(ctx context.Context, org wa.OrgID, id wa.UserID) (Member, error) {
	p, err := one(ctx, tx, "lock user", scanMember, `
		SELECT `+memberColumns+` FROM users u WHERE u.org_id = $1 AND u.id = $2 FOR NO KEY UPDATE`, org, id)
	return p, missing(err, "user")
}

// UserFilter narrows a list of people; zero values do not.
type UserFilter struct {
	Role   wa.Role
	Status wa.UserStatus
}

// Users pages through an org's people, newest first.
func (tx *Tx) Users(ctx context.Context, org wa.OrgID, f UserFilter, p Page) ([]wa.User, error) {
	return collect(ctx, tx, "list users", scanUser, `
		SELECT `+userColumns+` FROM users u
		WHERE u.org_id = $1 AND ($2 = '' OR u.role = $2) AND ($3 = '' OR u.status = $3) AND (u.created_at, u.id) < ($4, $5::uuid)
		ORDER BY u.created_at DESC, u.id DESC
		LIMIT $6`, org, string(f.Role), string(f.Status), p.Before, p.BeforeID, p.Limit)
}

// LockOrg makes everybody who does the same wait until the transaction ends: for
// rules that look at more than one row of an org.
func (tx *Tx) LockOrg(ctx context.Context, org wa.OrgID) error {
	return tx.exactly(ctx, "lock org", `SELECT 1 FROM orgs WHERE id = $1 FOR NO KEY UPDATE`, org)
}

// ChangeUser sets a person's name, role and status. It reports false when they
// are the org's last active admin and would be one no longer; callers hold the
// org's lock, or two admins could take the role from each other.
func (tx *Tx) ChangeUser(ctx context.Context, u wa.User) (bool, error) {
	n, err := tx.moved(ctx, "change user", `
		UPDATE users SET name = $3, role = $4, status = $5
		WHERE org_id = $1 AND id = $2
		  AND (($4 = 'admin' AND $5 = 'active') OR role <> 'admin' OR status <> 'active'
		       OR EXISTS (SELECT FROM users o WHERE o.org_id = $1 AND o.id <> $2 AND o.role = 'admin' AND o.status = 'active'))`,
		u.OrgID, u.ID, u.Name, u.Role, u.Status)
	return n == 1, err
}

// SetPassword keeps a new password. Every session that began before is over.
func (tx *Tx) SetPassword(ctx context.Context, org wa.OrgID, id wa.UserID, hash string, now time.Time) (version int64, err error) {
	return one(ctx, tx, "set password", pgx.RowTo[int64], `
		UPDATE users SET password_hash = $3, password_changed_at = $4, session_version = session_version + 1
		WHERE org_id = $1 AND id = $2 RETURNING session_version`, org, id, hash, now)
}

// Rehash keeps the same password under another hash, unless it was changed
// meanwhile.
func (tx *Tx) Rehash(ctx context.Context, org wa.OrgID, id wa.UserID, before, after string) error {
	_, err := tx.moved(ctx, "rehash password", `
		UPDATE users SET password_hash = $4 WHERE org_id = $1 AND id = $2 AND password_hash = $3`, org, id, before, after)
	return err
}

// ExpelUser makes every session and every access token of a person worthless.
func (tx *Tx) ExpelUser(ctx context.Context, org wa.OrgID, id wa.UserID) error {
	return tx.exactly(ctx, "expel user", `UPDATE users SET session_version = session_version + 1 WHERE org_id = $1 AND id = $2`, org, id)
}

// NoteSignIn keeps when a person last came in.
func (tx *Tx) NoteSignIn(ctx context.Context, org wa.OrgID, id wa.UserID, now time.Time) error {
	return tx.exactly(ctx, "note sign-in", `UPDATE users SET last_sign_in_at = $3 WHERE org_id = $1 AND id = $2`, org, id, now)
}

// SetPhone keeps where one-time codes go; "" is nowhere.
func (tx *Tx) SetPhone(ctx context.Context, org wa.OrgID, id wa.UserID, phone wa.Phone) error {
	return tx.exactly(ctx, "set phone", `UPDATE users SET phone = $3 WHERE org_id = $1 AND id = $2`, org, id, string(phone))
}

// LinkSubject keeps by which subject the org's OpenID provider knows a person
// who had none; it reports whether it did.
func (tx *Tx) LinkSubject(ctx context.Context, org wa.OrgID, id wa.UserID, subject string) (bool, error) {
	n, err := tx.moved(ctx, "link subject", `
		UPDATE users SET oidc_subject = $3 WHERE org_id = $1 AND id = $2 AND oidc_subject IS NULL`, org, id, subject)
	return n == 1, err
}

// UnlinkSubjects forgets them all: another provider calls people otherwise.
func (tx *Tx) UnlinkSubjects(ctx context.Context, org wa.OrgID) error {
	_, err := tx.moved(ctx, "unlink subjects", `UPDATE users SET oidc_subject = NULL WHERE org_id = $1 AND oidc_subject IS NOT NULL`, org)
	return err
}

func scanUser(r pgx.CollectableRow) (wa.User, error) {
	var u wa.User
	err := r.Scan(userTargets(&u)...)
	u.Phone = lastDigits(u.Phone)
	return u, err
}

func scanMember(r pgx.CollectableRow) (p Member, err error) {
	err = r.Scan(append(userTargets(&p.User), &p.PasswordHash, &p.SessionVersion, &p.SealedSeed, &p.TOTPStep, &p.Subject)...)
	p.FullPhone = wa.Phone(p.Phone)
	p.Phone = lastDigits(p.Phone)
	return p, err
}

func userTargets(u *wa.User) []any {
	return []any{&u.ID, &u.OrgID, &u.Email, &u.Name, &u.Role, &u.Status, &u.SecondFactor, &u.Phone, &u.LastSignInAt, &u.CreatedAt, &u.ClientCount}
}

// lastDigits shows a number to those who know it.
func lastDigits(phone string) string {
	if len(phone) < 8 {
		return ""
	}
	return "…" + phone[len(phone)-4:]
}
