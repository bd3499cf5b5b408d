package app

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// The dashboard answers for its pages, and for nothing of the API's.
func TestWhoAnswersWhat(t *testing.T) {
	t.Parallel()
	built := fstest.MapFS{
		"index.html":         {Data: []byte("the dashboard")},
		"placeholder.html":   {Data: []byte("not built")},
		"assets/index-1a.js": {Data: []byte("code")},
	}
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := served(t, built, next, "https://chasqui.example", "")
	for _, c := range []struct{ method, path, accept, body, cache string }{
		{"GET", "/", "*/*", "the dashboard", "no-cache"},
		{"GET", "/index.html", "*/*", "the dashboard", "no-cache"},
		{"GET", "/clients/cli_1", "text/html,*/*", "the dashboard", "no-cache"},
		{"GET", "/assets/index-1a.js", "*/*", "code", "public, max-age=31536000, immutable"},
		{"GET", "/assets/index-2b.js", "text/html", "", ""},
		{"GET", "/clients/cli_1", "application/json", "", ""},
		{"POST", "/clients", "text/html", "", ""},
		{"GET", "/api/v1/nothing", "text/html", "", ""},
		{"GET", "/docs", "text/html", "", ""},
		{"GET", "/admin/queues", "text/html", "", ""},
		{"GET", "/livez", "text/html", "", ""},
		{"GET", "/robots.txt", "text/html", "", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil)
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if c.body == "" {
			if w.Code != http.StatusTeapot {
				t.Errorf("%s %s (%s) was not left to the API: %d", c.method, c.path, c.accept, w.Code)
			}
			continue
		}
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != http.StatusOK || w.Body.String() != c.body || w.Header().Get("Cache-Control") != c.cache || !strings.Contains(policy, "script-src 'self';") {
			t.Errorf("%s %s: %d %q, kept %q under %q", c.method, c.path, w.Code, w.Body, w.Header().Get("Cache-Control"), policy)
		}
	}
}

func served(t *testing.T, dist fs.FS, next http.Handler, publicURL, phonesURL string) http.Handler {
	t.Helper()
	h, err := serveDashboard(dist, next, publicURL, phonesURL)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Where there are simulated phones the page names them; an address that is not
// one stays an address.
func TestThePageNamesThePocketPhone(t *testing.T) {
	t.Parallel()
	dist := fstest.MapFS{"index.html": {Data: []byte("<head><title>x</title></head>")}}
	for phones, want := range map[string]string{
		"":                      "<head><title>x</title></head>",
		"http://127.0.0.1:3811": `<head><title>x</title><meta name="pocket-phone" content="http://127.0.0.1:3811"></head>`,
		`http://x/"><script>`:   `<head><title>x</title><meta name="pocket-phone" content="http://x/&#34;&gt;&lt;script&gt;"></head>`,
	} {
		w := httptest.NewRecorder()
		served(t, dist, http.NotFoundHandler(), "", phones).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		if w.Body.String() != want || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("phones at %q: %q as %q", phones, w.Body, w.Header().Get("Content-Type"))
		}
	}
}

// Without Node the programs are built all the same, and say what is missing.
func TestAPlaceholderStandsIn(t *testing.T) {
	t.Parallel()
	h := served(t, fstest.MapFS{"placeholder.html": {Data: []byte("not built")}}, http.NotFoundHandler(), "", "")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Code != http.StatusOK || w.Body.String() != "not built" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
