package api_test

import (
	"net/http"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

// Why a number may send faster than usual is told by who lets it, and stands in
// the audit log and nowhere else. Within the usual nobody is asked.
func TestRaisingLimitsTakesAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	manager, _ := w.person(t, w.org.ID, wa.Manager)
	set := func(key wa.Secret, body string, want int) reply {
		t.Helper()
		r := w.do(t, call{method: "PUT", path: "/api/v1/clients/{client}/limits", key: key, body: body})
		if r.status != want {
			t.Fatalf("%s: %d %s", body, r.status, r.body)
		}
		return r
	}
	set(manager, `{"per_minute":10}`, 200)
	set(manager, `{"per_minute":20}`, 200)
	set(manager, `{"per_minute":21,"reason":"I want it"}`, 403)
	for _, none := range []string{`{"per_minute":60}`, `{"per_minute":60,"reason":" "}`, `{"gap_min_ms":0}`, `{"enabled":false,"reason":""}`} {
		if p := checkProblem(t, set(boss, none, 422)); len(p.Errors) != 1 || p.Errors[0].Location != "body.reason" {
			t.Errorf("%s names %+v", none, p.Errors)
		}
	}
	set(boss, `{"per_minute":60,"reason":" the fair, until Friday "}`, 200)
	set(boss, `{"per_minute":50}`, 200)
	log := w.do(t, call{method: "GET", path: "/api/v1/audit?action=client.limits_changed", key: boss}).body
	if strings.Count(log, `"reason":"the fair, until Friday"`) != 1 || strings.Count(log, `"reason"`) != 1 {
		t.Errorf("the log: %s", log)
	}
	w.settle(t, 4)
	if r := w.do(t, call{method: "GET", path: "/api/v1/events?limit=100", key: boss}); r.status != http.StatusOK || strings.Contains(r.body, "Friday") {
		t.Errorf("the events: %d %s", r.status, r.body)
	}
}

// A key that had the scope of before is told that no key can.
func TestKeysChangeNoLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	w.exec(t, `UPDATE api_keys SET scopes = scopes || '{limits:write}'`)
	if p := checkProblem(t, w.do(t, call{method: "PUT", path: "/api/v1/clients/{client}/limits", key: w.admin, body: `{"per_minute":1}`})); p.Status != 403 ||
		!strings.Contains(p.Detail, "no API key can have the permission limits:write: sign in") {
		t.Errorf("%+v", p)
	}
	if r := w.do(t, call{method: "POST", path: "/api/v1/api-keys", key: boss, body: `{"name":"x","scopes":["limits:write"]}`}); r.status != 422 {
		t.Errorf("a key made for it: %d %s", r.status, r.body)
	}
}
