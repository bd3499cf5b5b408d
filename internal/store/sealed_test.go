package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// notSealed are the columns of bytes that hold no sealed text, with the reason.
var notSealed = map[string]string{
	"master_keys.canary":        "tells the master key; made anew with each",
	"data_keys.keyset":          "wrapped by the master key",
	"webhook_attempts.body":     "what a customer's server answered",
	"device_values.key":         "a name",
	"pairings.passkey":          "a challenge, gone when the pairing is over",
	"pairings.answer":           "the answer to it, gone when the pairing is over",
	"messages.payload":          "what was sent, for the network asking again",
	"idempotency_keys.response": "says what became of a message",
	"audit_log.digest":          "a hash",
	"audit_log.prev":            "a hash",
	"audit_anchors.mac":         "a keyed hash",
	"audit_forgotten.mac":       "a keyed hash",
	"audit_round.place":         "how far a round is: numbers and hashes",
	"audit_round.mac":           "a keyed hash",
	"oidc_flows.browser":        "a hash",
	"sessions.family":           "a hash",
	"sign_in_guards.subject":    "a keyed hash",
	"code_counts.subject":       "a keyed hash",
}

// TestEverySealedColumnIsListed reads the catalog: a rotation of data keys
// would pass by a column of sealed texts that is missing in the list.
func TestEverySealedColumnIsListed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	listed := map[string]bool{}
	for _, c := range s.db.SealedColumns() {
		listed[c.Table+"."+c.Column] = true
	}
	found := mustSystem(s, func(tx *store.Tx) ([]string, error) {
		return store.List(t.Context(), tx, pgx.RowTo[string], `
			SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
			  AND (atttypid = 'bytea'::regtype OR attname LIKE '%sealed%' OR attname LIKE '%secret%' OR attname LIKE '%seed%')
			ORDER BY 1`)
	})
	seen := map[string]bool{}
	for _, column := range found {
		seen[column] = true
		_, plain := notSealed[column]
		hashed := strings.HasSuffix(column, "hash")
		if listed[column] == (plain || hashed) {
			t.Errorf("%s: is it sealed (SealedColumns) or not (notSealed)?", column)
		}
	}
	for column := range listed {
		if !seen[column] {
			t.Errorf("%s is listed and not there", column)
		}
	}
	for column := range notSealed {
		if !seen[column] {
			t.Errorf("%s is named in this test and not there", column)
		}
	}
}

// Every listed column must be walked by an index, whatever its table has grown
// to, and its rows found again by what the list calls their key.
func TestSealedColumnsAreWalked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, c := range s.db.SealedColumns() {
		t.Run(c.Table+"."+c.Column, func(t *testing.T) {
			t.Parallel()
			unique := get[bool](s, `
				SELECT EXISTS (
					SELECT FROM pg_index i WHERE indrelid = $2::text::regclass AND indisunique AND indpred IS NULL AND (
						SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)
					) <@ (string_to_array($3, ',') || CASE WHEN $4 THEN '{}'::text[] ELSE '{org_id}' END)
				) AND $1::uuid IS NOT NULL`, s.org, c.Table, strings.Join(store.KeyNames(c), ","), c.Shared)
			if !unique {
				t.Errorf("%v does not tell a row", c.Key)
			}
			org := s.org
			if c.Shared {
				org = wa.OrgID{}
			}
			batch := wa.Sealing{Org: org, Column: c, Prefix: []byte("\x02\x01abcd"), Most: 10}
			_, _, err := s.db.Reseal(t.Context(), batch, func(wa.SealedText) ([]byte, error) { return nil, nil })
			if err != nil {
				t.Error(err)
			}
			batch.After = firstKey(c)
			if _, _, err = s.db.Reseal(t.Context(), batch, func(wa.SealedText) ([]byte, error) { return nil, nil }); err != nil {
				t.Error(err)
			}
			if left, err := s.db.SealedOtherwise(t.Context(), org, c, batch.Prefix); err != nil || left {
				t.Errorf("an empty table has texts: %t, %v", left, err)
			}
		})
	}
}

// firstKey is a key that stands before all others.
func firstKey(c wa.SealedColumn) (values []string) {
	first := map[string]string{"uuid": "00000000-0000-0000-0000-000000000000", "text": "", "bytea": `\x`, "bigint": "0"}
	for _, k := range c.Key {
		_, kind, _ := strings.Cut(k, "::")
		values = append(values, first[kind])
	}
	return values
}

// Rows that somebody holds are left out and not waited for; a row that changed
// is not written over.
func TestResealWaitsForNobody(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	c := wa.SealedColumn{Table: "webhook_endpoints", Column: "headers", Key: []string{"id::uuid"}}
	for range 3 {
		s.exec(`INSERT INTO webhook_endpoints (id, org_id, url, events, headers) VALUES (gen_random_uuid(), $1, 'https://example.com', '{}', '\x01aa')`, s.org)
	}
	batch := wa.Sealing{Org: s.org, Column: c, Prefix: []byte("\x02\x01abcd"), Most: 10}
	again := func(wa.SealedText) ([]byte, error) { return []byte("\x02\x01abcdnew text"), nil }
	err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT id FROM webhook_endpoints WHERE org_id = $1 ORDER BY id LIMIT 1 FOR UPDATE`, s.org); err != nil {
			return err
		}
		within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, n, err := s.db.Reseal(within, batch, again); err != nil || n != 2 {
			t.Errorf("%d of the two free rows were sealed again: %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := s.db.SealedOtherwise(t.Context(), s.org, c, batch.Prefix); err != nil || !left {
		t.Errorf("the held row is not left: %v", err)
	}
	if _, n, err := s.db.Reseal(t.Context(), batch, again); err != nil || n != 1 {
		t.Errorf("%d rows were sealed again afterwards: %v", n, err)
	}
}

// A data key that is made while the master key is changed must not end up under
// the one that goes.
func TestDataKeysAreWrappedByTheCurrentMasterKey(t *testing.T) {
	t.Parallel()
	s, ctx := newShop(t), t.Context()
	if err := s.db.InsertMasterKeys(ctx, []wa.MasterKey{{ID: "a", Canary: []byte("x"), Current: true}}); err != nil {
		t.Fatal(err)
	}
	if err := s.db.InsertMasterKeys(ctx, []wa.MasterKey{{ID: "z", Canary: []byte("x"), Current: true}}); err != nil {
		t.Fatal(err)
	}
	if err := s.db.SetMasterKey(ctx, wa.MasterKey{ID: "b", Canary: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	k := wa.DataKey{Org: s.org, Keyset: []byte("k"), Master: "a", Version: 1}
	if err := s.db.InsertDataKey(ctx, k); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("under the one that goes: %v", err)
	}
	k.Master = "b"
	if err := s.db.InsertDataKey(ctx, k); err != nil {
		t.Fatal(err)
	}
	if err := s.db.InsertDataKey(ctx, k); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("a second one: %v", err)
	}
	k.Master = "a"
	if _, err := s.db.ChangeDataKey(ctx, k, false); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("changed under the one that goes: %v", err)
	}
	if _, err := s.db.RewrapDataKey(ctx, k, "b"); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("wrapped by the one that goes: %v", err)
	}
	k.Master, k.Version = "b", 7
	if done, err := s.db.ChangeDataKey(ctx, k, false); err != nil || done {
		t.Errorf("a version that is not there was changed: %t, %v", done, err)
	}
	if err := s.db.RetireMasterKeys(ctx); err != nil {
		t.Fatal(err)
	}
	if rows, err := s.db.MasterKeys(ctx); err != nil || len(rows) != 1 || rows[0].ID != "b" || !rows[0].Current {
		t.Errorf("left are %+v: %v", rows, err)
	}
}
