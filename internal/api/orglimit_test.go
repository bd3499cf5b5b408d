package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/api"
	"chasqui/internal/message"
	"chasqui/internal/wa"
)

// An org is told what it is held to, as the installation is set, and how much of
// it it has.
func TestAnOrgIsToldItsLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *api.Deps) {
		d.Limits = api.Limits{Org: wa.Rate{Count: 900, Per: time.Minute}, Pairing: wa.Rate{Count: 7, Per: time.Hour}, Requests: 30}
	})
	w.post(t, "POST", "/api/v1/webhooks", `{"url":"https://example.com/hook"}`)
	manager, _ := w.person(t, w.org.ID, wa.Manager)
	r := w.do(t, call{method: "GET", path: "/api/v1/org/limits", key: manager})
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	got := map[string]api.OrgLimit{}
	for _, l := range decode[struct{ Data []api.OrgLimit }](t, r.body).Data {
		got[l.Name] = l
	}
	for _, want := range []api.OrgLimit{
		{Name: "requests", Most: 900, PerSeconds: 60, SetBy: "operator"},
		{Name: "caller_requests", SetBy: "operator"}, // switched off
		{Name: "pairings", Most: 7, PerSeconds: 3600, SetBy: "operator"},
		{Name: "requests_at_once", Most: 30, SetBy: "operator"},
		{Name: "waiting", Most: message.MaxWaiting, SetBy: "program"},
		{Name: "webhooks", Most: 100, Used: new(1), SetBy: "program"},
		{Name: "callback_hosts", Most: 200, Used: new(0), SetBy: "program"},
	} {
		if diff := cmp.Diff(want, got[want.Name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Name, diff)
		}
	}
	if len(got) != 13 {
		t.Errorf("%d limits", len(got))
	}
	if k := got["api_keys"]; k.Used == nil || *k.Used < 1 {
		t.Errorf("keys %+v", k)
	}
}

// A number that is made starts with what its org lets new ones do; those that
// are there keep their own. To let more out than usual takes a fresh proof.
func TestNewClientsStartWithTheOrgsLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	slow, fast := `{"enabled":true,"per_minute":5,"per_hour":50,"per_day":500,"gap_min_ms":4000,"gap_max_ms":9000,"typing":false}`,
		`{"enabled":true,"per_minute":60,"per_hour":600,"per_day":6000,"gap_min_ms":100,"gap_max_ms":200,"typing":true}`
	set := func(key wa.Secret, limits string) reply {
		return w.do(t, call{method: "PATCH", path: "/api/v1/org", key: key, body: `{"settings":{"new_client_limits_reason":"a fair","new_client_limits":` + limits + `}}`})
	}
	made := func() wa.Limits {
		t.Helper()
		c := decode[wa.Client](t, w.do(t, call{method: "POST", path: "/api/v1/clients", key: boss, body: `{"name":"another"}`}).body)
		return decode[wa.Limits](t, w.do(t, call{method: "GET", path: "/api/v1/clients/" + c.ID.String() + "/limits", key: boss}).body)
	}
	if got := made(); got != wa.DefaultLimits() {
		t.Errorf("without a wish: %+v", got)
	}
	if r := w.do(t, call{method: "PATCH", path: "/api/v1/org", key: boss, body: `{"settings":{"new_client_limits":` + fast + `}}`}); r.status != http.StatusUnprocessableEntity ||
		checkProblem(t, r).Errors[0].Location != "body.settings.new_client_limits_reason" {
		t.Errorf("to let more out for no reason: %d %s", r.status, r.body)
	}
	if r := set(boss, fast); r.status != http.StatusOK {
		t.Errorf("to let more out: %d %s", r.status, r.body)
	}
	if got := made(); got.PerMinute != 60 || got.GapMinMS != 100 {
		t.Errorf("with a large wish: %+v", got)
	}
	w.later.Add(int64(11 * time.Minute))
	if r := set(boss, slow); r.status != http.StatusOK {
		t.Errorf("to slow down by an old proof: %d %s", r.status, r.body)
	}
	if r := set(boss, fast); r.status != http.StatusForbidden || checkProblem(t, r).Code != "step_up_required" {
		t.Errorf("to let more out by an old proof: %d %s", r.status, r.body)
	}
	if got := made(); got != (wa.Limits{Enabled: true, PerMinute: 5, PerHour: 50, PerDay: 500, GapMinMS: 4000, GapMaxMS: 9000}) {
		t.Errorf("with a small wish: %+v", got)
	}
	old := decode[wa.Limits](t, w.do(t, call{method: "GET", path: "/api/v1/clients/{client}/limits", key: boss}).body)
	if old != wa.DefaultLimits() {
		t.Errorf("a number that was there has now %+v", old)
	}
	manager, _ := w.person(t, w.org.ID, wa.Manager)
	if r := set(manager, slow); r.status != http.StatusForbidden {
		t.Errorf("by a manager: %d %s", r.status, r.body)
	}
	r := set(boss, `{"enabled":true,"per_minute":0,"per_hour":1,"per_day":1,"gap_min_ms":0,"gap_max_ms":0,"typing":true}`)
	if p := checkProblem(t, r); r.status != http.StatusUnprocessableEntity || len(p.Errors) == 0 || p.Errors[0].Location != "body.settings.new_client_limits.per_minute" {
		t.Errorf("nothing a minute: %d %s", r.status, r.body)
	}
}
