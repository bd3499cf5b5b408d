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
		Responses   map[string]struct {
			Content map[string]any
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
			if !r.open && len(o.Security[0]["X-API-Key"]) > 0 {
				r.scope = o.Security[0]["X-API-Key"][0]
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
		if !strings.HasPrefix(r.Path, "/api/openapi") {
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
		others := slices.DeleteFunc(wa.Permissions(), func(p wa.Permission) bool { return string(p) == r.scope || p == wa.Everything })
		if len(others) != len(wa.Permissions())-2 {
			t.Errorf("%s %s asks for the scope %q, which does not exist", r.method, r.path, r.scope)
		}
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
	foreign := map[string]string{
		"{client}": w.stranger.client.ID.String(), "{message}": theirs.ID.String(), "{chat}": theirs.ChatID.String(), "{contact}": theirs.To.ContactID.String(),
		"{webhook}": wa.NewEndpointID().String(),
	}
	since := fmt.Sprintf(`{"since":%q}`, time.Now().Add(-time.Minute).Format(time.RFC3339))
	bodies := map[string]string{
		"/messages": good, "/messages/batch": `{"messages":[` + good + `]}`, "/send-message": `{"to":"+5511987654321","message":"x"}`,
		"/pair": `{"method":"qr"}`, "/passkey": `{"response":{}}`, "/limits": `{"enabled":false}`, "{client}": `{"name":"mine now"}`,
		"/recover": since, "/replay": since, "{webhook}": `{"description":"mine now"}`,
	}
	d, _ := w.document(t)
	before := w.stored(t)
	for _, route := range d.routes() {
		name := parameter.FindString(route.path)
		if name == "" {
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
			reply := w.do(t, call{method: route.method, path: strings.Replace(route.path, name, id, 1), key: w.admin, body: body})
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
	basic := func(w *world) map[string]string {
		req, _ := http.NewRequest(http.MethodGet, "/", nil)
		req.SetBasicAuth("anybody", w.admin.Reveal())
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
		{"without the scope", shown, call{method: "GET", path: api.QueuesPath, key: shown.viewer}, 403},
		{"with a key", shown, call{method: "GET", path: api.QueuesPath + "/api/queues", key: shown.admin}, 200},
		{"with a bearer", shown, call{method: "GET", path: api.QueuesPath, header: map[string]string{"Authorization": "Bearer " + shown.admin.Reveal()}}, 200},
		{"in a browser", shown, call{method: "GET", path: api.QueuesPath + "/", header: basic(shown)}, 200},
		{"read-only", shown, call{method: "DELETE", path: api.QueuesPath + "/api/queues/x", key: shown.admin}, 405},
		{"writable", writable, call{method: "DELETE", path: api.QueuesPath + "/api/queues/x", key: writable.admin}, 200},
		{"from another site", writable, call{method: "POST", path: api.QueuesPath + "/api/queues/x", header: foreign(basic(writable))}, 403},
	}
	for _, tt := range tests {
		r := tt.w.do(t, tt.c)
		if r.status != tt.status {
			t.Errorf("%s: %d, want %d: %s", tt.name, r.status, tt.status, r.body)
		}
		if r.status == 200 && r.header.Get("Content-Security-Policy") != "frame-ancestors 'none'" {
			t.Errorf("%s: it can be framed: %v", tt.name, r.header)
		}
		if r.status == 401 && !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Basic") {
			t.Errorf("%s: a browser does not ask: %v", tt.name, r.header)
		}
		if r.status >= 400 {
			checkProblem(t, r)
		}
	}
}
