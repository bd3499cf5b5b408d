package app_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"chasqui/internal/app"
	"chasqui/internal/fleet"
	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// running is an API in this process, and a key that opens it.
type running struct {
	*app.Kit
	base string
	key  string
	stop func()
}

func serveAPI(t *testing.T, more ...string) running {
	t.Helper()
	cfg := load(t, settings(t, migrated(t), more...))
	k, stop := serve(t, "api", cfg, app.API)
	made, err := k.Accounts.Bootstrap(t.Context(), "Acme", "a@example.com")
	if err != nil {
		t.Fatal(err)
	}
	r := running{Kit: k, base: "http://" + k.Addr("http"), key: made.APIKey.Reveal(), stop: stop}
	testkit.Eventually(t, patience, "readiness", func() bool {
		status, _ := get(t, r.base+"/readyz")
		return status == http.StatusOK
	})
	return r
}

func TestAPI(t *testing.T) {
	t.Parallel()
	r := serveAPI(t)
	_, operator, err := r.Accounts.CreateOperator(t.Context(), "Ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path, key, body string
		status                  int
		says                    string
	}{
		{"GET", "/", "", "", 200, "<title>chasqui</title>"}, // the dashboard, or the page that says how to build it
		{"GET", "/livez", "", "", 200, "ok"},
		{"GET", "/health", "", "", 200, app.Version},
		{"GET", "/nowhere", "", "", 404, "not_found"},
		{"GET", "/api/v1/clients", "", "", 401, "unauthorized"},
		{"POST", "/api/v1/clients", r.key, `{"name": "Sales", "provider": "whatsmeow"}`, 201, `"status":"new"`},
		{"GET", "/api/v1/clients", r.key, "", 200, `"Sales"`},
		{"GET", "/admin/queues", "", "", 401, ""},
		{"GET", "/admin/queues", r.key, "", 401, "op_chq"},
		{"GET", "/admin/queues", operator.Reveal(), "", 200, "Asynq"},
	} {
		status, body := do(t, tt.method, r.base+tt.path, tt.key, tt.body)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s %s: %d %.300s", tt.method, tt.path, status, body)
		}
	}
}

// A deploy must not wait for listeners who never leave by themselves.
func TestAPIStopsInSpiteOfStreams(t *testing.T) {
	t.Parallel()
	r := serveAPI(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+"/api/v1/events/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", r.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("stream: %v %v", res, err)
	}
	defer res.Body.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			continue
		}
	}()
	began := time.Now()
	r.stop()
	<-ended
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// A statement of the api that waits for what somebody else holds ends after five
// seconds, and says only that it may be tried again.
func TestStatementsOfTheAPIEnd(t *testing.T) {
	t.Parallel()
	r := serveAPI(t)
	by, err := r.Accounts.Authenticate(t.Context(), wa.NewSecret(r.key))
	if err != nil {
		t.Fatal(err)
	}
	client := testkit.Client(t, r.DB, by.Org)
	var status int
	var body string
	began := time.Now()
	err = r.DB.InOrg(t.Context(), by.Org, func(tx *store.Tx) error {
		if err := tx.RenameClient(t.Context(), by.Org, client.ID, "held"); err != nil {
			return err
		}
		status, body = do(t, http.MethodPatch, r.base+"/api/v1/clients/"+client.ID.String(), r.key, `{"name":"mine"}`)
		return nil
	})
	took := time.Since(began)
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(body, `"retryable":true`) || took < 4*time.Second || took > 8*time.Second {
		t.Errorf("%d after %s: %s (%v)", status, took, body, err)
	}
}

func TestPortInUseStopsTheStart(t *testing.T) {
	t.Parallel()
	r := serveAPI(t)
	cfg := load(t, settings(t, "postgres://u@127.0.0.1:1/d", "HTTP_ADDR="+r.Addr("http")))
	err := app.Serve(t.Context(), "api", cfg, quiet(), app.API)
	if err == nil || !strings.Contains(err.Error(), "listen for http") {
		t.Errorf("error is %v", err)
	}
}

// In production a Redis that may drop what it was given stops the start; here
// it is asked for its policy and passes.
func TestProductionSettingsServe(t *testing.T) {
	t.Parallel()
	r := serveAPI(t, "CHASQUI_ENV=prod")
	if _, err := r.Accounts.Authenticate(t.Context(), wa.NewSecret(r.key)); err != nil {
		t.Error(err)
	}
}

func TestWorkerHoldsASlotWhileItRuns(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	k, stop := serve(t, "worker", load(t, settings(t, database)), app.Worker)
	testkit.Eventually(t, patience, "a slot", func() bool {
		_, body := get(t, "http://"+k.Addr("metrics")+"/readyz")
		return strings.Contains(body, `"worker":"holding numbers"`)
	})
	db := testkit.OpenDB(t, database)
	if n := freeSlots(t, db); n != 31 {
		t.Errorf("%d slots are free", n)
	}
	stop()
	if n := freeSlots(t, db); n != 32 {
		t.Errorf("%d slots are free after the worker stopped", n)
	}
}

func freeSlots(t *testing.T, db *store.DB) int {
	t.Helper()
	var free []int
	err := db.InTx(t.Context(), func(tx *store.Tx) (err error) {
		free, err = tx.DeadSlots(t.Context(), 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(free)
}

func TestSchedulerQueuesWhatIsDue(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	db := testkit.OpenDB(t, database)
	org, _ := testkit.Org(t, db)
	client := testkit.Client(t, db, org.ID)
	messages, at := message.New(db, message.Options{}), time.Now().Add(2*time.Minute)
	accepted, err := messages.Accept(t.Context(), testkit.Actor(org.ID), client.ID,
		wa.Draft{To: "+5511987654321", Type: wa.KindText, Text: &wa.Text{Body: "later"}, SendAt: &at}, wa.IdempotencyKey{})
	if err != nil {
		t.Fatal(err)
	}
	backdate(t, database, accepted.ID)
	serve(t, "scheduler", load(t, settings(t, database)), app.Scheduler)
	testkit.Eventually(t, patience, "the message queued", func() bool {
		var m wa.Message
		err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) (err error) {
			m, err = tx.Message(t.Context(), org.ID, accepted.ID)
			return err
		})
		return err == nil && m.Status == wa.Queued
	})
}

// backdate makes a scheduled message due, which an API that wants a minute's
// notice does not allow.
func backdate(t *testing.T, database string, id wa.MessageID) {
	t.Helper()
	raw, err := testkit.OpenSQL(database)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, q := range []string{"SET app.system = 'on'", "UPDATE messages SET not_before = now() WHERE id = '" + id.UUID() + "'"} {
		if _, err := raw.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
}

// The parts of all programs fit into one process: what is asked of the API is
// done by the worker.
func TestAllPartsInOneProcess(t *testing.T) {
	t.Parallel()
	r := serveAPI(t)
	serve(t, "worker", r.Config, app.Worker)
	serve(t, "scheduler", r.Config, app.Scheduler)
	by, err := r.Accounts.Authenticate(t.Context(), wa.NewSecret(r.key))
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Fleet.Create(t.Context(), by, fleet.Draft{Name: "gone", Provider: wa.ProviderWhatsmeow}, wa.IdempotencyKey{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Fleet.Delete(t.Context(), by, c.ID); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, patience, "the client deleted", func() bool {
		status, _ := do(t, "GET", r.base+"/api/v1/clients/"+c.ID.String(), r.key, "")
		return status == http.StatusNotFound
	})
}
