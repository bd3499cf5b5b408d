package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"chasqui/internal/api"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// document is what the tests read of the OpenAPI document.
type document struct {
	OpenAPI string
	Servers []struct{ URL string }
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string
		Security    []map[string][]string
		Permission  string `json:"x-permission"`
		StepUp      bool   `json:"x-step-up"`
		Responses   map[string]struct {
			Content map[string]any
			Codes   []string `json:"x-codes"`
		}
	}
	Components struct {
		Schemas         map[string]any
		SecuritySchemes map[string]any `json:"securitySchemes"`
	}
}

// route is one operation of the document.
type route struct {
	method, path string
	scope        string // "" any key
	open         bool   // no key
	keyed        bool   // keys may have the scope
}

// peopleOnly are routes that no key opens; people_test.go walks them.
func (r route) peopleOnly() bool {
	return strings.HasPrefix(r.path, "/api/v1/me/") || strings.HasPrefix(r.path, "/api/v1/auth/") ||
		(r.scope != "" && !slices.Contains(wa.Scopes(), wa.Permission(r.scope)))
}

func (w *world) document(t *testing.T) (document, string) {
	t.Helper()
	r := w.do(t, call{method: "GET", path: "/api/openapi.json"})
	if r.status != http.StatusOK {
		t.Fatalf("openapi.json: %d", r.status)
	}
	return decode[document](t, r.body), r.body
}

func (d document) routes() []route {
	var all []route
	for path, operations := range d.Paths {
		for method, o := range operations {
			r := route{method: strings.ToUpper(method), path: path, open: len(o.Security) == 0}
			if r.scope = o.Permission; !r.open {
				_, r.keyed = o.Security[0]["X-API-Key"]
			}
			all = append(all, r)
		}
	}
	return all
}

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// TestDocument holds the OpenAPI document against the routes that are served.
func TestDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, raw := w.document(t)
	if !strings.HasPrefix(d.OpenAPI, "3.1") || len(d.Servers) != 1 || d.Servers[0].URL != "https://chasqui.example" {
		t.Errorf("openapi %s, servers %v", d.OpenAPI, d.Servers)
	}
	if strings.Contains(raw, "$schema") || strings.Contains(raw, "ErrorModel") {
		t.Error("the document speaks of huma's own shapes")
	}
	for _, url := range regexp.MustCompile(`https?://[^"/ ]+`).FindAllString(raw, -1) {
		if url != "https://chasqui.example" {
			t.Errorf("the document names a foreign host: %s", url)
		}
	}
	if len(d.Components.SecuritySchemes) != 2 {
		t.Errorf("security schemes: %v", d.Components.SecuritySchemes)
	}
	served := map[string]bool{}
	engine, ok := w.Config.Handler.(*gin.Engine)
	if !ok {
		t.Fatalf("the handler is a %T", w.Config.Handler)
	}
	for _, r := range engine.Routes() {
		if !strings.HasPrefix(r.Path, "/api/openapi") && !strings.HasPrefix(r.Path, api.DocsPath) { // pages, no operations
			served[r.Method+" "+regexp.MustCompile(`:([a-z]+)`).ReplaceAllString(r.Path, "{$1}")] = true
		}
	}
	documented, names := map[string]bool{}, map[string]bool{}
	for path, operations := range d.Paths {
		for method, o := range operations {
			documented[strings.ToUpper(method)+" "+path] = true
			if o.OperationID == "" || names[o.OperationID] || o.Summary == "" {
				t.Errorf("%s %s: operation id %q, summary %q", method, path, o.OperationID, o.Summary)
			}
			names[o.OperationID] = true
			if o.Responses["default"].Content["application/problem+json"] == nil {
				t.Errorf("%s %s: failures are not documented", method, path)
			}
		}
	}
	if !maps.Equal(served, documented) {
		t.Errorf("served %v\ndocumented %v", slices.Sorted(maps.Keys(served)), slices.Sorted(maps.Keys(documented)))
	}
}

// TestEveryRouteAsksForItsScope calls every operation without a key, with keys
// that open nothing, and with a key that has every scope but the right one.
func TestEveryRouteAsksForItsScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unknown, _ := wa.NewKeyText()
	revoked := testkit.Key(t, w.db, w.org.ID, wa.Everything)
	w.exec(t, `UPDATE api_keys SET revoked_at = now() WHERE public_id = $1`, strings.Split(revoked.Reveal(), "_")[2])
	d, _ := w.document(t)
	before := w.stored(t)
	keyed := 0
	for _, r := range d.routes() {
		if r.open {
			continue
		}
		keyed++
		path := parameter.ReplaceAllString(r.path, wa.NewClientID().String())
		for name, key := range map[string]wa.Secret{"no key": {}, "nonsense": wa.NewSecret("nonsense"), "unknown key": unknown, "revoked key": revoked} {
			reply := w.do(t, call{method: r.method, path: path, key: key})
			if p := checkProblem(t, reply); reply.status != http.StatusUnauthorized || p.Code != "unauthorized" || reply.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s with %s: %d %s", r.method, r.path, name, reply.status, reply.body)
			}
		}
		if r.scope == "" {
			continue
		}
		if _, known := wa.Grants()[wa.Permission(r.scope)]; !known || r.keyed != wa.Grants()[wa.Permission(r.scope)].Key {
			t.Errorf("%s %s asks for %q, which is not in the table, or keys for what they cannot have", r.method, r.path, r.scope)
		}
		others := slices.DeleteFunc(wa.Scopes(), func(p wa.Permission) bool { return string(p) == r.scope || r.keyed && p == wa.Everything })
		reply := w.do(t, call{method: r.method, path: path, key: testkit.Key(t, w.db, w.org.ID, others...)})
		if p := checkProblem(t, reply); reply.status != http.StatusForbidden || !strings.Contains(p.Detail, r.scope) {
			t.Errorf("%s %s without its scope: %d %s", r.method, r.path, reply.status, reply.body)
		}
	}
	if keyed < 30 {
		t.Errorf("only %d operations ask for a key", keyed)
	}
	if after := w.stored(t); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
}

// TestIDsAreOpaque asks every operation for things that cannot be, are not, and
// are a stranger's: the answer is the same.
func TestIDsAreOpaque(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var theirs wa.Message
	err := w.db.InOrg(t.Context(), w.stranger.org.ID, func(tx *store.Tx) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	r := w.do(t, call{method: "POST", path: "/api/v1/clients/{stranger}/messages", key: w.stranger.key, body: good})
	theirs = decode[wa.Message](t, r.body)
	_, them := w.person(t, w.stranger.org.ID, wa.Agent)
	foreign := map[string]string{
		"{client}": w.stranger.client.ID.String(), "{message}": theirs.ID.String(), "{chat}": theirs.ChatID.String(), "{contact}": theirs.To.ContactID.String(),
		"{webhook}": wa.NewEndpointID().String(), "{user}": them.ID.String(), "{key}": wa.NewKeyID().String(),
	}
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	since := fmt.Sprintf(`{"since":%q}`, time.Now().Add(-time.Minute).Format(time.RFC3339))
	bodies := map[string]string{
		"/messages": good, "/messages/batch": `{"messages":[` + good + `]}`, "/send-message": `{"to":"+5511987654321","message":"x"}`,
		"/pair": `{"method":"qr"}`, "/passkey": `{"response":{}}`, "/limits": `{"enabled":false,"reason":"x"}`, "{client}": `{"name":"mine now"}`,
		"/recover": since, "/replay": since, "{webhook}": `{"description":"mine now"}`,
		"/agents": `{"users":[]}`, "/assignments": `{"clients":[]}`, "/assign": `{"user":null}`, "{key}": `{"name":"mine now"}`,
	}
	d, _ := w.document(t)
	before := w.stored(t)
	for _, route := range d.routes() {
		name := parameter.FindString(route.path)
		if name == "" || route.peopleOnly() {
			continue
		}
		body := ""
		if route.method != http.MethodGet && route.method != http.MethodDelete {
			body = bodies[route.path[strings.LastIndex(route.path, name)+len(name):]]
			if strings.HasSuffix(route.path, name) {
				body = bodies[name]
			}
		}
		for _, id := range []string{foreign[name], "0", "cli_", wa.NewEventID().String(), "%00", "%ff", "..%2f.."} {
			reply := w.do(t, call{method: route.method, path: strings.Replace(route.path, name, id, 1), key: boss, body: body})
			if p := checkProblem(t, reply); reply.status != http.StatusNotFound || p.Code != "not_found" {
				t.Errorf("%s %s of %s: %d %s", route.method, route.path, id, reply.status, reply.body)
			}
		}
	}
	if after := w.stored(t); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
}

func TestQueuesPage(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("queues " + r.Method)) })
	shown := newWorld(t, func(d *api.Deps) { d.Queues = page })
	writable := newWorld(t, func(d *api.Deps) { d.Queues, d.QueuesWritable = page, true })
	absent := newWorld(t)
	op, writer := shown.operator(t), writable.operator(t)
	basic := func(key wa.Secret) map[string]string {
		req, _ := http.NewRequest(http.MethodGet, "/", nil)
		req.SetBasicAuth("anybody", key.Reveal())
		return map[string]string{"Authorization": req.Header.Get("Authorization")}
	}
	foreign := func(h map[string]string) map[string]string {
		h["Origin"], h["Sec-Fetch-Site"] = "https://elsewhere.example", "cross-site"
		return h
	}
	tests := []struct {
		name   string
		w      *world
		c      call
		status int
	}{
		{"absent", absent, call{method: "GET", path: api.QueuesPath, key: absent.admin}, 404},
		{"without a key", shown, call{method: "GET", path: api.QueuesPath}, 401},
		{"with an org's key for everything", shown, call{method: "GET", path: api.QueuesPath, key: shown.admin}, 401},
		{"with another installation's operator", shown, call{method: "GET", path: api.QueuesPath, key: writer}, 401},
		{"with a key", shown, call{method: "GET", path: api.QueuesPath + "/api/queues", key: op}, 200},
		{"with a bearer", shown, call{method: "GET", path: api.QueuesPath, header: map[string]string{"Authorization": "Bearer " + op.Reveal()}}, 200},
		{"in a browser", shown, call{method: "GET", path: api.QueuesPath + "/", header: basic(op)}, 200},
		{"read-only", shown, call{method: "DELETE", path: api.QueuesPath + "/api/queues/x", key: op}, 405},
		{"writable", writable, call{method: "DELETE", path: api.QueuesPath + "/api/queues/x", key: writer}, 200},
		{"from another site", writable, call{method: "POST", path: api.QueuesPath + "/api/queues/x", header: foreign(basic(writer))}, 403},
		{"an operator sees no org", shown, call{method: "GET", path: "/api/v1/clients", key: op}, 401},
	}
	for _, tt := range tests {
		r := tt.w.do(t, tt.c)
		if r.status != tt.status {
			t.Errorf("%s: %d, want %d: %s", tt.name, r.status, tt.status, r.body)
		}
		if r.status == 200 && r.header.Get("Content-Security-Policy") != "frame-ancestors 'none'" {
			t.Errorf("%s: it can be framed: %v", tt.name, r.header)
		}
		if r.status == 401 && strings.HasPrefix(tt.c.path, api.QueuesPath) && !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Basic") {
			t.Errorf("%s: a browser does not ask: %v", tt.name, r.header)
		}
		if r.status >= 400 {
			checkProblem(t, r)
		}
	}
	for w, want := range map[*world]int{shown: 0, writable: 1} {
		var lines int
		err := w.sql.QueryRowContext(t.Context(), `SELECT count(*) FROM audit_log WHERE action = $1 AND kind = 'operator'`, string(wa.AuditQueuesChanged)).Scan(&lines)
		if err != nil || lines != want {
			t.Errorf("%d lines of what operators changed, want %d: %v", lines, want, err)
		}
	}
}
