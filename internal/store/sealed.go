package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// SealedColumns lists every column that holds sealed texts. A rotation of data
// keys walks through them; a test looks for columns that are missing here.
func (db *DB) SealedColumns() []wa.SealedColumn {
	return []wa.SealedColumn{
		{Table: "installation_secrets", Column: "sealed", Key: []string{"name::text"}, Shared: true},
		{Table: "webhook_secrets", Column: "sealed", Key: []string{"id::uuid"}},
		{Table: "webhook_endpoints", Column: "headers", Key: []string{"id::uuid"}},
		{Table: "users", Column: "totp_seed", Key: []string{"id::uuid"}},
		{Table: "mails", Column: "sealed", Key: []string{"id::uuid"}},
		{Table: "sign_in_policies", Column: "oidc_secret", Key: []string{"org_id::uuid"}},
		{Table: "devices", Column: "sealed", Key: []string{"id::uuid"}},
		{Table: "device_values", Column: "sealed", Key: []string{"device_id::uuid", "kind::text", "key::bytea"}},
	}
}

// Reseal seals a batch again by way of seal, row by row as they are at this
// moment; one for which it gives nil stays. Rows that somebody holds are left
// out. It gives the last row's key, nil when there was none, and how many were
// changed.
func (db *DB) Reseal(ctx context.Context, s wa.Sealing, seal func(wa.SealedText) ([]byte, error)) (last []string, n int, err error) {
	err = db.inOrgOrSystem(ctx, s.Org, func(tx *Tx) error {
		texts, err := tx.sealedTexts(ctx, s)
		if err != nil || len(texts) == 0 {
			return err
		}
		update, batch := updateSealed(s.Column), &pgx.Batch{}
		for _, t := range texts {
			again, err := seal(t)
			if err != nil {
				return err
			}
			if again == nil {
				continue
			}
			n++
			args := []any{again, t.Sealed}
			for _, k := range t.Key {
				args = append(args, k)
			}
			if !s.Column.Shared {
				args = append(args, s.Org)
			}
			batch.Queue(update, args...)
		}
		last = texts[len(texts)-1].Key
		if n == 0 {
			return nil
		}
		return wrap(tx.tx.SendBatch(ctx, batch).Close(), "seal again")
	})
	return last, n, err
}

// sealedTexts locks the rows that nobody holds. Whoever waits for nothing
// cannot be part of a deadlock, so nobody else's work is cut short by ours.
func (tx *Tx) sealedTexts(ctx context.Context, s wa.Sealing) ([]wa.SealedText, error) {
	c := s.Column
	args := []any{s.Prefix, s.Most}
	where := fmt.Sprintf("substring(%s FROM 1 FOR %d) <> $1", c.Column, len(s.Prefix))
	if !c.Shared {
		args = append(args, s.Org)
		where += " AND org_id = $3"
	}
	if s.After != nil {
		var values []string
		for i, k := range c.Key {
			args = append(args, s.After[i])
			values = append(values, fmt.Sprintf("$%d::text::%s", len(args), typeOf(k)))
		}
		where += fmt.Sprintf(" AND (%s) > (%s)", strings.Join(names(c.Key), ", "), strings.Join(values, ", "))
	}
	order := strings.Join(names(c.Key), ", ")
	sql := "SELECT " + strings.Join(asTexts(c.Key), ", ") + ", " + c.Column + " FROM " + c.Table + " WHERE " + where +
		" ORDER BY " + order + " LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED"
	return collect(ctx, tx, "list sealed texts", scanSealed(s.Org, c), sql, args...)
}

// updateSealed takes the new text, the old one, the key, and the org if there
// is one.
func updateSealed(c wa.SealedColumn) string {
	sql := fmt.Sprintf("UPDATE %s SET %s = $1 WHERE %[2]s = $2", c.Table, c.Column)
	for i, k := range c.Key {
		sql += fmt.Sprintf(" AND %s = $%d::text::%s", names([]string{k})[0], i+3, typeOf(k))
	}
	if !c.Shared {
		sql += fmt.Sprintf(" AND org_id = $%d", len(c.Key)+3)
	}
	return sql
}

// SealedOtherwise reports whether a column has texts that begin otherwise.
func (db *DB) SealedOtherwise(ctx context.Context, org wa.OrgID, c wa.SealedColumn, prefix []byte) (left bool, err error) {
	args := []any{prefix}
	where := fmt.Sprintf("substring(%s FROM 1 FOR %d) <> $1", c.Column, len(prefix))
	if !c.Shared {
		where, args = where+" AND org_id = $2", append(args, org)
	}
	err = db.inOrgOrSystem(ctx, org, func(tx *Tx) (err error) {
		left, err = one(ctx, tx, "look for sealed texts", pgx.RowTo[bool], "SELECT EXISTS (SELECT FROM "+c.Table+" WHERE "+where+")", args...)
		return err
	})
	return left, err
}

// OldSealed finds a text of the first scheme, which names no key; NotFound when
// there is none.
func (db *DB) OldSealed(ctx context.Context) (t wa.SealedText, err error) {
	err = db.InTx(ctx, func(tx *Tx) (err error) {
		for _, c := range db.SealedColumns() {
			if c.Shared {
				continue // there were none then
			}
			sql := "SELECT " + strings.Join(asTexts(c.Key), ", ") + ", " + c.Column + ", org_id FROM " + c.Table +
				" WHERE substring(" + c.Column + ` FROM 1 FOR 1) = '\x01' LIMIT 1`
			t, err = one(ctx, tx, "look for a sealed text", scanOldSealed(c), sql)
			if err == nil || wa.CodeOf(err) != wa.NotFound {
				return err
			}
		}
		return err
	})
	return t, err
}

// SealedByKey reports whether an org has texts that some data key sealed; for
// the zero org, whether the installation has.
func (db *DB) SealedByKey(ctx context.Context, org wa.OrgID) (bool, error) {
	for _, c := range db.SealedColumns() {
		if c.Shared != org.IsZero() {
			continue
		}
		if some, err := db.SealedOtherwise(ctx, org, c, []byte{1}); err != nil || some { // 1 is the scheme of before
			return some, err
		}
	}
	return false, nil
}

// KeyOrgs pages through all orgs by id.
func (db *DB) KeyOrgs(ctx context.Context, after wa.OrgID, most int) (ids []wa.OrgID, err error) {
	err = db.InTx(ctx, func(tx *Tx) (err error) {
		ids, err = collect(ctx, tx, "list orgs", pgx.RowTo[wa.OrgID], `SELECT id FROM orgs WHERE id > $1 ORDER BY id LIMIT $2`, after.UUID(), most)
		return err
	})
	return ids, err
}

// OlderThanKeys reports whether there were orgs before there were data keys.
func (db *DB) OlderThanKeys(ctx context.Context) (older bool, err error) {
	err = db.InTx(ctx, func(tx *Tx) (err error) {
		older, err = one(ctx, tx, "compare ages", pgx.RowTo[bool], `
			SELECT EXISTS (SELECT FROM orgs WHERE created_at < (SELECT min(created_at) FROM master_keys))`)
		return err
	})
	return older, err
}

func scanSealed(org wa.OrgID, c wa.SealedColumn) pgx.RowToFunc[wa.SealedText] {
	return func(r pgx.CollectableRow) (wa.SealedText, error) {
		t := wa.SealedText{Org: org, Column: c, Key: make([]string, len(c.Key))}
		err := r.Scan(append(pointers(t.Key), &t.Sealed)...)
		return t, err
	}
}

func scanOldSealed(c wa.SealedColumn) pgx.RowToFunc[wa.SealedText] {
	return func(r pgx.CollectableRow) (wa.SealedText, error) {
		t := wa.SealedText{Column: c, Key: make([]string, len(c.Key))}
		err := r.Scan(append(pointers(t.Key), &t.Sealed, &t.Org)...)
		return t, err
	}
}

func pointers(texts []string) (all []any) {
	for i := range texts {
		all = append(all, &texts[i])
	}
	return all
}

// names cuts the types off a key's columns, typeOf is what it cuts off.
func names(key []string) (all []string) {
	for _, k := range key {
		name, _, _ := strings.Cut(k, "::")
		all = append(all, name)
	}
	return all
}

func typeOf(column string) string {
	_, kind, _ := strings.Cut(column, "::")
	return kind
}

func asTexts(key []string) (all []string) {
	for _, n := range names(key) {
		all = append(all, n+"::text")
	}
	return all
}
