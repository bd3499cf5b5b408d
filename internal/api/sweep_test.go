package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"chasqui/internal/api"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// permitted is what every route asks for. It says the same as routes.go, in
// another place: a route that is added, or opened wider, by mistake fails here.
var permitted = map[wa.Permission][]string{
	"": { // whoever is let in at all, or nobody in particular
		"GET /health", "GET /livez", "GET /readyz", "GET /api/v1/setup", "POST /api/v1/setup", "GET /api/v1/me", "PATCH /api/v1/me", "GET /api/v1/event-types", "GET /api/v1/permissions",
		"DELETE /api/v1/me", "POST /api/v1/me/password", "GET /api/v1/me/sessions", "DELETE /api/v1/me/sessions", "DELETE /api/v1/me/sessions/{session}",
		"POST /api/v1/me/totp", "POST /api/v1/me/totp/confirm", "DELETE /api/v1/me/totp", "POST /api/v1/me/recovery-codes",
		"POST /api/v1/me/phone", "POST /api/v1/me/phone/confirm", "DELETE /api/v1/me/phone",
		"POST /api/v1/auth/sign-in", "POST /api/v1/auth/second-factor", "POST /api/v1/auth/otp/send", "POST /api/v1/auth/refresh",
		"POST /api/v1/auth/sign-out", "POST /api/v1/auth/step-up", "POST /api/v1/auth/password/forgot", "POST /api/v1/auth/password/reset",
		"POST /api/v1/auth/unlock", "POST /api/v1/auth/invitation", "POST /api/v1/auth/accept-invitation",
		"GET /api/v1/auth/oidc/{org}/start", "GET /api/v1/auth/oidc/{org}/callback",
	},
	wa.ReadOrg: {"GET /api/v1/org", "GET /api/v1/org/limits"}, wa.WriteOrg: {"PATCH /api/v1/org"}, wa.DeleteOrg: {"DELETE /api/v1/org", "POST /api/v1/org/keep"}, wa.ReadAudit: {"GET /api/v1/audit", "GET /api/v1/audit/actions"}, wa.ExportAudit: {"GET /api/v1/audit/export"},
	wa.ReadUsers: {
		"GET /api/v1/users", "GET /api/v1/users/{user}", "GET /api/v1/invitations", "GET /api/v1/users/{user}/assignments", "GET /api/v1/clients/{client}/agents",
	},
	wa.WriteUsers: {
		"PATCH /api/v1/users/{user}", "POST /api/v1/invitations", "DELETE /api/v1/invitations/{invitation}", "PUT /api/v1/users/{user}/assignments",
		"PUT /api/v1/clients/{client}/agents",
	},
	wa.ResetUsers:  {"POST /api/v1/users/{user}/reset-second-factor", "POST /api/v1/users/{user}/unlock", "POST /api/v1/users/{user}/sign-out"},
	wa.DeleteUsers: {"DELETE /api/v1/users/{user}"},
	wa.ReadKeys:    {"GET /api/v1/api-keys", "GET /api/v1/api-keys/{key}"},
	wa.WriteKeys: {
		"POST /api/v1/api-keys", "PATCH /api/v1/api-keys/{key}", "POST /api/v1/api-keys/{key}/rotate", "DELETE /api/v1/api-keys/{key}",
	},
	wa.ReadClients: {
		"GET /api/v1/clients", "GET /api/v1/clients/{client}", "GET /api/v1/clients/{client}/capabilities", "GET /api/v1/org/stop",
	},
	wa.InspectClients: {
		"GET /api/v1/clients/{client}/limits", "GET /api/v1/clients/health", "GET /api/v1/clients/{client}/health", "GET /api/v1/clients/{client}/history",
	},
	wa.WriteClients: {
		"POST /api/v1/clients", "PATCH /api/v1/clients/{client}", "POST /api/v1/clients/{client}/pair", "DELETE /api/v1/clients/{client}/pair", "GET /api/v1/clients/{client}/qr",
		"POST /api/v1/clients/{client}/passkey", "POST /api/v1/clients/{client}/passkey/confirm", "POST /api/v1/clients/{client}/connect",
		"POST /api/v1/clients/{client}/disconnect", "POST /api/v1/clients/{client}/pause", "POST /api/v1/clients/{client}/resume",
	},
	wa.UnlinkClients:  {"DELETE /api/v1/clients/{client}", "POST /api/v1/clients/{client}/logout"},
	wa.WriteLimits:    {"PUT /api/v1/clients/{client}/limits"},
	wa.Stop:           {"POST /api/v1/clients/{client}/stop", "POST /api/v1/org/stop"},
	wa.Release:        {"DELETE /api/v1/clients/{client}/stop", "DELETE /api/v1/org/stop"},
	wa.SendMessages:   {"POST /api/v1/clients/{client}/messages", "POST /api/clients/{client}/send-message"},
	wa.SendBulk:       {"POST /api/v1/clients/{client}/messages/batch"},
	wa.ReadMessages:   {"GET /api/v1/messages", "GET /api/v1/messages/{message}", "GET /api/v1/messages/{message}/timeline"},
	wa.EditMessages:   {"DELETE /api/v1/messages/{message}", "POST /api/v1/messages/{message}/retry"},
	wa.WriteChats:     {"PUT /api/v1/chats/{chat}/assign", "POST /api/v1/chats/{chat}/read", "POST /api/v1/chats/{chat}/unread"},
	wa.ReadContacts:   {"GET /api/v1/chats", "GET /api/v1/chats/{chat}", "GET /api/v1/contacts", "GET /api/v1/contacts/{contact}"},
	wa.ExportContacts: {"GET /api/v1/contacts/export"},
	wa.ExportMessages: {"GET /api/v1/messages/export"},
	wa.EraseContacts:  {"DELETE /api/v1/contacts/{contact}"},
	wa.ReadErasures:   {"GET /api/v1/erasures", "GET /api/v1/erasures/{erasure}"},
	wa.ReadAnalytics:  {"GET /api/v1/overview", "GET /api/v1/analytics/messages"},
	wa.ReadMonitoring: {"GET /api/v1/monitoring"},
	wa.ReadEvents:     {"GET /api/v1/events", "GET /api/v1/events/stream"},
	wa.ReadWebhooks: {
		"GET /api/v1/webhooks", "GET /api/v1/webhooks/{webhook}", "GET /api/v1/webhooks/{webhook}/deliveries", "GET /api/v1/messages/{message}/callbacks",
		"GET /api/v1/messages/{message}/callbacks/{delivery}/request",
		"GET /api/v1/webhooks/{webhook}/deliveries/{delivery}/attempts", "GET /api/v1/webhooks/{webhook}/deliveries/{delivery}/request", "GET /api/v1/webhooks/{webhook}/recoveries/{recovery}",
	},
	wa.WriteWebhooks: {
		"POST /api/v1/webhooks", "PATCH /api/v1/webhooks/{webhook}", "DELETE /api/v1/webhooks/{webhook}", "POST /api/v1/webhooks/{webhook}/enable",
		"POST /api/v1/webhooks/{webhook}/disable", "POST /api/v1/webhooks/{webhook}/test", "POST /api/v1/webhooks/{webhook}/recover",
		"POST /api/v1/webhooks/{webhook}/replay", "POST /api/v1/webhooks/{webhook}/deliveries/{delivery}/resend",
		"POST /api/v1/messages/{message}/callbacks/{delivery}/resend",
	},
	wa.HoldSecrets: {
		"GET /api/v1/webhooks/callback-secret", "POST /api/v1/webhooks/callback-secret/rotate", "POST /api/v1/webhooks/{webhook}/rotate",
		"POST /api/v1/webhooks/{webhook}/revoke",
	},
}

func TestEveryRouteHasItsPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, _ := w.document(t)
	want := map[string]wa.Permission{}
	for p, routes := range permitted {
		for _, r := range routes {
			want[r] = p
		}
	}
	for _, r := range d.routes() {
		name := r.method + " " + r.path
		if p, listed := want[name]; !listed || string(p) != r.scope {
			t.Errorf("%s asks for %q; permitted has %q (listed: %v)", name, r.scope, p, listed)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is listed and is no route", name)
	}
}

// within are permissions that widen what an operation does, and open none alone.
var within = []wa.Permission{wa.WriteLeaders, wa.IdentifyClients, wa.RaiseLimits}

// A permission that opens nothing would be promised in the role table, and asked
// for by people in vain.
func TestEveryPermissionOpensSomething(t *testing.T) {
	t.Parallel()
	for _, p := range wa.Permissions() {
		if opens := len(permitted[p]) > 0; opens == slices.Contains(within, p) {
			t.Errorf("%s: opens an operation %t, listed as one that opens none alone %t", p, opens, slices.Contains(within, p))
		}
	}
}

// sweeper is an org with everything in it, whose ids another org tries.
type sweeper struct {
	*world
	ids map[string][]string // by the name of the parameter: a stranger's, and one that never was
}

func newSweeper(t *testing.T) *sweeper {
	t.Helper()
	return newSweeperOf(t, newWorld(t))
}

func newSweeperOf(t *testing.T, w *world) *sweeper {
	t.Helper()
	hook := decode[wa.Endpoint](t, w.do(t, call{method: "POST", path: "/api/v1/webhooks", key: w.stranger.key, body: `{"url":"https://example.com/x"}`}).body)
	r := w.do(t, call{method: "POST", path: "/api/v1/clients/{stranger}/messages", key: w.stranger.key, body: good})
	m := decode[wa.Message](t, r.body)
	d := decode[wa.Delivery](t, w.do(t, call{method: "POST", path: "/api/v1/webhooks/" + hook.ID.String() + "/test", key: w.stranger.key}).body)
	v := decode[wa.Recovery](t, w.do(t, call{
		method: "POST", path: "/api/v1/webhooks/" + hook.ID.String() + "/recover", key: w.stranger.key,
		body: fmt.Sprintf(`{"since":%q}`, time.Now().Add(-time.Hour).Format(time.RFC3339)),
	}).body)
	e := w.erased(t, w.stranger.org.ID)
	_, them := w.person(t, w.stranger.org.ID, wa.Agent)
	by, err := w.accounts().Authenticate(t.Context(), w.stranger.key)
	if err != nil || m.ID.IsZero() || hook.ID.IsZero() || d.ID.IsZero() || v.ID.IsZero() {
		t.Fatalf("the stranger's things: %+v %+v %+v %+v %v", m, hook, d, v, err)
	}
	return &sweeper{world: w, ids: map[string][]string{
		"client": {w.stranger.client.ID.String(), wa.NewClientID().String()}, "message": {m.ID.String(), wa.NewMessageID().String()},
		"chat": {m.ChatID.String(), wa.NewChatID().String()}, "contact": {m.To.ContactID.String(), wa.NewContactID().String()},
		"webhook": {hook.ID.String(), wa.NewEndpointID().String()}, "delivery": {d.ID.String()}, "recovery": {v.ID.String()},
		"event": {d.EventID.String(), wa.NewEventID().String()}, "after": {d.EventID.String(), wa.NewEventID().String()},
		"user": {them.ID.String(), wa.NewUserID().String()}, "key": {by.Key.String(), wa.NewKeyID().String()},
		"erasure": {e.ID.String(), wa.NewErasureID().String()},
		"session": {wa.NewSessionID().String()}, "invitation": {wa.NewInvitationID().String()}, "org": {w.stranger.org.ID.String()},
	}}
}

// bodies are good bodies, so that nothing but the ids is refused.
var bodies = map[string]string{
	"/messages": good, "/messages/batch": `{"messages":[` + good + `]}`, "/send-message": `{"to":"+5511987654321","message":"x"}`,
	"/pair": `{"method":"qr"}`, "/passkey": `{"response":{}}`, "/limits": `{"per_minute":1}`, "/clients/{client}": `{"name":"mine now"}`,
	"/recover": `{"since":"%now"}`, "/replay": `{"since":"%now"}`, "/webhooks/{webhook}": `{"description":"mine now"}`,
	"/agents": `{"users":[]}`, "/assignments": `{"clients":[]}`, "/assign": `{"user":null}`, "/api-keys/{key}": `{"name":"mine now"}`,
	"/users/{user}": `{"name":"mine now"}`, "/stop": `{"reason":"because"}`, "/release": `{"reason":"because"}`,
}

func bodyOf(method, path string) string {
	best := ""
	for tail := range bodies {
		if strings.HasSuffix(path, tail) && len(tail) > len(best) {
			best = tail
		}
	}
	if method == http.MethodGet || method == http.MethodDelete {
		return ""
	}
	return strings.ReplaceAll(bodies[best], "%now", time.Now().Add(-time.Minute).Format(time.RFC3339))
}

// TestNobodySeesAnotherOrgsThings calls every route that names something, by
// everybody there is, with the ids of another org: what is theirs is answered
// like what never was, and whoever may not do it at all is told so whatever the
// id.
func TestNobodySeesAnotherOrgsThings(t *testing.T) {
	t.Parallel()
	s := newSweeper(t)
	type one struct {
		name   string
		as     wa.Actor
		secret wa.Secret
	}
	var who []one
	for _, role := range wa.Roles() {
		token, u := s.person(t, s.org.ID, role)
		who = append(who, one{"the role " + string(role), wa.Actor{User: u.ID, Role: role}, token})
	}
	for _, scope := range wa.Scopes() {
		who = append(who, one{"the scope " + string(scope), wa.Actor{Scopes: []wa.Permission{scope}}, testkit.Key(t, s.db, s.org.ID, scope)})
	}
	d, _ := s.document(t)
	before, tried := s.stored(t), 0
	for _, r := range d.routes() {
		if r.open || strings.HasPrefix(r.path, "/api/v1/me") || !parameter.MatchString(r.path) {
			continue
		}
		for i := range 2 {
			path := parameter.ReplaceAllStringFunc(r.path, func(p string) string {
				all := s.ids[strings.Trim(p, "{}")]
				if len(all) == 0 {
					t.Fatalf("%s: what is %s?", r.path, p)
				}
				return all[min(i, len(all)-1)]
			})
			for _, o := range who {
				tried++
				want := http.StatusForbidden
				if o.as.May(wa.Permission(r.scope)) {
					want = http.StatusNotFound
				}
				reply := s.do(t, call{method: r.method, path: path, key: o.secret, body: bodyOf(r.method, r.path)})
				if reply.status != want {
					t.Errorf("%s %s by %s: %d, want %d: %s", r.method, r.path, o.name, reply.status, want, reply.body)
				}
				if p := checkProblem(t, reply); !d.tells(r, p) {
					t.Errorf("%s %s: the document does not tell that %d can be %s", r.method, r.path, p.Status, p.Code)
				}
			}
		}
	}
	if after := s.stored(t); after != before || tried < 1000 {
		t.Errorf("%d tried; before %s, after %s", tried, before, after)
	}
}

// tells reports whether the document lists a problem among an operation's.
func (d document) tells(r route, p api.Problem) bool {
	return slices.Contains(d.Paths[r.path][strings.ToLower(r.method)].Responses[strconv.Itoa(p.Status)].Codes, p.Code)
}

// TestIDsInQueriesAndBodies names another org's things where they do not stand
// in the address.
func TestIDsInQueriesAndBodies(t *testing.T) {
	t.Parallel()
	s := newSweeper(t)
	boss, _ := s.person(t, s.org.ID, wa.Admin)
	mine := decode[wa.Endpoint](t, s.do(t, call{method: "POST", path: "/api/v1/webhooks", key: s.admin, body: `{"url":"https://example.com/y"}`}).body)
	id := func(what string, n int) string { return s.ids[what][n] }
	for n := range 2 {
		for _, c := range []struct {
			call
			status int
		}{
			{call{method: "GET", path: "/api/v1/messages?client=" + id("client", n)}, 404},
			{call{method: "GET", path: "/api/v1/messages?contact=" + id("contact", n)}, 404},
			{call{method: "GET", path: "/api/v1/messages?chat=" + id("chat", n)}, 404},
			{call{method: "GET", path: "/api/v1/messages?around=" + id("message", n)}, 404},
			{call{method: "GET", path: "/api/v1/messages/export?chat=" + id("chat", n)}, 404},
			{call{method: "GET", path: "/api/v1/chats?client=" + id("client", n)}, 404},
			{call{method: "GET", path: "/api/v1/overview?client=" + id("client", n)}, 404},
			{call{method: "GET", path: "/api/v1/analytics/messages?client=" + id("client", n)}, 404},
			{call{method: "GET", path: "/api/v1/events?client=" + id("client", n)}, 404},
			{call{method: "GET", path: "/api/v1/events?after=" + id("after", n)}, 404},
			{call{method: "GET", path: "/api/v1/events/stream?client=" + id("client", n)}, 404},
			{call{method: "GET", path: "/api/v1/events/stream", header: map[string]string{"Last-Event-ID": id("event", n)}}, 404},
			{call{method: "GET", path: "/api/v1/webhooks/" + mine.ID.String() + "/deliveries?message=" + id("message", n)}, 404},
			{call{method: "GET", path: "/api/v1/webhooks/" + mine.ID.String() + "/deliveries?event=" + id("event", n)}, 404},
			{call{method: "POST", path: sendPath, body: `{"to":"` + id("contact", n) + `","text":{"body":"x"}}`}, 422},
			{call{method: "POST", path: sendPath, body: `{"to":"` + id("chat", n) + `","text":{"body":"x"}}`}, 422},
			{call{method: "POST", path: sendPath, body: good[:len(good)-1] + `,"reply_to":"` + id("message", n) + `"}`}, 422},
			{call{method: "POST", path: "/api/v1/webhooks", body: `{"url":"https://example.com/z","clients":["` + id("client", n) + `"]}`}, 422},
			{call{method: "PUT", path: "/api/v1/clients/{client}/agents", body: `{"users":["` + id("user", n) + `"]}`}, 422},
		} {
			c.key = boss
			r := s.do(t, c.call)
			if r.status != c.status {
				t.Errorf("%s %s %s: %d, want %d: %s", c.method, c.path, c.body, r.status, c.status, r.body)
			}
			if p := checkProblem(t, r); n == 0 && strings.Contains(strings.ReplaceAll(p.Detail, c.path, ""), s.stranger.org.Name) {
				t.Errorf("%s %s tells of the other org: %s", c.method, c.path, r.body)
			}
		}
	}
	theirs := decode[struct{ Next *string }](t, s.do(t, call{method: "GET", path: "/api/v1/messages?limit=1", key: s.stranger.key}).body)
	if theirs.Next == nil {
		t.Fatal("no cursor to try")
	}
	r := s.do(t, call{method: "GET", path: "/api/v1/messages?cursor=" + *theirs.Next, key: boss})
	if slices.Contains([]int{200, 404, 422}, r.status) && strings.Contains(r.body, s.stranger.client.ID.String()) {
		t.Errorf("another org's cursor shows its messages: %s", r.body)
	}
}
