package api_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/api"
	"chasqui/internal/wa"
)

// platform is one of which everything is known.
type platform struct {
	pulses []wa.Pulse
	err    error
}

func (p platform) All(context.Context) ([]wa.Pulse, error) { return p.pulses, p.err }

func (p platform) Database() wa.DatabaseFigures {
	n, rate := 7, 12.5
	return wa.DatabaseFigures{Connections: &n, QueriesPerSecond: &rate, Counted: "statements"}
}

// monitored is GET /monitoring as it is read by those who do not know the
// server's types.
type monitored struct {
	Processes []map[string]any
	WhatsApp  map[string]any
	Database  map[string]any
	API       map[string]any
	QueuesURL string `json:"queues_url"`
}

func (w *world) monitored(t *testing.T, who wa.Secret) monitored {
	t.Helper()
	r := w.do(t, call{method: "GET", path: "/api/v1/monitoring", key: who})
	if r.status != http.StatusOK {
		t.Fatalf("monitoring: %d %s", r.status, r.body)
	}
	return decode[monitored](t, r.body)
}

func TestMonitoring(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	n := 3
	// Two api processes: 1000 answers within 10 ms, and 100 that took up to 100 ms.
	calm := wa.Traffic{Seconds: 60, Requests: 1000, Timed: 1000, Within: []wa.Within{{Seconds: .01, Count: 1000}, {Seconds: .1, Count: 1000}}}
	busy := wa.Traffic{Seconds: 30, Requests: 100, Errors: 11, Limited: 5, AuthFailures: 2, Timed: 100, Within: []wa.Within{{Seconds: .01}, {Seconds: .1, Count: 100}}}
	w := newWorld(t, func(d *api.Deps) {
		d.Queues = http.NotFoundHandler()
		d.Watched = platform{pulses: []wa.Pulse{
			{Process: wa.Process{ID: "worker-1", Kind: wa.RunsWorker, StartedAt: now, Connections: &n}},
			{Process: wa.Process{ID: "api-2", Kind: wa.RunsAPI, StartedAt: now}, Traffic: &busy},
			{Process: wa.Process{ID: "api-1", Kind: wa.RunsAPI, StartedAt: now.Add(-time.Hour)}, Traffic: &calm},
			{Process: wa.Process{ID: "api-3", Kind: wa.RunsAPI, StartedAt: now.Add(time.Second)}}, // just started
		}}
	})
	w.send(t, "+5511900000001", "hello")
	w.exec(t, `UPDATE messages SET status = 'sent', sent_at = now(), claimed_at = now() - interval '2 s'`)
	w.exec(t, `UPDATE clients SET status = 'connected', jid = 'x' WHERE id = $1`, w.client.ID.UUID())
	w.counted(t, 1)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	got := w.monitored(t, boss)
	var ids []any
	for _, p := range got.Processes {
		ids = append(ids, p["id"])
	}
	if diff := cmp.Diff([]any{"api-1", "api-2", "api-3", "worker-1"}, ids); diff != "" {
		t.Error(diff)
	}
	if w := got.Processes[3]; w["connections"] != 3.0 || w["cpu_percent"] != nil || w["kind"] != "worker" {
		t.Errorf("the worker is %v", w)
	}
	// 95 of 100 answers are 1045 of 1100: 45 of the 100 slow ones, so half-way from 10 ms to 100.
	if diff := cmp.Diff(map[string]any{
		"requests_per_minute": 1200.0, "p95_ms": 50.5, "error_rate": 0.01, "rate_limited_per_minute": 10.0, "auth_failures_per_minute": 4.0,
	}, got.API); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{
		"connections": 7.0, "max_connections": nil, "queries_per_second": 12.5, "mean_ms": nil, "counted": "statements", "cache_hit": nil, "size_bytes": nil,
	}, got.Database); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{
		"active_clients": 1.0, "messages_today": 1.0, "delivery_rate": 0.0, "read_rate": 0.0, "send_p95_ms": 2000.0,
	}, got.WhatsApp); diff != "" {
		t.Error(diff)
	}
	if got.QueuesURL != api.QueuesPath {
		t.Errorf("the queues are at %q", got.QueuesURL)
	}
}

// What is not known is null, not 0, and fails nothing.
func TestMonitoringKnowsNothing(t *testing.T) {
	t.Parallel()
	for name, tune := range map[string]func(*api.Deps){
		"nobody tells": func(*api.Deps) {},
		"redis away":   func(d *api.Deps) { d.Watched = platform{err: errors.New("redis is away")} },
	} {
		w := newWorld(t, tune)
		boss, _ := w.person(t, w.org.ID, wa.Admin)
		got := w.monitored(t, boss)
		if got.Processes == nil || len(got.Processes) != 0 || got.QueuesURL != "" {
			t.Errorf("%s: %+v", name, got)
		}
		for figure, v := range got.API {
			if v != nil {
				t.Errorf("%s: %s is %v", name, figure, v)
			}
		}
		if len(got.API) != 5 || got.WhatsApp["delivery_rate"] != nil || got.WhatsApp["send_p95_ms"] != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// How the platform does is for admins who have signed in, not for keys.
func TestMonitoringIsForAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, role := range wa.Roles() {
		who, _ := w.person(t, w.org.ID, role)
		want := http.StatusForbidden
		if role == wa.Admin {
			want = http.StatusOK
		}
		if r := w.do(t, call{method: "GET", path: "/api/v1/monitoring", key: who}); r.status != want {
			t.Errorf("%s: %d, want %d", role, r.status, want)
		}
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/monitoring", key: w.admin}); r.status != http.StatusForbidden {
		t.Errorf("a key for everything: %d", r.status)
	}
}
