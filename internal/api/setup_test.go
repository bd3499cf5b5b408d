package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/api"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// empty takes all orgs out of a world.
func (w *world) empty(t *testing.T) {
	t.Helper()
	w.exec(t, `DELETE FROM orgs`)
}

// A browser asks, follows the link, and is in; afterwards there is no such door.
func TestSetUpInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := call{method: "GET", path: "/api/v1/setup"}
	if r := w.do(t, ask); r.status != http.StatusOK || !strings.Contains(r.body, `"needed":false`) {
		t.Fatalf("with an org: %d %s", r.status, r.body)
	}
	w.empty(t)
	if r := w.do(t, ask); r.status != http.StatusOK || !strings.Contains(r.body, `"needed":true`) {
		t.Fatalf("without an org: %d %s", r.status, r.body)
	}
	link, err := account.New(w.db, testkit.Pepper).SetUpLink(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(link.Reveal(), "#token=")
	make := func(token, password string) call {
		return call{
			method: "POST", path: "/api/v1/setup",
			body: `{"token":"` + token + `","organisation":"Acme","name":"Ana","email":"ana@example.com","password":"` + password + `"}`,
		}
	}
	const good = "seven green kettles hum"
	r := w.do(t, make("guess", good))
	if p := checkProblem(t, r); r.status != http.StatusForbidden || p.Code != "setup_token" {
		t.Errorf("a guess: %d %s", r.status, r.body)
	}
	r = w.do(t, make(token, "short"))
	if p := checkProblem(t, r); r.status != http.StatusUnprocessableEntity || len(p.Errors) != 1 || p.Errors[0].Location != "body.password" {
		t.Errorf("a short password: %d %s", r.status, r.body)
	}
	foreign := make(token, good)
	foreign.header = map[string]string{"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
	if r := w.do(t, foreign); r.status != http.StatusForbidden {
		t.Errorf("from another site: %d %s", r.status, r.body)
	}
	r = w.do(t, make(token, good))
	in := decode[api.SignedIn](t, r.body)
	if cookie := r.header.Get("Set-Cookie"); r.status != http.StatusOK || in.User == nil || in.User.Role != wa.Admin || in.RefreshToken != "" ||
		!strings.HasPrefix(cookie, "chasqui_refresh=") || !strings.Contains(cookie, "SameSite=Strict") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "Secure") {
		t.Fatalf("set up: %d %s, cookie %q", r.status, r.body, cookie)
	}
	me := w.do(t, call{method: "GET", path: "/api/v1/me", key: wa.NewSecret(in.AccessToken)})
	if me.status != http.StatusOK || !strings.Contains(me.body, `"name":"Acme"`) || !strings.Contains(me.body, `"time_zone":"UTC"`) {
		t.Errorf("me: %d %s", me.status, me.body)
	}
	r = w.do(t, make(token, good))
	if p := checkProblem(t, r); r.status != http.StatusNotFound || p.Code != "not_found" {
		t.Errorf("again: %d %s", r.status, r.body)
	}
	if strings.Contains(w.log.String(), token) {
		t.Error("the token is in the log of requests")
	}
}

// Settings go in as they come out, and are refused by their names.
func TestOrgSettingsOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	change := func(body string) reply {
		return w.do(t, call{method: "PATCH", path: "/api/v1/org", key: boss, body: body})
	}
	r := change(`{"settings":{"agents_see_own_chats":true,"session_hours":12,"allow_http_webhooks":true,"retention_days":{"messages":365,"deliveries":14,"audit":400},"time_zone":"Europe/Lisbon"}}`)
	const want = `"settings":{"agents_see_own_chats":true,"agents_new_contacts":true,"session_hours":12,"allow_http_webhooks":true,"retention_days":{"messages":365,"events":null,"deliveries":14,"audit":400},"time_zone":"Europe/Lisbon",`
	if r.status != http.StatusOK || !strings.Contains(r.body, want) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/org", key: boss}); !strings.Contains(r.body, want) {
		t.Errorf("read again: %s", r.body)
	}
	if r := change(`{"settings":{"retention_days":{"messages":0}}}`); !strings.Contains(r.body, `"messages":null`) {
		t.Errorf("for ever: %d %s", r.status, r.body)
	}
	for location, body := range map[string]string{
		"body.settings.session_hours":              `{"settings":{"session_hours":0}}`,
		"body.settings.retention_days.events":      `{"settings":{"retention_days":{"events":6}}}`,
		"body.settings.retention_days.deliveries":  `{"settings":{"retention_days":{"deliveries":31}}}`,
		"body.settings.time_zone":                  `{"settings":{"time_zone":"Atlantis"}}`,
		"body.settings.org_id":                     `{"settings":{"org_id":"x"}}`,
		"body.settings.retention_days.audit_lines": `{"settings":{"retention_days":{"audit_lines":1}}}`,
	} {
		r := change(body)
		if p := checkProblem(t, r); r.status != http.StatusUnprocessableEntity || len(p.Errors) != 1 || p.Errors[0].Location != location {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	// Midnight there is not midnight in London.
	days := decode[struct{ Data []struct{ At time.Time } }](t, w.do(t, call{
		method: "GET", path: "/api/v1/analytics/messages?step=day&from=2026-03-09T12:00:00Z&to=2026-03-10T12:00:00Z", key: boss,
	}).body).Data
	change(`{"settings":{"time_zone":"America/Lima"}}`)
	there := decode[struct{ Data []struct{ At time.Time } }](t, w.do(t, call{
		method: "GET", path: "/api/v1/analytics/messages?step=day&from=2026-03-09T12:00:00Z&to=2026-03-10T12:00:00Z", key: boss,
	}).body).Data
	if len(days) == 0 || len(there) == 0 || days[0].At.UTC().Hour() != 0 || there[0].At.UTC().Hour() != 5 {
		t.Errorf("days in Lisbon begin at %v, in Lima at %v", days, there)
	}
	hook := call{method: "POST", path: "/api/v1/webhooks", key: w.admin, body: `{"url":"http://example.com/h","events":["*"]}`}
	if r := w.do(t, hook); r.status != http.StatusCreated {
		t.Errorf("a webhook by plain http: %d %s", r.status, r.body)
	}
	change(`{"settings":{"allow_http_webhooks":false}}`)
	if r := w.do(t, hook); r.status != http.StatusUnprocessableEntity {
		t.Errorf("a webhook by plain http, when it is not allowed: %d %s", r.status, r.body)
	}
}
