package app_test

import (
	"net/http"
	"strings"
	"testing"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// The operator's kill switch: thrown, listed and released, for each scope, and
// refused for what is not there.
func TestStopCommands(t *testing.T) {
	t.Parallel()
	database := testkit.DatabaseURL(t)
	environ := settings(t, database)
	db := testkit.OpenDB(t, database)
	org, _ := testkit.Org(t, db)
	client := testkit.Client(t, db, org.ID)
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, errs := command(environ, args...)
		if code != want {
			t.Errorf("%v: %d: %s%s", args, code, out, errs)
		}
		return out + errs
	}
	for _, whom := range [][]string{{"--all"}, {"--org", org.ID.String()}, {"--client", client.ID.String()}} {
		run(0, append([]string{"stop", "--reason", "a drill"}, whom...)...)
		if out := run(0, "stops"); !strings.Contains(out, "a drill (command line)") || !strings.Contains(out, whom[len(whom)-1][2:]) && whom[0] != "--all" {
			t.Errorf("%v: %s", whom, out)
		}
		run(0, append([]string{"release"}, whom...)...)
		if out := run(0, "stops"); out != "Nothing is stopped.\n" {
			t.Errorf("after the release of %v: %s", whom, out)
		}
	}
	for _, args := range [][]string{
		{"stop", "--all"}, {"stop", "--reason", "why"}, {"stop", "--all", "--org", org.ID.String(), "--reason", "why"}, {"release"},
	} {
		run(2, args...)
	}
	for _, args := range [][]string{
		{"stop", "--org", wa.NewOrgID().String(), "--reason", "why"},
		{"stop", "--client", wa.NewClientID().String(), "--reason", "why"},
		{"stop", "--client", "cli_x", "--reason", "why"},
		{"stop", "--all", "--reason", " "},
		{"release", "--org", wa.NewOrgID().String()},
	} {
		run(1, args...)
	}
}

// The running api has its limits and headers, on the dashboard's files too, and
// nothing for operators on the public side.
func TestTheEdgesOfTheAPI(t *testing.T) {
	t.Parallel()
	r := serveAPI(t, "TRUSTED_PROXIES=127.0.0.1", "PUBLIC_URL=https://chasqui.example", "RATE_UNAUTHENTICATED=3/1h", "RATE_CALLER=5/1h")
	from := "2001:db8:" + testkit.Random(2) + ":" + testkit.Random(2) + "::1"
	ask := func(path, key string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", from) // other tests count in the same Redis
		if key != "" {
			req.Header.Set("X-API-Key", key)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	for _, path := range []string{"/", "/livez", "/api/v1/clients"} {
		h := ask(path, "").Header
		if !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || strings.Contains(h.Get("Content-Security-Policy"), "script-src 'self' 'unsafe-inline'") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Strict-Transport-Security") == "" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if res := ask(path, ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s is public: %d", path, res.StatusCode)
		}
	}
	if res := ask("/nowhere", ""); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("the fourth request without a key: %d %v", res.StatusCode, res.Header)
	}
	statuses := ""
	for range 6 {
		statuses += ask("/api/v1/event-types", r.key).Status[:3] + " "
	}
	if statuses != "200 200 200 200 200 429 " {
		t.Errorf("six requests of a key that may make five: %s", statuses)
	}
}
