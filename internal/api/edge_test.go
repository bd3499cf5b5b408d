package api_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"chasqui/internal/api"
	"chasqui/internal/wa"
)

// secured are the headers that every answer has, with a part of each value.
var secured = map[string]string{
	"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
	"Permissions-Policy": "camera=()", "Strict-Transport-Security": "max-age=31536000", "Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
}

func TestEveryAnswerIsSecured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []call{
		{method: "GET", path: "/livez"},
		{method: "GET", path: "/api/v1/clients", key: w.admin},
		{method: "GET", path: "/api/v1/clients"},
		{method: "POST", path: "/api/v1/clients", key: w.admin, body: `{`},
		{method: "GET", path: "/nowhere"},
		{method: "DELETE", path: "/api/v1/clients", key: w.admin},
		{method: "GET", path: "/api/openapi.json"},
		{method: "GET", path: "/api/v1/clients", header: map[string]string{"X-Filler": strings.Repeat("x", 40<<10)}},
	} {
		r := w.do(t, c)
		for name, want := range secured {
			if got := r.header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s %s (%d): %s is %q", c.method, c.path, r.status, name, got)
			}
		}
		for _, policy := range r.header.Values("Content-Security-Policy") {
			if strings.Contains(policy, "script-src") && strings.Contains(policy, "'unsafe-inline'") {
				t.Errorf("%s %s allows inline scripts: %s", c.method, c.path, policy)
			}
		}
	}
	plain := newWorld(t, func(d *api.Deps) { d.PublicURL = "http://localhost:3002" })
	if r := plain.do(t, call{method: "GET", path: "/livez"}); r.header.Get("Strict-Transport-Security") != "" {
		t.Error("browsers are told to keep to https where there is none")
	}
}

func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	const known, unknown = "https://app.example", "https://evil.example"
	ask := func(origin string) call {
		return call{method: "OPTIONS", path: "/api/v1/clients", header: map[string]string{
			"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key",
		}}
	}
	closed := newWorld(t)
	open := newWorld(t, func(d *api.Deps) { d.Origins = []string{known} })
	for name, tt := range map[string]struct {
		w       *world
		call    call
		status  int
		allowed string
	}{
		"asked, nobody listed":    {closed, ask(known), 405, ""},
		"asked by one unknown":    {open, ask(unknown), 405, ""},
		"asked by one known":      {open, ask(known), 204, known},
		"asked by a name alike":   {open, ask(known + ".evil.example"), 405, ""},
		"asked by nobody":         {open, ask("null"), 405, ""},
		"read by one known":       {open, call{method: "GET", path: "/api/v1/clients", key: open.admin, header: map[string]string{"Origin": known}}, 200, known},
		"read by one unknown":     {open, call{method: "GET", path: "/api/v1/clients", key: open.admin, header: map[string]string{"Origin": unknown}}, 200, ""},
		"read, nobody listed":     {closed, call{method: "GET", path: "/api/v1/clients", key: closed.admin, header: map[string]string{"Origin": known}}, 200, ""},
		"refused by one known":    {open, call{method: "GET", path: "/api/v1/clients", header: map[string]string{"Origin": known}}, 401, known},
		"written by one known":    {open, call{method: "POST", path: "/api/v1/clients", key: open.admin, body: `{"name":"x"}`, header: map[string]string{"Origin": known, "Sec-Fetch-Site": "cross-site"}}, 201, known},
		"options without a wish":  {open, call{method: "OPTIONS", path: "/api/v1/clients", header: map[string]string{"Origin": known}}, 405, known},
		"a wildcard is no origin": {newWorld(t, func(d *api.Deps) { d.Origins = []string{"*"} }), ask(unknown), 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := tt.w.do(t, tt.call)
			if r.status != tt.status || r.header.Get("Access-Control-Allow-Origin") != tt.allowed {
				t.Errorf("%d, allowed origin %q, want %d and %q", r.status, r.header.Get("Access-Control-Allow-Origin"), tt.status, tt.allowed)
			}
			if r.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("cookies are let through")
			}
			if tt.w == open && !strings.Contains(strings.Join(r.header.Values("Vary"), ","), "Origin") {
				t.Error("a cache would give one origin's answer to another")
			}
		})
	}
}

// What browsers send along by themselves must come from our own pages.
func TestOtherSitesDoNothingInSomebodysName(t *testing.T) {
	t.Parallel()
	const known = "https://app.example"
	w := newWorld(t, func(d *api.Deps) { d.Origins = []string{known} })
	for name, tt := range map[string]struct {
		path    string
		headers map[string]string
		refused bool
	}{
		"a cookie, from another site":       {"/api/v1/auth/refresh", map[string]string{"Cookie": "chasqui_refresh=x", "Sec-Fetch-Site": "cross-site"}, true},
		"a cookie, from a sibling":          {"/api/v1/auth/refresh", map[string]string{"Cookie": "chasqui_refresh=x", "Sec-Fetch-Site": "same-site"}, true},
		"a cookie, by its origin":           {"/api/v1/auth/refresh", map[string]string{"Cookie": "chasqui_refresh=x", "Origin": "https://evil.example"}, true},
		"a cookie, from a known origin":     {"/api/v1/auth/refresh", map[string]string{"Cookie": "chasqui_refresh=x", "Origin": known, "Sec-Fetch-Site": "cross-site"}, true},
		"a cookie, from our own page":       {"/api/v1/auth/refresh", map[string]string{"Cookie": "chasqui_refresh=x", "Sec-Fetch-Site": "same-origin"}, false},
		"a cookie, behind another host":     {"/api/v1/auth/refresh", map[string]string{"Cookie": "chasqui_refresh=x", "Origin": "https://chasqui.example"}, false},
		"a cookie, without a browser":       {"/api/v1/auth/refresh", map[string]string{"Cookie": "chasqui_refresh=x"}, false},
		"signing in, from another site":     {"/api/v1/auth/sign-in", map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, true},
		"signing in, from a known origin":   {"/api/v1/auth/sign-in", map[string]string{"Origin": known, "Sec-Fetch-Site": "cross-site"}, false},
		"any operation, with a cookie":      {"/api/v1/clients", map[string]string{"Cookie": "a=b", "Sec-Fetch-Site": "cross-site"}, true},
		"any operation, remembered by name": {"/api/v1/clients", map[string]string{"Authorization": "Basic eDp5", "Sec-Fetch-Site": "cross-site"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := w.do(t, call{method: "POST", path: tt.path, body: `{}`, header: tt.headers})
			checkProblem(t, r)
			if refused := r.status == http.StatusForbidden && strings.Contains(r.body, "another site"); refused != tt.refused {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}

// What costs many times its size to read is not read.
func TestBodiesThatAreDeepOrFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	message := func(extra string) string {
		return `{"to":"+5511987654321","text":{"body":"x"}` + extra + `}`
	}
	for name, tt := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"32 levels":               {sendPath, message(`,"metadata":` + nested(31)), 422, ""},
		"33 levels":               {sendPath, message(`,"metadata":` + nested(32)), 400, "deeper than 32"},
		"a million levels":        {sendPath, nested(500_000), 400, "deeper than 32"},
		"only opened":             {sendPath, strings.Repeat(`{"a":`, 100_000), 400, "deeper than 32"},
		"brackets in a text":      {sendPath, `{"to":"+5511987654321","text":{"body":"` + strings.Repeat("[{", 500) + `\"` + strings.Repeat("[", 100) + `"}}`, 202, ""},
		"a million values":        {batchPath, `{"messages":[` + strings.Repeat("0,", 1_000_000) + `0]}`, 400, "more than 100,000 values"},
		"a megabyte and a bit":    {sendPath, message(`,"client_ref":"` + strings.Repeat("x", api.MaxBody) + `"`), 413, ""},
		"four megabytes and more": {batchPath, `{"messages":["` + strings.Repeat("x", api.MaxBatchBody) + `"]}`, 413, ""},
		"64 kB for a name":        {"/api/v1/clients", `{"name":"` + strings.Repeat("x", api.MaxSmallBody) + `"}`, 413, ""},
		"no JSON":                 {sendPath, `{"to":`, 400, "not JSON"},
		"nothing":                 {sendPath, ``, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := w.do(t, call{method: "POST", path: tt.path, body: tt.body, key: w.admin})
			if r.status != tt.status || !strings.Contains(r.body, tt.says) {
				t.Errorf("%d %.300s", r.status, r.body)
			}
			if r.status >= 400 {
				checkProblem(t, r)
			}
		})
	}
}

func TestHeadersThatAreTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	many := map[string]string{}
	for i := range 400 {
		many[fmt.Sprintf("X-Filler-%d", i)] = strings.Repeat("x", 80)
	}
	for name, headers := range map[string]map[string]string{"one": {"X-Filler": strings.Repeat("x", 40<<10)}, "many": many} {
		r := w.do(t, call{method: "GET", path: "/api/v1/clients", key: w.admin, header: headers})
		if p := checkProblem(t, r); r.status != http.StatusRequestHeaderFieldsTooLarge || p.Code != "invalid" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

// Failures of ours tell nothing of what is behind: the schema is broken under
// the API, and every route is asked.
func TestNoFailureTellsOfWhatIsBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(t, "+5511900000001", "first")
	doc, _ := w.document(t)
	for _, table := range []string{"clients", "messages", "message_events", "chats", "contacts", "events", "webhook_endpoints", "webhook_deliveries", "audit_log"} {
		w.exec(t, "ALTER TABLE "+table+" RENAME TO gone_"+table)
	}
	ids, failed := regexp.MustCompile(`\b[a-z]+_[a-z0-9]{20,}\b`), 0
	for _, r := range doc.routes() {
		path := strings.NewReplacer("{client}", w.client.ID.String(), "{message}", m.ID.String(), "{chat}", m.ChatID.String(), "{contact}", m.To.ContactID.String(),
			"{webhook}", wa.NewEndpointID().String(), "{org}", w.org.ID.String()).Replace(r.path)
		if r.path == "/api/v1/events/stream" || strings.Contains(r.path, "/auth/") {
			continue
		}
		body := ""
		if r.method != http.MethodGet && r.method != http.MethodDelete {
			body = `{"to":"+5511900000001","text":{"body":"x"},"name":"x","method":"qr","url":"https://example.com/","events":["*"],"messages":[{"to":"+5511900000001","text":{"body":"x"}}],"message":"x","reason":"x"}`
		}
		got := w.do(t, call{method: r.method, path: path, key: w.admin, body: body})
		if got.status >= 500 {
			failed++
			checkProblem(t, got)
		}
		said := ids.ReplaceAllString(got.body, "an id") // whose random letters may make any word
		for _, word := range []string{"SELECT", "INSERT", "UPDATE ", "SQLSTATE", "42P01", "relation", "pgx", "pgconn", "goroutine", "runtime", ".go:", "gone_", "does not exist", "postgres"} {
			if strings.Contains(said, word) {
				t.Errorf("%s %s says %q: %s", r.method, r.path, word, got.body)
			}
		}
	}
	if failed < 10 {
		t.Errorf("only %d requests failed: nothing was tested", failed)
	}
}

// What operators look at is not served where customers come.
func TestNothingForOperatorsIsPublic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/heap", "/debug/vars", "/debug/", "/.env", "/.git/config", "/actuator", "/server-status"} {
		if r := w.do(t, call{method: "GET", path: path, key: w.admin}); r.status != http.StatusNotFound {
			t.Errorf("%s: %d %.100s", path, r.status, r.body)
		}
	}
}
