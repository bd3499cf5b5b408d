package seal_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"chasqui/internal/seal"
	"chasqui/internal/testkit"
)

// A secret that things hang on and that is gone is not drawn anew: restoring its
// row brings back what it was.
func TestALostSecretIsNotReplaced(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	p := newProcess(t, url, key(1))
	if err := p.keys.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, err := p.keys.Derive(t.Context(), "pepper")
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := p.keys.Secret(t.Context(), "audit anchors")
	if err != nil {
		t.Fatal(err)
	}
	db, err := testkit.OpenSQL(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	exec := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec(`SET app.system = 'on'`)
	exec(`CREATE TABLE kept AS SELECT * FROM installation_secrets`)
	exec(`UPDATE data_keys SET made_at = made_at - interval '1 minute'`)
	exec(`DELETE FROM installation_secrets`)
	fresh := func() *seal.Keyring { return newProcess(t, url, key(1)).keys }
	if _, err := fresh().Secret(t.Context(), "of something else"); err != nil {
		t.Errorf("nothing hangs on it: %v", err)
	}
	testkit.Org(t, p.db)
	exec(`INSERT INTO audit_anchors (n, org_id, seq, hash, at, key, mac) VALUES (1, gen_random_uuid(), 1, sha256('x'), clock_timestamp(), 'k', sha256('x'))`)
	if _, err := fresh().Derive(t.Context(), "pepper"); !errors.Is(err, seal.ErrLostSecret) || !strings.Contains(err.Error(), "docs/operations.md") {
		t.Errorf("what keys hang on: %v", err)
	}
	if _, err := fresh().Secret(t.Context(), "audit anchors"); !errors.Is(err, seal.ErrLostSecret) {
		t.Errorf("what anchors hang on: %v", err)
	}
	exec(`INSERT INTO installation_secrets SELECT * FROM kept`)
	if got, err := fresh().Derive(t.Context(), "pepper"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("restored: %v, the same: %v", err, bytes.Equal(got, want))
	}
	if got, err := fresh().Secret(t.Context(), "audit anchors"); err != nil || !bytes.Equal(got, anchors) {
		t.Errorf("restored: %v, the same: %v", err, bytes.Equal(got, anchors))
	}
}
