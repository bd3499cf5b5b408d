package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestAnAgentSeesOnlyWhatIsAssigned gives an agent one of two clients, then only
// their own chats, and takes it all away.
func TestAnAgentSeesOnlyWhatIsAssigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	agent, u := w.person(t, w.org.ID, wa.Agent)
	other := testkit.Client(t, w.db, w.org.ID)
	mine := w.send(t, "+5511900000001", "mine")
	second := w.send(t, "+5511900000002", "mine too")
	r := w.do(t, call{method: "POST", path: "/api/v1/clients/" + other.ID.String() + "/messages", key: w.admin, body: `{"to":"+5511900000003","text":{"body":"theirs"}}`})
	theirs := decode[wa.Message](t, r.body)
	w.settle(t, 3)
	type seen struct {
		Data []struct {
			ID     string
			Client string `json:"client_id"`
		}
	}
	count := func(path string) int {
		return len(decode[seen](t, w.do(t, call{method: "GET", path: path, key: agent}).body).Data)
	}
	check := func(when string, want map[string]int) {
		t.Helper()
		for path, n := range want {
			if got := count("/api/v1/" + path); got != n {
				t.Errorf("%s: GET %s shows %d, want %d", when, path, got, n)
			}
		}
	}
	status := func(method, path, body string, want int) {
		t.Helper()
		if r := w.do(t, call{method: method, path: path, body: body, key: agent}); r.status != want {
			t.Errorf("%s %s %s: %d, want %d: %s", method, path, body, r.status, want, r.body)
		}
	}
	assign := func(body string) {
		t.Helper()
		if r := w.do(t, call{method: "PUT", path: "/api/v1/users/" + u.ID.String() + "/assignments", body: body, key: boss}); r.status != http.StatusOK {
			t.Fatalf("assign: %d %s", r.status, r.body)
		}
		w.later.Add(int64(4 * time.Second)) // what is remembered of sessions has run out
	}
	none := map[string]int{"clients": 0, "messages": 0, "chats": 0, "contacts": 0, "events": 0}
	check("with nothing", none)
	status("GET", "/api/v1/clients/{client}", "", 404)
	status("POST", sendPath, good, 404)

	assign(`{"clients":["{client}"]}`)
	check("with one client", map[string]int{
		"clients": 1, "messages": 2, "chats": 2, "contacts": 2, "events": 2, "messages?client={client}": 2, "chats?client={client}": 2,
		"messages?limit=1": 1, "messages?status=queued": 2,
	})
	for _, m := range []struct {
		of   wa.Message
		want int
	}{{mine, 200}, {theirs, 404}} {
		status("GET", "/api/v1/messages/"+m.of.ID.String(), "", m.want)
		status("GET", "/api/v1/messages/"+m.of.ID.String()+"/timeline", "", m.want)
		status("GET", "/api/v1/chats/"+m.of.ChatID.String(), "", m.want)
		status("GET", "/api/v1/contacts/"+m.of.To.ContactID.String(), "", m.want)
		status("GET", "/api/v1/clients/"+m.of.ClientID.String(), "", m.want)
		status("GET", "/api/v1/clients/"+m.of.ClientID.String()+"/capabilities", "", m.want)
		status("GET", "/api/v1/messages?client="+m.of.ClientID.String(), "", m.want)
		status("GET", "/api/v1/events?client="+m.of.ClientID.String(), "", m.want)
	}
	status("DELETE", "/api/v1/messages/"+theirs.ID.String(), "", 404)
	status("POST", "/api/v1/clients/"+other.ID.String()+"/messages", good, 404)
	status("POST", "/api/clients/"+other.ID.String()+"/send-message", `{"to":"+5511987654321","message":"x"}`, 404)
	status("POST", sendPath, `{"to":"`+theirs.To.ContactID.String()+`","text":{"body":"x"}}`, 422)
	status("POST", sendPath, `{"to":"`+theirs.ChatID.String()+`","text":{"body":"x"}}`, 422)
	status("POST", sendPath, good[:len(good)-1]+`,"reply_to":"`+theirs.ID.String()+`"}`, 422)
	status("POST", sendPath, `{"to":"`+mine.To.ContactID.String()+`","text":{"body":"x"}}`, 202)
	status("PUT", "/api/v1/chats/"+theirs.ChatID.String()+"/assign", `{"user":null}`, 404)
	status("PATCH", "/api/v1/clients/{client}", `{"name":"x"}`, 403)
	w.settle(t, 4)

	if r := w.do(t, call{method: "PUT", path: "/api/v1/chats/" + mine.ChatID.String() + "/assign", key: boss, body: `{"user":"` + u.ID.String() + `"}`}); r.status != 200 ||
		!strings.Contains(r.body, u.ID.String()) {
		t.Fatalf("assign a chat: %d %s", r.status, r.body)
	}
	if r := w.do(t, call{method: "PUT", path: "/api/v1/chats/" + theirs.ChatID.String() + "/assign", key: boss, body: `{"user":"` + u.ID.String() + `"}`}); r.status != 422 {
		t.Errorf("assign a chat to who cannot see it: %d %s", r.status, r.body)
	}
	assign(`{"clients":["{client}"],"own_chats":true}`)
	w.settle(t, 5)
	check("with own chats", map[string]int{"clients": 1, "messages": 2, "chats": 1, "contacts": 1, "events": 3, "chats?client={client}": 1})
	status("GET", "/api/v1/messages/"+second.ID.String(), "", 404)
	status("GET", "/api/v1/chats/"+second.ChatID.String(), "", 404)
	status("GET", "/api/v1/contacts/"+second.To.ContactID.String(), "", 404)
	status("POST", sendPath, `{"to":"+5511900000001","text":{"body":"x"}}`, 202)
	status("POST", sendPath, `{"to":"+5511900000002","text":{"body":"x"}}`, 403)
	status("POST", sendPath, `{"to":"+5511900000099","text":{"body":"x"}}`, 403)

	w.settle(t, 6) // or the one just sent is heard first
	stream := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: agent})
	w.send(t, "+5511900000002", "not theirs")
	last := w.send(t, "+5511900000001", "theirs")
	stream.expect(t, "message.queued", last.ID.String())

	assign(`{"clients":[]}`)
	check("with nothing again", none)
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	manager, _ := w.person(t, w.org.ID, wa.Manager)
	type shown struct {
		wa.APIKey
		Key string `json:"key"`
	}
	make := func(body string) shown {
		t.Helper()
		r := w.do(t, call{method: "POST", path: "/api/v1/api-keys", key: boss, body: body})
		if r.status != http.StatusCreated || !strings.Contains(r.header.Get("Location"), "/api-keys/key_") {
			t.Fatalf("%s: %d %s", body, r.status, r.body)
		}
		return decode[shown](t, r.body)
	}
	opens := func(text string) int {
		return w.do(t, call{method: "GET", path: "/api/v1/clients", key: wa.NewSecret(text)}).status
	}
	k := make(`{"name":"CRM","scopes":["clients:read"],"rate":500}`)
	at := "/api/v1/api-keys/" + k.ID.String()
	if opens(k.Key) != 200 || w.do(t, call{method: "POST", path: sendPath, key: wa.NewSecret(k.Key), body: good}).status != 403 {
		t.Error("a key opens another door than its own")
	}
	for _, r := range []reply{
		w.do(t, call{method: "GET", path: at, key: boss}), w.do(t, call{method: "GET", path: "/api/v1/api-keys", key: boss}),
	} {
		if r.status != 200 || strings.Contains(r.body, k.Key) || strings.Contains(r.body, "hash") || !strings.Contains(r.body, `"rate":500`) {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	for name, c := range map[string]struct {
		call
		status int
		code   string
	}{
		"by a manager":        {call{method: "POST", path: "/api/v1/api-keys", key: manager, body: `{"name":"x","scopes":["clients:read"]}`}, 403, "forbidden"},
		"by a key":            {call{method: "POST", path: "/api/v1/api-keys", key: w.admin, body: `{"name":"x","scopes":["clients:read"]}`}, 403, "forbidden"},
		"of a people's scope": {call{method: "POST", path: "/api/v1/api-keys", key: boss, body: `{"name":"x","scopes":["users:write"]}`}, 422, "invalid"},
		"without a scope":     {call{method: "POST", path: "/api/v1/api-keys", key: boss, body: `{"name":"x","scopes":[]}`}, 422, "invalid"},
		"for no network":      {call{method: "POST", path: "/api/v1/api-keys", key: boss, body: `{"name":"x","scopes":["clients:read"],"networks":["here"]}`}, 422, "invalid"},
		"that has ended":      {call{method: "POST", path: "/api/v1/api-keys", key: boss, body: `{"name":"x","scopes":["clients:read"],"expires_at":"2020-01-01T00:00:00Z"}`}, 422, "invalid"},
		"of another org":      {call{method: "POST", path: "/api/v1/api-keys", key: boss, body: `{"name":"x","scopes":["clients:read"],"org_id":"` + w.stranger.org.ID.String() + `"}`}, 422, "invalid"},
	} {
		r := w.do(t, c.call)
		if p := checkProblem(t, r); r.status != c.status || p.Code != c.code {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}

	rotated := decode[shown](t, w.do(t, call{method: "POST", path: at + "/rotate", key: boss, body: `{"overlap_seconds":3600}`}).body)
	if opens(rotated.Key) != 200 || opens(k.Key) != 200 || rotated.Key == k.Key {
		t.Errorf("while two texts overlap: %d, %d", opens(rotated.Key), opens(k.Key))
	}
	again := decode[shown](t, w.do(t, call{method: "POST", path: at + "/rotate", key: boss, body: `{"overlap_seconds":0}`}).body)
	if opens(again.Key) != 200 || opens(rotated.Key) != 401 || opens(k.Key) != 401 {
		t.Errorf("after a rotation without overlap: %d, %d, %d", opens(again.Key), opens(rotated.Key), opens(k.Key))
	}

	if r := w.do(t, call{method: "PATCH", path: at, key: boss, body: `{"networks":["203.0.113.0/24"],"name":"Elsewhere"}`}); r.status != 200 {
		t.Errorf("change: %d %s", r.status, r.body)
	}
	r := w.do(t, call{method: "GET", path: "/api/v1/clients", key: wa.NewSecret(again.Key)})
	if p := checkProblem(t, r); r.status != 401 || p.Code != "address_not_allowed" {
		t.Errorf("from elsewhere: %d %s", r.status, r.body)
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/audit?action=key.refused", key: boss}); strings.Count(r.body, `"key.refused"`) != 1 {
		t.Errorf("the audit log tells nothing of it: %d %s", r.status, r.body)
	}
	w.do(t, call{method: "PATCH", path: at, key: boss, body: `{"networks":["127.0.0.1","::1"]}`})
	if opens(again.Key) != 200 {
		t.Error("from the right place it does not open")
	}
	if r := w.do(t, call{method: "DELETE", path: at, key: boss}); r.status != http.StatusNoContent || opens(again.Key) != 401 {
		t.Errorf("revoked: %d, opens %d", r.status, opens(again.Key))
	}
	if r := w.do(t, call{method: "POST", path: at + "/rotate", key: boss}); r.status != http.StatusConflict {
		t.Errorf("rotate what is revoked: %d %s", r.status, r.body)
	}
}

// TestStepUp has an admin's password be eleven minutes old.
func TestStepUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	w.later.Add(int64(11 * time.Minute))
	d, _ := w.document(t)
	asked := 0
	for _, r := range d.routes() {
		if !d.Paths[r.path][strings.ToLower(r.method)].StepUp {
			continue
		}
		asked++
		reply := w.do(t, call{method: r.method, path: parameter.ReplaceAllString(r.path, wa.NewClientID().String()), key: boss, body: bodyOf(r.method, r.path)})
		if p := checkProblem(t, reply); reply.status != 403 || p.Code != "step_up_required" || !d.tells(r, p) {
			t.Errorf("%s %s: %d %s", r.method, r.path, reply.status, reply.body)
		}
	}
	r := w.do(t, call{method: "PUT", path: "/api/v1/clients/{client}/limits", key: boss, body: `{"enabled":false}`})
	if p := checkProblem(t, r); p.Code != "step_up_required" {
		t.Errorf("limits: %d %s", r.status, r.body)
	}
	if r := w.do(t, call{method: "PUT", path: "/api/v1/clients/{client}/limits", key: boss, body: `{"per_minute":1}`}); r.status != 200 {
		t.Errorf("lower limits: %d %s", r.status, r.body)
	}
	if asked < 8 {
		t.Errorf("only %d routes ask for a step-up", asked)
	}
}

// TestDocsPage holds the page and what it loads to this address alone.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.do(t, call{method: "GET", path: "/docs"})
	if page.status != 200 || strings.Contains(page.body, "//") && strings.Contains(page.body, "http") || strings.Contains(page.body, "<script>") {
		t.Errorf("%d %s", page.status, page.body)
	}
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self';") || strings.Contains(csp, "unsafe-eval") {
		t.Errorf("policy %q", csp)
	}
	for _, file := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"} {
		if r := w.do(t, call{method: "GET", path: "/docs/" + file}); r.status != 200 || len(r.body) < 100 || r.header.Get("Content-Type") == "" {
			t.Errorf("%s: %d, %d bytes", file, r.status, len(r.body))
		}
		if !slices.Contains([]string{"favicon-32x32.png"}, file) && !strings.Contains(page.body, file) {
			t.Errorf("the page does not ask for %s", file)
		}
	}
	if r := w.do(t, call{method: "GET", path: "/docs/..%2fapi.go"}); r.status != 404 {
		t.Errorf("%d %s", r.status, r.body)
	}
}
