package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"chasqui/internal/api"
	"chasqui/internal/devstack"
	"chasqui/internal/telemetry"
	"chasqui/internal/testkit"
)

// collector takes traces.
type collector struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(r.Body); err == nil {
			body = z
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.all.ReadFrom(body) // what is missing makes the test fail
}

// watched lets an attacker's requests be logged and traced; the end gives what
// was told.
func (a *attacker) watched(t *testing.T) (traces func() string) {
	t.Helper()
	c := &collector{}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	tracer, err := telemetry.Open(t.Context(), telemetry.Options{Endpoint: srv.URL, Ratio: 1, Program: "test", Version: "1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	a.Config.Handler = api.New(a.deps(t, func(d *api.Deps) { d.Accounts, d.Trace = a.accounts, tracer }))
	return func() string {
		t.Helper()
		if err := tracer.Close(); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.all.String()
	}
}

func metrics(t *testing.T) string {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(families)
}

// What callers write, wherever they write it, is in no log, no metric and no
// trace; and no line of the log is theirs.
func TestCanariesStayOutOfWhatIsWatched(t *testing.T) {
	t.Parallel()
	a, s := newAttacker(t)
	traces := a.watched(t)
	canary := "canary" + testkit.Random(8)
	payloads := []string{canary, canary + "\n{\"level\":\"EVIL\",\"msg\":\"forged\"}\r\nlevel=EVIL \u2028 \x1b[31m"}
	for _, payload := range payloads {
		for _, shot := range a.shots(t, s, payload) {
			if r := a.fire(t, shot); r.status >= 500 {
				t.Errorf("%s %s, %s: %d %s", shot.method, shot.target.path, shot.where, r.status, r.body)
			}
		}
	}
	for _, header := range []string{"X-API-Key", "Authorization", "Cookie", "User-Agent", "Referer", "Origin", "X-Request-Id", "X-Forwarded-For", "traceparent", "Content-Type", "Accept"} {
		a.do(t, call{method: "POST", path: "/api/v1/clients", body: `{}`, header: map[string]string{header: canary + " EVIL"}})
	}
	a.do(t, call{method: "GET", path: "/" + canary + "?" + canary + "=" + canary})
	a.do(t, call{method: "PROPFIND", path: "/api/v1/" + canary})
	watched := map[string]string{"log": a.log.String(), "metrics": metrics(t), "traces": traces()}
	if !strings.Contains(watched["traces"], "/api/v1/clients") || !strings.Contains(watched["metrics"], "chasqui_http_requests_total") {
		t.Fatal("nothing was watched")
	}
	for where, text := range watched {
		if i := strings.Index(text, canary); i >= 0 {
			t.Errorf("the %s holds what a caller wrote: %q", where, text[max(0, i-300):min(len(text), i+100)])
		}
	}
	lines := strings.Split(strings.TrimSpace(watched["log"]), "\n")
	if len(lines) < 300 {
		t.Errorf("only %d lines", len(lines))
	}
	for _, line := range lines {
		var l struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &l); err != nil || !slices.Contains([]string{"INFO", "WARN", "ERROR"}, l.Level) || strings.Contains(line, "EVIL") {
			t.Errorf("a line that is not ours: %q (%v)", line, err)
		}
	}
}

// secretFields are the places of the document that take secrets.
func secretField(where string) bool {
	if !strings.HasPrefix(where, "body.") && !strings.HasPrefix(where, "header.") {
		return false
	}
	last := where[strings.LastIndex(where, ".")+1:]
	return slices.ContainsFunc([]string{"password", "token", "secret", "code", "challenge", "authorization", "cookie"}, func(part string) bool {
		return strings.Contains(strings.ToLower(last), part)
	})
}

// Secrets that are refused are not shown in what refuses them.
func TestSecretsAreNotInErrors(t *testing.T) {
	t.Parallel()
	a, s := newAttacker(t)
	tried := 0
	for _, length := range []int{4, 40, 5000} { // too short, plausible, too long
		canary := strings.Repeat("cnry"+testkit.Random(8), 300)[:length]
		for _, shot := range a.shots(t, s, canary) {
			if !secretField(shot.where) {
				continue
			}
			tried++
			if r := a.fire(t, shot); strings.Contains(r.body, canary[:min(len(canary), 30)]) && r.status >= 400 {
				t.Errorf("%s %s shows the %s: %d %s", shot.method, shot.target.path, shot.where, r.status, r.body)
			}
		}
		for _, header := range []map[string]string{
			{"X-API-Key": canary}, {"Authorization": "Bearer " + canary}, {"Authorization": "Basic " + canary}, {"Authorization": canary}, {"Cookie": "refresh=" + canary},
		} {
			if r := a.do(t, call{method: "GET", path: "/api/v1/me", header: header}); strings.Contains(r.body, canary) {
				t.Errorf("with %v: %s", header, r.body)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d places take secrets", tried)
	}
}

// A dump of the database holds none of the secrets that we gave out or were
// given: not as text, not in hexadecimal, not in base64.
func TestSecretsAreNotInADump(t *testing.T) {
	t.Parallel()
	a, _ := newAttacker(t)
	header := "hdr" + testkit.Random(16)
	hook := decode[struct{ Secret string }](t, a.post(t, "POST", "/api/v1/webhooks",
		`{"url":"https://example.com/h2","events":["*"],"headers":{"X-Token":"`+header+`"}}`).body)
	in := a.signIn(t, a.email, a.password)
	totp := decode[struct{ Secret string }](t, a.as(t, in.Access, "POST", "/api/v1/me/totp", `{}`).body)
	invited := decode[struct{ Link string }](t, a.as(t, in.Access, "POST", "/api/v1/invitations", `{"email":"new@example.com","role":"agent"}`).body)
	_, link, _ := strings.Cut(invited.Link, "#token=")
	secrets := map[string]string{
		"API key": a.admin.Reveal(), "API key, its secret part": strings.Split(a.admin.Reveal(), "_")[3], "webhook secret": strings.TrimPrefix(hook.Secret, "whsec_"),
		"webhook header": header, "password": a.password, "access token": in.Access, "refresh token": in.Refresh, "TOTP seed": totp.Secret, "invitation": link,
	}
	for how, dump := range a.dumps(t) {
		if !strings.Contains(dump, a.email) {
			t.Fatalf("%s is empty", how)
		}
		for name, secret := range secrets {
			if len(secret) < 12 {
				t.Errorf("no %s was made: %q", name, secret)
				continue
			}
			for _, form := range forms(secret) {
				if i := strings.Index(dump, form); i >= 0 {
					t.Errorf("%s holds the %s: …%s…", how, name, dump[max(0, i-80):i])
				}
			}
		}
	}
}

// dumps are the rows of every table, and what pg_dump makes of the database
// where the server's own programs are at hand: they are of the server's release.
func (w *world) dumps(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"every row": w.dump(t)}
	program := devstack.Program(t.Context(), "pg_dump")
	if program == "" {
		return all
	}
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), program, "--enable-row-security", "--dbname", w.url)
	c.Env = append(os.Environ(), "PGOPTIONS=-c app.system=on") // as the owner of the tables, who is held to the policies
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, errs.String())
	}
	all["a dump"] = out.String()
	return all
}

// forms are how a dump may show a text.
func forms(secret string) []string {
	all := []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))}
	if raw, err := base64.StdEncoding.DecodeString(secret); err == nil && len(raw) > 8 {
		all = append(all, hex.EncodeToString(raw))
	}
	return all
}

// dump is every row of every table, as pg_dump would write it.
func (w *world) dump(t *testing.T) string {
	t.Helper()
	var tables []string
	rows, err := w.sql.QueryContext(t.Context(), `
		SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
		WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil || len(tables) < 30 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	var all strings.Builder
	for _, name := range tables {
		var text string
		err := w.sql.QueryRowContext(t.Context(), "SELECT coalesce(string_agg(x::text, E'\\n'), '') FROM "+name+" x").Scan(&text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all.WriteString(text + "\n")
	}
	return all.String()
}
