package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// AuditFilter narrows an audit log; zero fields do not.
type AuditFilter struct {
	Action wa.AuditAction
	Actor  string // id of a person, key or operator
	Target string
	Since  time.Time // inclusive
	Until  time.Time // exclusive

	// BelowAdmin leaves out what admins did.
	BelowAdmin bool
}

const auditColumns = `org_id::text, seq, at, id, kind, actor_id, actor_name, role, action, target, before, after, ip, agent, request, prev, hash`

// AuditEntries pages through an org's log, newest first. Each of the columns
// that it can be narrowed by has an index in this order; the conditions are
// spelled out, because plans are made without looking at the arguments.
func (tx *Tx) AuditEntries(ctx context.Context, org wa.OrgID, f AuditFilter, p Page) ([]wa.AuditEntry, error) {
	where, args := "", []any{org.UUID(), p.Before, p.BeforeID, p.Limit}
	narrow := func(condition string, value any) {
		args = append(args, value)
		where += " AND " + condition + " $" + strconv.Itoa(len(args))
	}
	if f.Action != "" {
		narrow("action =", string(f.Action))
	}
	if f.Actor != "" {
		narrow("actor_id =", f.Actor)
	}
	if f.Target != "" {
		narrow("target =", f.Target)
	}
	if !f.Since.IsZero() {
		narrow("at >=", f.Since)
	}
	if !f.Until.IsZero() {
		narrow("at <", f.Until)
	}
	if f.BelowAdmin {
		where += " AND role <> 'admin'"
	}
	rows, err := collect(ctx, tx, "read the audit log", scanAudit, `
		SELECT `+auditColumns+` FROM audit_log
		WHERE org_id = $1 AND (at, id) < ($2, $3)`+where+`
		ORDER BY at DESC, id DESC LIMIT $4`, args...)
	if err != nil {
		return nil, err
	}
	return rows, tx.nameActors(ctx, org, rows)
}

// nameActors gives the people of lines their addresses. Lines hold ids alone,
// because nobody can take an address out of a line when its owner is gone.
func (tx *Tx) nameActors(ctx context.Context, org wa.OrgID, rows []wa.AuditEntry) error {
	var ids []wa.UserID
	for _, e := range rows {
		var id wa.UserID
		if e.Kind == wa.ByUser && e.ActorName == "" && id.UnmarshalText([]byte(e.ActorID)) == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	type named struct {
		ID    wa.UserID
		Email string
	}
	known, err := collect(ctx, tx, "name who did it", pgx.RowToStructByPos[named], `
		SELECT id, email FROM users WHERE org_id = $1 AND id = ANY ($2::uuid[])`, org, uuids(ids))
	names := map[string]string{}
	for _, n := range known {
		names[n.ID.String()] = n.Email
	}
	for i, e := range rows {
		if e.Kind == wa.ByUser && e.ActorName == "" {
			rows[i].ActorName = names[e.ActorID]
		}
	}
	return err
}

// AuditChain reads an org's log as it was written, at most limit lines after a
// sequence. The zero org is the installation.
func (tx *Tx) AuditChain(ctx context.Context, org wa.OrgID, after int64, limit int) ([]wa.AuditEntry, error) {
	return collect(ctx, tx, "read the audit log", scanAudit, `
		SELECT `+auditColumns+` FROM audit_log WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`, org.UUID(), after, limit)
}

// AuditHead is where a log ends.
type AuditHead struct {
	Org  wa.OrgID
	Seq  int64
	Hash []byte
	// First and Last are the lowest and the highest sequence of a line; 1 and 0
	// where there is none.
	First, Last int64
}

// AuditEnd reads where an org's log ends, by its head and by its lines. A log
// that was never written to is empty.
func (tx *Tx) AuditEnd(ctx context.Context, org wa.OrgID) (AuditHead, error) {
	return one(ctx, tx, "find the end of the audit log", func(r pgx.CollectableRow) (h AuditHead, err error) {
		h.Org = org
		err = r.Scan(&h.Seq, &h.Hash, &h.First, &h.Last)
		return h, err
	}, `
		SELECT coalesce(h.seq, 0), h.hash, l.first, l.last
		FROM (SELECT coalesce(min(seq), 1) AS first, coalesce(max(seq), 0) AS last FROM audit_log WHERE org_id = $1) l
		LEFT JOIN audit_heads h ON h.org_id = $1`, org.UUID())
}

// AuditLines counts the lines of an org's log up to one, and gives the number of
// the first: that takes as long as it is long.
func (tx *Tx) AuditLines(ctx context.Context, org wa.OrgID, upTo int64) (lines, first int64, err error) {
	_, err = one(ctx, tx, "count the audit log", func(r pgx.CollectableRow) (int, error) { return 0, r.Scan(&lines, &first) },
		`SELECT count(*), coalesce(min(seq), $2 + 1) FROM audit_log WHERE org_id = $1 AND seq <= $2`, org.UUID(), upTo)
	return lines, first, err
}

// AuditedOrgs lists every log that there is or was: by its head, its lines or
// its anchors. It needs a system transaction.
func (tx *Tx) AuditedOrgs(ctx context.Context) ([]wa.OrgID, error) {
	return collect(ctx, tx, "list audit logs", scanOrgText, `
		SELECT org_id::text FROM audit_heads UNION SELECT org_id::text FROM audit_log UNION SELECT org_id::text FROM audit_anchors ORDER BY 1`)
}

// AuditMoved lists the logs that grew since they were last anchored, at most
// limit. It needs a system transaction.
func (tx *Tx) AuditMoved(ctx context.Context, limit int) ([]wa.OrgID, error) {
	return collect(ctx, tx, "list audit logs", scanOrgText, `
		SELECT h.org_id::text FROM audit_heads h
		WHERE h.seq > coalesce((SELECT max(a.seq) FROM audit_anchors a WHERE a.org_id = h.org_id), 0)
		ORDER BY h.org_id LIMIT $1`, limit)
}

// AuditAnchor is a signed statement about a log: its line Seq has this hash.
// Number counts all anchors of the installation without gaps.
type AuditAnchor struct {
	Number int64
	Org    wa.OrgID
	Seq    int64
	Hash   []byte
	At     time.Time
	Key    string // tells which key made Mac
	Mac    []byte
}

const anchorColumns = `n, org_id::text, seq, hash, at, key, mac`

// LastAnchor is the newest of all anchors; NotFound when there is none. It needs
// a system transaction.
func (tx *Tx) LastAnchor(ctx context.Context) (AuditAnchor, error) {
	return one(ctx, tx, "find the last anchor", scanAnchor, `SELECT `+anchorColumns+` FROM audit_anchors ORDER BY n DESC LIMIT 1`)
}

// OrgAnchor is the newest anchor of one log; NotFound when there is none.
func (tx *Tx) OrgAnchor(ctx context.Context, org wa.OrgID) (AuditAnchor, error) {
	return one(ctx, tx, "find the last anchor", scanAnchor, `
		SELECT `+anchorColumns+` FROM audit_anchors WHERE org_id = $1 ORDER BY seq DESC LIMIT 1`, org.UUID())
}

// Anchors reads all anchors in their order, at most limit after a number. It
// needs a system transaction.
func (tx *Tx) Anchors(ctx context.Context, after int64, limit int) ([]AuditAnchor, error) {
	return collect(ctx, tx, "read anchors", scanAnchor, `
		SELECT `+anchorColumns+` FROM audit_anchors WHERE n > $1 ORDER BY n LIMIT $2`, after, limit)
}

// OrgAnchors reads one log's anchors in the order of its lines: those of lines
// after one, up to another.
func (tx *Tx) OrgAnchors(ctx context.Context, org wa.OrgID, after, upTo int64) ([]AuditAnchor, error) {
	return collect(ctx, tx, "read anchors", scanAnchor, `
		SELECT `+anchorColumns+` FROM audit_anchors WHERE org_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq, n`, org.UUID(), after, upTo)
}

// InsertAnchor keeps an anchor. A number that is taken is a Conflict.
func (tx *Tx) InsertAnchor(ctx context.Context, a AuditAnchor) error {
	_, err := tx.moved(ctx, "insert anchor", `
		INSERT INTO audit_anchors (n, org_id, seq, hash, at, key, mac) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		a.Number, a.Org.UUID(), a.Seq, a.Hash, a.At, a.Key, a.Mac)
	return err
}

func scanAnchor(r pgx.CollectableRow) (a AuditAnchor, err error) {
	var org string
	if err = r.Scan(&a.Number, &org, &a.Seq, &a.Hash, &a.At, &a.Key, &a.Mac); err != nil {
		return a, err
	}
	return a, a.Org.Scan(org)
}

func scanOrgText(r pgx.CollectableRow) (id wa.OrgID, err error) {
	var text string
	if err = r.Scan(&text); err != nil {
		return id, err
	}
	return id, id.Scan(text)
}

func scanAudit(r pgx.CollectableRow) (e wa.AuditEntry, err error) {
	var org string
	err = r.Scan(&org, &e.Sequence, &e.At, &e.ID, &e.Kind, &e.ActorID, &e.ActorName, &e.Role, &e.Action, &e.Target, (*[]byte)(&e.Before), (*[]byte)(&e.After),
		&e.From.IP, &e.From.Agent, &e.From.Request, &e.Prev, &e.Hash)
	if err != nil {
		return e, err
	}
	return e, e.OrgID.Scan(org)
}
