package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"chasqui/internal/app"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// page is what this test reads of GET /monitoring.
type page struct {
	Processes []wa.Process
	Database  wa.DatabaseFigures
	API       struct {
		Requests *float64 `json:"requests_per_minute"`
		P95      *float64 `json:"p95_ms"`
	}
	QueuesURL string `json:"queues_url"`
}

// ask reads an address for somebody who has signed in.
func ask[T any](t *testing.T, address string, who wa.Secret) (v T) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+who.Reveal())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", address, res.StatusCode, raw, err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

// What programs tell of themselves is on an admin's page, with how Postgres does,
// and what was sent is in the figures that the scheduler keeps.
func TestWatchedPlatform(t *testing.T) {
	t.Parallel()
	r := serveAPI(t)
	serve(t, "worker", r.Config, app.Worker)
	serve(t, "scheduler", r.Config, app.Scheduler)
	boss, err := r.Accounts.Bootstrap(t.Context(), "Watchers", "boss@example.com")
	if err != nil {
		t.Fatal(err)
	}
	in, err := r.Accounts.SignIn(t.Context(), boss.Email, boss.Password, wa.Caller{})
	if err != nil || in.Granted == nil {
		t.Fatalf("sign in: %+v, %v", in, err)
	}
	who := in.Granted.Access
	client := testkit.Client(t, r.DB, boss.OrgID)
	status, body := do(t, "POST", r.base+"/api/v1/clients/"+client.ID.String()+"/messages", boss.APIKey.Reveal(), `{"to":"+5511987654321","text":{"body":"x"}}`)
	if status != http.StatusAccepted {
		t.Fatalf("send: %d %s", status, body)
	}
	var p page
	testkit.Eventually(t, time.Minute, "the figures of every program", func() bool {
		p = ask[page](t, r.base+"/api/v1/monitoring", who)
		kinds := map[wa.ProgramKind]bool{}
		for _, one := range p.Processes {
			kinds[one.Kind] = one.MemoryBytes != nil && *one.MemoryBytes > 1<<20 && one.Goroutines != nil && one.Version == app.Version
		}
		return kinds[wa.RunsAPI] && kinds[wa.RunsWorker] && kinds[wa.RunsScheduler] && p.API.Requests != nil && p.API.P95 != nil && p.Database.QueriesPerSecond != nil
	})
	if d := p.Database; d.Connections == nil || *d.Connections < 1 || d.MaxConnections == nil || d.SizeBytes == nil || *d.SizeBytes < 1<<20 || p.QueuesURL == "" {
		t.Errorf("%+v", p)
	}
	testkit.Eventually(t, time.Minute, "the message in the figures", func() bool {
		o := ask[struct{ Today wa.MessageCounts }](t, r.base+"/api/v1/overview", who)
		return o.Today == wa.MessageCounts{Accepted: 1}
	})
}
