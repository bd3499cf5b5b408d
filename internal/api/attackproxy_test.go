package api_test

import (
	"fmt"
	"strings"
	"testing"

	"chasqui/internal/api"
	"chasqui/internal/wa"
)

// lastLine is the newest line of the org's audit log with an action.
func (w *world) lastLine(t *testing.T, action wa.AuditAction) auditLine {
	t.Helper()
	r := w.do(t, call{method: "GET", path: "/api/v1/audit?limit=1&action=" + string(action), key: w.admin})
	page := decode[struct{ Data []auditLine }](t, r.body)
	if r.status != 200 || len(page.Data) != 1 {
		t.Fatalf("audit: %d %s", r.status, r.body)
	}
	return page.Data[0]
}

// auditLine is what the tests read of a line.
type auditLine struct {
	Sequence  int64
	Kind      string `json:"actor_kind"`
	ActorID   string `json:"actor_id"`
	ActorName string `json:"actor_name"`
	Role      string
	Action    string
	Target    string
	Before    map[string]any
	After     map[string]any
	IP        string
	Agent     string `json:"user_agent"`
	Request   string `json:"request_id"`
	Hash      string
}

// Whoever writes where they come from into a header is not believed; only a
// proxy that is named is, and only what it added itself.
func TestCallersCannotSayWhereTheyAre(t *testing.T) {
	t.Parallel()
	strange := newWorld(t)
	behind := newWorld(t, func(d *api.Deps) { d.TrustedProxies = []string{"127.0.0.1"} })
	for name, c := range map[string]struct {
		w      *world
		header map[string]string
		want   string
	}{
		"nobody's proxy": {strange, map[string]string{"X-Forwarded-For": "203.0.113.9"}, "127.0.0.1"},
		"every header": {strange, map[string]string{
			"X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9", "True-Client-IP": "203.0.113.9", "CF-Connecting-IP": "203.0.113.9", "Client-IP": "203.0.113.9",
			"X-Client-IP": "203.0.113.9", "X-Appengine-Remote-Addr": "203.0.113.9", "X-Originating-IP": "203.0.113.9", "X-Cluster-Client-IP": "203.0.113.9",
		}, "127.0.0.1"},
		"our proxy":                         {behind, map[string]string{"X-Forwarded-For": "198.51.100.7"}, "198.51.100.7"},
		"our proxy, after what was made up": {behind, map[string]string{"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		"our proxy, other headers":          {behind, map[string]string{"X-Real-IP": "203.0.113.9", "X-Forwarded-For": "198.51.100.7"}, "198.51.100.7"},
		"our proxy, nonsense":               {behind, map[string]string{"X-Forwarded-For": "'; DROP TABLE x"}, "127.0.0.1"},
	} {
		c.header["User-Agent"], c.header["X-Request-Id"] = "tests/1 "+strings.Repeat("x", 300), "req-of-mine"
		r := c.w.do(t, call{method: "PATCH", path: "/api/v1/clients/{client}", key: c.w.admin, body: fmt.Sprintf(`{"name":%q}`, name), header: c.header})
		if r.status != 200 {
			t.Fatalf("%s: %d %s", name, r.status, r.body)
		}
		line := c.w.lastLine(t, wa.AuditClientRenamed)
		if line.IP != c.want || len(line.Agent) != wa.MaxAgent || line.Request != "req-of-mine" || line.After["name"] != name || line.Kind != "key" {
			t.Errorf("%s: %+v, want the address %s", name, line, c.want)
		}
	}
}
