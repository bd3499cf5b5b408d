package api_test

import (
	"net/http"
	"strings"
	"testing"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func TestWebhookOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer := testkit.Key(t, w.db, w.org.ID, wa.WriteWebhooks, wa.ReadEvents, wa.ReadMessages)
	reader := testkit.Key(t, w.db, w.org.ID, wa.ReadWebhooks)
	const address = "https://203.0.113.7.example/hook" // a name that nobody has
	made := w.do(t, call{
		method: "POST", path: "/api/v1/webhooks", key: writer,
		body: `{"url":"` + address + `","events":["message.*"],"clients":["{client}"],"description":"mine","headers":{"X-Token":"of-mine"}}`,
	})
	if made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.body)
	}
	type shown struct {
		wa.Endpoint
		Secret string `json:"secret"`
	}
	e := decode[shown](t, made.body)
	if !strings.HasPrefix(e.Secret, "whsec_") || !e.Enabled || e.Health.State != "ok" || made.header.Get("Location") != "/api/v1/webhooks/"+e.ID.String() {
		t.Errorf("made %s at %s", made.body, made.header.Get("Location"))
	}
	at := "/api/v1/webhooks/" + e.ID.String()
	for _, r := range []reply{
		w.do(t, call{method: "GET", path: at, key: reader}),
		w.do(t, call{method: "GET", path: "/api/v1/webhooks", key: reader}),
		w.do(t, call{method: "PATCH", path: at, key: writer, body: `{"events":["client.connected"],"clients":[]}`}),
		w.do(t, call{method: "POST", path: at + "/disable", key: writer}),
	} {
		if r.status != http.StatusOK || strings.Contains(r.body, "whsec_") || strings.Contains(r.body, "of-mine") || !strings.Contains(r.body, `"X-Token":"***"`) {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if r := w.do(t, call{method: "POST", path: at + "/test", key: writer}); r.status != http.StatusConflict {
		t.Errorf("a test of what is off: %d %s", r.status, r.body)
	}
	w.do(t, call{method: "POST", path: at + "/enable", key: writer})
	test := w.do(t, call{method: "POST", path: at + "/test", key: writer})
	d := decode[wa.Delivery](t, test.body)
	if test.status != http.StatusAccepted || d.EventType != wa.WebhookTest {
		t.Errorf("test: %d %s", test.status, test.body)
	}
	for path, want := range map[string]string{
		at + "/deliveries": d.ID.String(), at + "/deliveries?status=exhausted": `"data":[]`,
		at + "/deliveries/" + d.ID.String() + "/attempts": `"data":[]`,
	} {
		if r := w.do(t, call{method: "GET", path: path, key: reader}); r.status != http.StatusOK || !strings.Contains(r.body, want) {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	w.holdRequest(t, at+"/deliveries/"+d.ID.String()+"/request", reader, testkit.Key(t, w.db, w.org.ID, wa.ReadWebhooks, wa.ReadEvents))
	if r := w.do(t, call{method: "POST", path: at + "/rotate", key: writer}); r.status != http.StatusForbidden {
		t.Errorf("rotate with a key: %d %s", r.status, r.body)
	}
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	rotated := w.do(t, call{method: "POST", path: at + "/rotate", key: boss, body: `{"overlap_seconds":60}`})
	if r := decode[shown](t, rotated.body); rotated.status != http.StatusOK || r.Secret == e.Secret || !strings.HasPrefix(r.Secret, "whsec_") {
		t.Errorf("rotate: %d %s", rotated.status, rotated.body)
	}
	if r := w.do(t, call{method: "DELETE", path: at, key: writer}); r.status != http.StatusNoContent {
		t.Errorf("delete: %d %s", r.status, r.body)
	}
	if r := w.do(t, call{method: "GET", path: at, key: reader}); r.status != http.StatusNotFound {
		t.Errorf("after deleting: %d %s", r.status, r.body)
	}
}

// holdRequest asks for what a delivery will send by who may not read it, and by
// who may.
func (w *world) holdRequest(t *testing.T, path string, outsider, insider wa.Secret) {
	t.Helper()
	r := w.do(t, call{method: "GET", path: path, key: outsider})
	if p := checkProblem(t, r); r.status != http.StatusForbidden || !strings.Contains(p.Detail, string(wa.ReadEvents)) {
		t.Errorf("by who may not read events: %d %s", r.status, r.body)
	}
	r = w.do(t, call{method: "GET", path: path, key: insider})
	if sent := decode[wa.SentRequest](t, r.body); r.status != http.StatusOK || !strings.Contains(sent.Body, `"type":"webhook.test"`) || strings.Contains(r.body, "of-mine") {
		t.Errorf("what will be sent: %d %s", r.status, r.body)
	}
	if r := w.do(t, call{method: "GET", path: path + "?attempt=1", key: insider}); r.status != http.StatusNotFound {
		t.Errorf("an attempt that was not made: %d %s", r.status, r.body)
	}
}

func TestBadWebhooksAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for body, location := range map[string]string{
		`{}`:                                                                "body.url",
		`{"url":"ftp://example.com"}`:                                       "body.url",
		`{"url":"http://example.com"}`:                                      "body.url",
		`{"url":"https://127.0.0.1/x"}`:                                     "body.url",
		`{"url":"https://[::1]/x"}`:                                         "body.url",
		`{"url":"https://169.254.169.254/"}`:                                "body.url",
		`{"url":"https://localhost/x"}`:                                     "body.url",
		`{"url":"https://2130706433/x"}`:                                    "body.url",
		`{"url":"https://example.com:25/x"}`:                                "body.url",
		`{"url":"https://a:b@example.com/x"}`:                               "body.url",
		`{"url":"https://example.com","events":["message.sold"]}`:           "body.events",
		`{"url":"https://example.com","clients":["{stranger}"]}`:            "body.clients",
		`{"url":"https://example.com","headers":{"Host":"x"}}`:              "body.headers",
		`{"url":"https://example.com","headers":{"webhook-signature":"x"}}`: "body.headers",
		`{"url":"https://example.com","headers":{"X":"a\r\nB: c"}}`:         "body.headers",
		`{"url":"https://example.com","timeout_ms":60000}`:                  "body.timeout_ms",
		`{"url":"https://example.com","directions":["up"]}`:                 "body.directions",
	} {
		r := w.do(t, call{method: "POST", path: "/api/v1/webhooks", key: w.admin, body: body})
		p := checkProblem(t, r)
		if r.status != http.StatusUnprocessableEntity || len(p.Errors) == 0 || p.Errors[0].Location != location {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
}
