package webhook_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// No message that has still to leave may be older than what is kept.
func TestHostsAreKeptForLongerThanMessagesWait(t *testing.T) {
	t.Parallel()
	if webhook.LeastKeepHosts < 2*wa.MaxSchedule+24*time.Hour || webhook.UsualKeepHosts < webhook.LeastKeepHosts {
		t.Errorf("hosts are kept for %s, %s at least", webhook.UsualKeepHosts, webhook.LeastKeepHosts)
	}
}

// What no message has named for long goes, with its line and its secret; what
// somebody may still be told or shown stays, and so does the last one of an org.
func TestHostsThatNobodyNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, _ := testkit.Org(t, w.db)
	hosts := map[string]wa.EndpointID{}
	for _, name := range []string{"fresh", "old", "older", "waiting", "shown"} {
		hosts[name] = w.name(w.hooks, w.by, name)
	}
	lonely := w.name(w.hooks, testkit.Actor(other.ID), "lonely")
	for name, days := range map[string]int{"old": 91, "older": 400, "waiting": 300, "shown": 300, "lonely": 500} {
		w.lastNamed(name, days)
	}
	for name, status := range map[string]string{"waiting": "'pending', now()", "shown": "'delivered', NULL"} {
		w.exec(fmt.Sprintf(`INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, status, next_attempt_at)
			VALUES (gen_random_uuid(), '%s', '%s', gen_random_uuid(), %s)`, w.org.ID.UUID(), hosts[name].UUID(), status))
	}
	w.sweepHosts(w.hooks)
	want := map[wa.EndpointID]bool{hosts["fresh"]: true, hosts["waiting"]: true, hosts["shown"]: true}
	if diff := cmp.Diff(want, w.hosts(w.org.ID), cmp.AllowUnexported(wa.EndpointID{})); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if got := w.hosts(other.ID); !got[lonely] || len(got) != 1 {
		t.Error("the only host of an org, which holds its secret, is gone")
	}
	w.exec(`DELETE FROM webhook_deliveries`)
	w.lastNamed("fresh", 200)
	w.sweepHosts(w.hooks)
	if got := w.hosts(w.org.ID); len(got) != 1 || !got[hosts["fresh"]] {
		t.Errorf("left is not the one that was named last, alone: %d", len(got))
	}
	w.exec(`DO $$ BEGIN IF (SELECT count(*) FROM webhook_secrets) <> 2 OR (SELECT count(*) FROM webhook_lines) <> 2 THEN RAISE 'lines or secrets are left over'; END IF; END $$`)
}

// A secret that was rotated goes on to sign, whatever became of the hosts of then.
func TestTheSecretOutlivesItsHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 3 {
		name := fmt.Sprintf("h%d", n)
		w.name(w.hooks, w.by, name)
		w.lastNamed(name, 100+n)
	}
	grace := 24 * time.Hour
	fresh, err := w.hooks.RotateCallbackSecret(t.Context(), w.by, &grace)
	if err != nil {
		t.Fatal(err)
	}
	w.sweepHosts(w.hooks)
	if n := len(w.hosts(w.org.ID)); n != 1 {
		t.Fatalf("%d hosts are left", n)
	}
	own := newSink(t, nil)
	w.emitAbout(w.callbackMessage(own.URL), wa.MessageSent) // a host that copies the secrets
	w.lastNamed("h0", 300)
	w.sweepHosts(w.hooks) // of the host that it copied from nothing is left
	if n := len(w.hosts(w.org.ID)); n != 1 {
		t.Errorf("%d hosts are left", n)
	}
	w.dispatch()
	if err := verify(t, fresh, own.waitFor(t, 1)[0]); err != nil {
		t.Errorf("it is not signed with the rotated secret: %v", err)
	}
	if now, err := w.hooks.CallbackSecret(t.Context(), w.by); err != nil || now.Reveal() != fresh.Reveal() {
		t.Errorf("the secret is another one: %v", err)
	}
}

// A message names a host at the moment at which it is taken out: it finds it
// gone, and makes it again.
func TestAHostIsNamedWhileItIsTakenOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.name(w.hooks, w.by, "h")
	w.name(w.hooks, w.by, "last")
	w.lastNamed("h", 100)
	taken, goOn := make(chan struct{}), make(chan struct{})
	swept := inBackground(func() error {
		return w.db.InOrg(t.Context(), w.org.ID, func(tx *store.Tx) error {
			n, err := tx.DropUnnamedHosts(t.Context(), w.org.ID, webhook.UsualKeepHosts)
			if n != 1 {
				t.Errorf("%d hosts were taken out", n)
			}
			close(taken)
			<-goOn
			return err
		})
	})
	<-taken
	var again wa.EndpointID
	named := inBackground(func() (err error) {
		again, err = w.nameAt(w.service(w.db), w.by, "h")
		return err
	})
	w.awaitLock()
	close(goOn)
	mustAll(t, swept, named)
	if got := w.hosts(w.org.ID); again == old || !got[again] || got[old] {
		t.Errorf("the message is told by %s, which is not there", again)
	}
}

// And the other way round: it is being named when somebody comes to take it out.
func TestAHostIsTakenOutWhileItIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.name(w.hooks, w.by, "h")
	w.name(w.hooks, w.by, "last")
	w.lastNamed("h", 100)
	found, goOn := make(chan struct{}), make(chan struct{})
	named := inBackground(func() error {
		return w.db.InOrg(t.Context(), w.org.ID, func(tx *store.Tx) error {
			_, err := tx.CallbackEndpoint(t.Context(), w.org.ID, "https://h.example.com")
			close(found)
			<-goOn
			return err
		})
	})
	<-found
	swept := inBackground(func() error { return w.hooks.SweepHosts(t.Context()) })
	w.awaitLock()
	close(goOn)
	mustAll(t, swept, named)
	if !w.hosts(w.org.ID)[old] {
		t.Error("a host was taken out that a message has just named")
	}
}

// A message that is tried again after long has its host made again, and is told
// what became of it.
func TestAMessageRecallsItsHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := newSink(t, nil)
	m := w.callbackMessage(own.URL + "/mine")
	w.name(w.hooks, w.by, "last")
	w.exec(`UPDATE webhook_endpoints SET named_at = now() - interval '100 days' WHERE url LIKE 'http://127%'`)
	w.sweepHosts(w.hooks)
	if w.hosts(w.org.ID)[m.CallbackID] {
		t.Fatal("the host is still there")
	}
	if err := w.hooks.Recall(t.Context(), testkit.Actor(wa.NewOrgID()), m.ID); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("a stranger: %v", err)
	}
	for range 2 { // the second time there is nothing to do
		if err := w.hooks.Recall(t.Context(), w.by, m.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.emitAbout(m, wa.MessageSent)
	w.dispatch()
	if got := own.waitFor(t, 1); got[0].path != "/mine" {
		t.Errorf("called %s", got[0].path)
	}
}

// name has a message of somebody's name the host NAME.example.com.
func (w *world) name(s *webhook.Service, by wa.Actor, name string) wa.EndpointID {
	w.t.Helper()
	id, err := w.nameAt(s, by, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) nameAt(s *webhook.Service, by wa.Actor, name string) (wa.EndpointID, error) {
	at, err := s.Callback(w.t.Context(), by, "https://"+name+".example.com/x")
	return at.ID, err
}

func (w *world) lastNamed(name string, days int) {
	w.t.Helper()
	w.exec(fmt.Sprintf(`UPDATE webhook_endpoints SET named_at = now() - %d * interval '1 day' WHERE url = 'https://%s.example.com'`, days, name))
}

func (w *world) sweepHosts(s *webhook.Service) {
	w.t.Helper()
	if err := s.SweepHosts(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// hosts are those of an org that are there.
func (w *world) hosts(org wa.OrgID) map[wa.EndpointID]bool {
	w.t.Helper()
	all := map[wa.EndpointID]bool{}
	err := w.db.InOrg(w.t.Context(), org, func(tx *store.Tx) error {
		ids, err := tx.CallbackEndpoints(w.t.Context(), org)
		for _, id := range ids {
			all[id] = true
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// awaitLock waits until somebody waits for a lock in this test's database.
func (w *world) awaitLock() {
	w.t.Helper()
	sql, err := testkit.OpenSQL(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer sql.Close()
	testkit.Eventually(w.t, patience, "somebody waits for a lock", func() bool {
		var n int
		err := sql.QueryRowContext(w.t.Context(), `
			SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
		if err != nil {
			w.t.Fatal(err)
		}
		return n > 0
	})
}

func inBackground(do func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	return done
}

func mustAll(t *testing.T, all ...<-chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, done := range all {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-ctx.Done():
			t.Fatal("it never ended")
		}
	}
}
