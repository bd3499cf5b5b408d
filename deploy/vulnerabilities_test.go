package deploy_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What .ci/vulnerabilities ends with.
const (
	nothingKnown = 0
	somethingIs  = 1
	notAsked     = 75
)

// gate runs .ci/vulnerabilities with settings of its own, and tells how it ended.
func gate(t *testing.T, environ ...string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../.ci/vulnerabilities")
	cmd.Env = append(os.Environ(), append([]string{"no_proxy=*", "NO_PROXY=*"}, environ...)...)
	raw, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(raw)
}

// knownOf makes a database of vulnerabilities that knows of one, in some
// functions of go-mail, which internal/notify sends mail with.
func knownOf(t *testing.T, functions ...string) (url string) {
	t.Helper()
	const module, when = "github.com/wneessen/go-mail", "2026-01-01T00:00:00Z"
	everywhere := []any{map[string]any{"type": "SEMVER", "events": []any{map[string]string{"introduced": "0"}}}}
	dir := t.TempDir()
	for name, what := range map[string]any{
		"index/db.json":      map[string]string{"modified": when},
		"index/modules.json": []any{map[string]any{"path": module, "vulns": []any{map[string]string{"id": "GO-2026-9999", "modified": when}}}},
		"index/vulns.json":   []any{map[string]string{"id": "GO-2026-9999", "modified": when}},
		"ID/GO-2026-9999.json": map[string]any{
			"schema_version": "1.3.1", "id": "GO-2026-9999", "modified": when, "published": when, "summary": "made up for a test",
			"database_specific": map[string]string{"url": "https://advisories.example.com/1", "review_status": "REVIEWED"},
			"affected": []any{map[string]any{
				"package": map[string]string{"name": module, "ecosystem": "Go"}, "ranges": everywhere,
				"ecosystem_specific": map[string]any{"imports": []any{map[string]any{"path": module, "symbols": functions}}},
			}},
		},
	} {
		raw, err := json.Marshal(what)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "file://" + dir
}

// A vulnerability counts when our code reaches it, and one that nobody could be
// asked about is not taken for none.
func TestVulnerableModules(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		db   string
		code int
		says string
	}{
		"in what we call":              {knownOf(t, "NewMsg"), somethingIs, "GO-2026-9999"},
		"in what we do not call":       {knownOf(t, "QuickSend"), nothingKnown, "0 vulnerabilities"},
		"a database that is not there": {"file://" + t.TempDir() + "/none", notAsked, "UNKNOWN"},
		"a database that is away":      {away(t), notAsked, "UNKNOWN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, said := gate(t, "PARTS=go", "PKG=./internal/notify", "VULN_DB="+tt.db)
			if code != tt.code || !strings.Contains(said, tt.says) {
				t.Errorf("it ended with %d, want %d and %q:\n%s", code, tt.code, tt.says, said)
			}
		})
	}
}

// away is the address of nobody.
func away(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(nil)
	s.Close()
	return s.URL
}

// advisory is what is known of a package, of every version of it.
type advisory struct{ name, severity string }

// registry stands for npm's: it knows advisories, and which versions there are.
func registry(t *testing.T, known ...advisory) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /-/npm/v1/security/advisories/bulk", func(w http.ResponseWriter, r *http.Request) {
		asked := map[string][]string{}
		body, err := gzip.NewReader(r.Body)
		if err == nil {
			err = json.NewDecoder(body).Decode(&asked)
		}
		if err != nil {
			t.Errorf("what npm asks cannot be read: %v", err)
		}
		told := map[string]any{}
		for i, a := range known {
			if asked[a.name] != nil {
				told[a.name] = []any{map[string]any{
					"id": i + 1, "url": "https://advisories.example.com/1", "title": "made up for a test",
					"severity": a.severity, "vulnerable_versions": "*",
				}}
			}
		}
		_ = json.NewEncoder(w).Encode(told)
	})
	mux.HandleFunc("GET /{name...}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"name":%q,"dist-tags":{"latest":"0.0.1"},"versions":{}}`, r.PathValue("name"))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestVulnerablePackages(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("npm"); err != nil && os.Getenv("CI") == "" {
		t.Log("NOT TESTED: there is no npm")
		return
	}
	for name, tt := range map[string]struct {
		registry string
		code     int
		says     string
	}{
		"high, in what is delivered":     {registry(t, advisory{"react", "high"}), somethingIs, "made up for a test"},
		"critical":                       {registry(t, advisory{"react", "critical"}), somethingIs, "react"},
		"moderate":                       {registry(t, advisory{"react", "moderate"}), nothingKnown, "Nothing"},
		"high, in what only builds it":   {registry(t, advisory{"vite", "high"}), nothingKnown, "Nothing"},
		"nothing":                        {registry(t), nothingKnown, "Nothing"},
		"a registry that is away":        {away(t), notAsked, "UNKNOWN"},
		"a registry that takes no audit": {refusing(t), notAsked, "UNKNOWN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, said := gate(t, "PARTS=npm", "NPM_REGISTRY="+tt.registry, "npm_config_fetch_retries=0", "npm_config_cache="+t.TempDir())
			if code != tt.code || !strings.Contains(said, tt.says) {
				t.Errorf("it ended with %d, want %d and %q:\n%s", code, tt.code, tt.says, said)
			}
		})
	}
}

func refusing(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }))
	t.Cleanup(s.Close)
	return s.URL
}
