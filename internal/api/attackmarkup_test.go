package api_test

import (
	"encoding/json"
	"fmt"
	"mime"
	"strings"
	"testing"
)

// Markup in names and messages is kept as it was written and comes back as data:
// JSON that no browser takes for a page, and nothing that runs.
func TestStoredMarkupIsData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, markup := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</script><svg/onload=alert(1)>`, `javascript:alert(1)`, "{{constructor.constructor('alert(1)')()}}",
	} {
		quoted, err := json.Marshal(markup)
		if err != nil {
			t.Fatal(err)
		}
		message := w.send(t, "+5511987654321", strings.Trim(string(quoted), `"`))
		w.post(t, "PATCH", "/api/v1/clients/{client}", `{"name":`+string(quoted)+`}`)
		w.post(t, "POST", "/api/v1/webhooks", fmt.Sprintf(`{"url":"https://example.com/hook","events":["*"],"description":%s}`, quoted))
		for _, path := range []string{
			"/api/v1/clients/{client}", "/api/v1/clients", "/api/v1/messages/" + message.ID.String(), "/api/v1/messages", "/api/v1/webhooks",
			"/api/v1/audit?action=client.renamed&limit=1", "/api/v1/events?types=client.created", "/api/v1/clients/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
			"/api/v1/messages?cursor=%3Cscript%3E", "/%3Cscript%3Ealert(1)%3C/script%3E",
		} {
			r := w.do(t, call{method: "GET", path: path, key: w.admin})
			media, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
			if err != nil || (media != "application/json" && media != "application/problem+json") || !json.Valid([]byte(r.body)) {
				t.Errorf("%s is %s: %s", path, media, r.body)
			}
			if r.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(r.header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%s: a browser may guess: %v", path, r.header)
			}
		}
		got := decode[struct{ Name string }](t, w.do(t, call{method: "GET", path: "/api/v1/clients/{client}", key: w.admin}).body)
		if got.Name != markup {
			t.Errorf("%q came back as %q", markup, got.Name)
		}
	}
}

func (w *world) post(t *testing.T, method, path, body string) reply {
	t.Helper()
	r := w.do(t, call{method: method, path: path, key: w.admin, body: body})
	if r.status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
	}
	return r
}
