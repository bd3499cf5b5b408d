package webhook_test

import (
	"errors"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// askDeletion asks for the deletion of the org, and does something before the
// transaction ends.
func (w *world) askDeletion(meanwhile func(tx *store.Tx)) {
	w.t.Helper()
	err := w.db.InOrg(w.t.Context(), w.by.Org, func(tx *store.Tx) error {
		if err := tx.LockOrg(w.t.Context(), w.by.Org); err != nil {
			return err
		}
		_, err := tx.AskDeletion(w.t.Context(), w.by.Org, "", time.Hour, false)
		meanwhile(tx)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// switching are all the ways in which somebody has an endpoint get events: one is
// made, one is switched on, a message names a host of its own.
func (w *world) switching(off wa.EndpointID) map[string]func() error {
	w.hooks = w.service(w.db) // which knows nothing of the host
	return map[string]func() error{
		"make": func() error {
			_, err := w.hooks.Create(w.t.Context(), w.by, wa.Endpoint{URL: "https://127.0.0.1:7003/late", Events: []string{"*"}})
			return err
		},
		"enable": func() error { _, err := w.hooks.Enable(w.t.Context(), w.by, off); return err },
		"host":   func() error { _, err := w.hooks.Callback(w.t.Context(), w.by, "https://127.0.0.1:7002/x"); return err },
		"host that was off": func() error {
			_, err := w.hooks.Callback(w.t.Context(), w.by, "https://127.0.0.1:7001/x")
			return err
		},
	}
}

// on counts the endpoints that get something.
func (w *world) on() int {
	w.t.Helper()
	return w.number(`SELECT count(*) FROM webhook_endpoints WHERE enabled AND deleted_at IS NULL`)
}

func (w *world) number(query string) (n int) {
	w.t.Helper()
	sql, err := testkit.OpenSQL(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer sql.Close()
	sql.SetMaxOpenConns(1) // the setting is the connection's
	if _, err := sql.ExecContext(w.t.Context(), `SET app.system = 'on'`); err != nil {
		w.t.Fatal(err)
	}
	if err := sql.QueryRowContext(w.t.Context(), query).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// reason tells why something was refused.
func reason(err error) string {
	var e *wa.Error
	errors.As(err, &e)
	if e == nil {
		return ""
	}
	return e.Reason
}

// Whoever is still let in at their former word gets no webhook going in an org
// that is being deleted; when that is taken back all is as it was, and opens.
func TestNoWebhookBeginsInAnOrgThatLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	off := w.endpoint("https://127.0.0.1:7003/off")
	if _, err := w.hooks.Disable(t.Context(), w.by, off.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.hooks.Callback(t.Context(), w.by, "https://127.0.0.1:7001/x"); err != nil {
		t.Fatal(err)
	}
	before := w.on()
	w.askDeletion(func(*store.Tx) {})
	for name, begin := range w.switching(off.ID) {
		if err := begin(); reason(err) != "org_deleting" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.on(); n != 0 || before != 1 {
		t.Errorf("%d endpoints get something, of %d", n, before)
	}
	if err := w.db.InOrg(t.Context(), w.by.Org, func(tx *store.Tx) error {
		_, err := tx.TakeDeletionBack(t.Context(), w.by.Org)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if n := w.on(); n != before {
		t.Errorf("%d endpoints are on again, of %d", n, before)
	}
	for name, begin := range w.switching(off.ID) {
		if err := begin(); err != nil {
			t.Errorf("kept, %s: %v", name, err)
		}
	}
}

// Who comes at the very moment waits, and is refused too.
func TestNoWebhookBeginsWhileADeletionIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	off := w.endpoint("https://127.0.0.1:7003/off")
	if _, err := w.hooks.Disable(t.Context(), w.by, off.ID); err != nil {
		t.Fatal(err)
	}
	all := w.switching(off.ID)
	refused := make(chan error, len(all))
	w.askDeletion(func(*store.Tx) {
		for _, begin := range all {
			go func() { refused <- begin() }()
		}
		testkit.Eventually(t, patience, "all of them wait", func() bool {
			return w.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == len(all)
		})
	})
	for range all {
		if err := <-refused; reason(err) != "org_deleting" {
			t.Errorf("%v", err)
		}
	}
	if n := w.on(); n != 0 {
		t.Errorf("%d endpoints get something", n)
	}
}
