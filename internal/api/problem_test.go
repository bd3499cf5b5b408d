package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"chasqui/internal/account"
	"chasqui/internal/api"
	"chasqui/internal/fleet"
	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func TestNothingAtThisAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/", "/api/v1", "/api/v2/messages", "/api/v1/messages/", "/schemas/Message.json", "/admin/queues"} {
		r := w.do(t, call{method: "GET", path: path, key: w.admin})
		if p := checkProblem(t, r); r.status != http.StatusNotFound || p.Code != "not_found" {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	r := w.do(t, call{method: "DELETE", path: "/api/v1/clients", key: w.admin})
	if p := checkProblem(t, r); r.status != http.StatusMethodNotAllowed || p.Code != "unsupported" || !strings.Contains(r.header.Get("Allow"), "POST") {
		t.Errorf("DELETE /clients: %d %v %s", r.status, r.header, r.body)
	}
	if r := w.do(t, call{method: "BREW", path: "/api/v1/clients", key: w.admin}); r.status != http.StatusMethodNotAllowed {
		t.Errorf("BREW: %d", r.status)
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for given, kept := range map[string]bool{"abc-123": true, "": false, "with space": false, strings.Repeat("a", 200): false, `"><script>`: false} {
		r := w.do(t, call{method: "GET", path: "/livez", header: map[string]string{"X-Request-Id": given}})
		got := r.header.Get("X-Request-Id")
		if kept && got != given || !kept && !strings.HasPrefix(got, "req_") {
			t.Errorf("X-Request-Id %q was answered with %q", given, got)
		}
	}
}

// TestPanicIsAProblem has a handler of ours panic.
func TestPanicIsAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *api.Deps) {
		d.Queues = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the secret recipe") })
	})
	r := w.do(t, call{method: "GET", path: api.QueuesPath, key: w.operator(t)})
	p := checkProblem(t, r)
	if r.status != http.StatusInternalServerError || p.Code != "internal" || strings.Contains(r.body, "recipe") {
		t.Errorf("%d %s", r.status, r.body)
	}
	lines := w.log.lines(t, p.RequestID)
	if len(lines) != 1 || lines[0]["level"] != "ERROR" || !strings.Contains(fmt.Sprint(lines[0]["error"]), "recipe") {
		t.Errorf("log: %v", lines)
	}
}

// lines are the log's lines about one request.
func (l *logged) lines(t *testing.T, request string) (found []map[string]any) {
	t.Helper()
	testkit.Eventually(t, patience, "the request is logged", func() bool { return strings.Contains(l.String(), request) })
	for line := range strings.Lines(l.String()) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("the log is not JSON: %s", line)
		}
		if v["request"] == request {
			found = append(found, v)
		}
	}
	return found
}

// TestLogTellsNoSecrets plants words in every part of requests and looks for
// them in the log and in what is answered.
func TestLogTellsNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const canary = "canary-7f3a"
	w.do(t, call{method: "POST", path: sendPath, key: w.admin, body: `{"to":"+5511987650000","text":{"body":"` + canary + `"},"client_ref":"` + canary + `"}`})
	w.do(t, call{method: "POST", path: sendPath, key: w.admin, body: `{"to":"` + canary + `"}`})
	w.do(t, call{method: "GET", path: "/api/v1/messages?client_ref=" + canary, key: w.admin})
	w.do(t, call{method: "GET", path: "/" + canary, key: w.admin})
	refused := w.do(t, call{method: "GET", path: "/api/v1/me", key: wa.NewSecret(canary)})
	passkey := w.do(t, call{method: "POST", path: "/api/v1/clients/{client}/passkey", key: w.admin, body: `{"response":"` + canary + `","more":"x"}`})
	broken := w.do(t, call{method: "POST", path: "/api/v1/clients/{client}/passkey", key: w.admin, body: `{"response":"` + canary})
	last := w.do(t, call{method: "GET", path: "/livez"})
	w.log.lines(t, last.header.Get("X-Request-Id"))
	for _, secret := range []string{canary, w.admin.Reveal(), "5511987650000", w.client.ID.String()} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log tells %q:\n%s", secret, w.log)
		}
	}
	if strings.Contains(refused.body+passkey.body+broken.body, canary) {
		t.Errorf("a secret is sent back: %s %s %s", refused.body, passkey.body, broken.body)
	}
	if !strings.Contains(w.log.String(), `"route":"/api/v1/clients/:client/messages"`) || !strings.Contains(w.log.String(), w.org.ID.String()) {
		t.Errorf("the log lacks the route or the org:\n%s", w.log)
	}
}

// TestDatabaseAway has no Postgres: accepting says so, at once and politely.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), store.Options{URL: "postgres://chasqui@127.0.0.1:" + deadPort(t) + "/none", Name: "away"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	down := errors.New("dial tcp 10.1.2.3:5432: refused")
	w := newWorld(t, func(d *api.Deps) {
		d.DB, d.Messages, d.Fleet, d.Accounts = db, message.New(db, message.Options{}), fleet.New(db), account.New(db, testkit.Pepper)
		d.Ready = func(context.Context) error { return down }
	})
	for _, c := range []call{
		{method: "POST", path: sendPath, body: good, key: w.admin},
		{method: "POST", path: shortPath, body: `{}`, key: w.admin},
		{method: "GET", path: "/api/v1/messages", key: w.admin},
		{method: "GET", path: "/api/v1/events/stream", key: w.admin},
		{method: "GET", path: "/readyz"},
	} {
		r := w.do(t, c)
		p := checkProblem(t, r)
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || !p.Retryable || p.RetryAt == nil || p.Code != "unavailable" {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, r.status, r.header, r.body)
		}
		if strings.Contains(r.body, "127.0.0.1") || strings.Contains(r.body, "10.1.2.3") {
			t.Errorf("the cause is shown: %s", r.body)
		}
		if lines := w.log.lines(t, p.RequestID); len(lines) != 1 || lines[0]["error"] == nil {
			t.Errorf("the cause is not logged once: %v", lines)
		}
	}
	if r := w.do(t, call{method: "GET", path: "/livez"}); r.status != http.StatusOK {
		t.Errorf("livez: %d", r.status)
	}
}

func deadPort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{"/health": `{"status":"ok","version":"1.2.3"}`, "/livez": `{"status":"ok"}`, "/readyz": `{"status":"ok"}`} {
		r := w.do(t, call{method: "GET", path: path})
		if r.status != http.StatusOK || strings.TrimSpace(r.body) != want {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
}

// TestBodyThatBreaksOff sends half of what it announced.
func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"to\"\r\nnonsense\r\n\r\n",
		w.expand(sendPath), w.admin.Reveal())
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("status = %d", resp.StatusCode)
	}
}
