package api_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"chasqui/internal/account"
	"chasqui/internal/wa"
)

// silent are the operations that are no reading and leave no line, or whose line
// another test looks for, each with the reason.
var silent = map[string]string{
	"POST /api/v1/clients/{client}/messages":       "messages have timelines",
	"POST /api/v1/clients/{client}/messages/batch": "messages have timelines",
	"POST /api/clients/{client}/send-message":      "messages have timelines",
	"DELETE /api/v1/messages/{message}":            "messages have timelines",
	"POST /api/v1/messages/{message}/retry":        "messages have timelines",
	"POST /api/v1/chats/{chat}/read":               "how far somebody has read",
	"POST /api/v1/chats/{chat}/unread":             "how far somebody has read",

	"POST /api/v1/clients/{client}/passkey":         "a step of a pairing, whose beginning and end have lines",
	"POST /api/v1/clients/{client}/passkey/confirm": "a step of a pairing, whose beginning and end have lines",
	"POST /api/v1/me/totp":                          "nothing is changed before it is confirmed",
	"POST /api/v1/me/phone":                         "nothing is changed before it is confirmed",
	"POST /api/v1/auth/otp/send":                    "nothing is changed before the code is given",
	"POST /api/v1/auth/invitation":                  "only reads",

	"POST /api/v1/auth/password/forgot": "by mail: TestForgottenPasswords",
	"POST /api/v1/auth/unlock":          "by mail: TestUnlocking",
	"POST /api/v1/setup":                "there is no org yet: TestSetUp",
}

// refusals are the lines of what was not let through.
var refusals = []wa.AuditAction{wa.AuditSignInFailed, wa.AuditStepUpFailed, wa.AuditRefreshReused}

// office is a team that does everything which leaves a line.
type office struct {
	*team
	t     *testing.T
	token string            // the admin's
	ids   map[string]string // what stands for a path's parameter
	codes chan string       // sent by WhatsApp
	done  map[string]bool   // routes
}

func newOffice(t *testing.T) *office {
	t.Helper()
	codes := make(chan string, 5)
	w := newTeam(t, func(o *account.Options) {
		o.Send = func(_ context.Context, _ wa.OrgID, _ wa.ClientID, _ wa.Phone, text string) error {
			codes <- text
			return nil
		}
	})
	return &office{team: w, t: t, token: w.signIn(t, w.email, w.password).Access, ids: map[string]string{}, codes: codes, done: map[string]bool{}}
}

// does calls an operation, which must leave the line, with the request's id and
// where it came from.
func (o *office) does(as, route, body string, action wa.AuditAction) reply {
	o.t.Helper()
	o.done[route] = true
	method, path, _ := strings.Cut(route, " ")
	path = parameter.ReplaceAllStringFunc(path, func(p string) string { return o.ids[strings.Trim(p, "{}")] })
	r := o.as(o.t, as, method, path, body)
	if (r.status >= 300) != slices.Contains(refusals, action) {
		o.t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
	}
	var lines int
	err := o.sql.QueryRowContext(o.t.Context(), `SELECT count(*) FROM audit_log WHERE org_id = $1 AND request = $2 AND action = $3 AND ip = '127.0.0.1'`,
		o.org.ID, r.header.Get("X-Request-Id"), string(action)).Scan(&lines)
	if err != nil || lines != 1 {
		o.t.Errorf("%s: %d lines %s, %v", route, lines, action, err)
	}
	return r
}

// made does it as the admin and keeps the id of what it made.
func (o *office) made(noun, route, body string, action wa.AuditAction) reply {
	o.t.Helper()
	r := o.does(o.token, route, body, action)
	o.ids[noun] = decode[struct{ ID string }](o.t, r.body).ID
	return r
}

// TestEveryChangeLeavesItsLine does everything that can be done over the API: an
// operation that changes something and is neither done here nor listed above
// fails.
func TestEveryChangeLeavesItsLine(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.clients()
	o.webhooks()
	o.people()
	o.ways()
	o.self()
	d, _ := o.document(t)
	left := maps.Clone(silent)
	for _, r := range d.routes() {
		name := r.method + " " + r.path
		if _, listed := silent[name]; r.method != http.MethodGet && listed == o.done[name] {
			t.Errorf("%s: done %t, listed as silent %t", name, o.done[name], listed)
		}
		delete(left, name)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("%s is listed as silent and is no route", name)
	}
}

func (o *office) clients() {
	const client = "/api/v1/clients/{client}"
	o.made("client", "POST /api/v1/clients", `{"name":"One"}`, wa.AuditClientCreated)
	o.does(o.token, "PATCH "+client, `{"name":"Two"}`, wa.AuditClientRenamed)
	o.does(o.token, "PUT "+client+"/limits", `{"per_minute":1}`, wa.AuditClientLimits)
	o.does(o.token, "POST "+client+"/pair", `{"method":"qr"}`, wa.AuditClientPairing)
	o.does(o.token, "DELETE "+client+"/pair", ``, wa.AuditClientUnpairing)
	o.exec(o.t, `UPDATE clients SET jid = '5511900000009:1@s.whatsapp.net' WHERE name = 'Two'`)
	o.does(o.token, "POST "+client+"/connect", ``, wa.AuditClientConnected)
	o.does(o.token, "POST "+client+"/disconnect", ``, wa.AuditClientDisconnected)
	o.does(o.token, "POST "+client+"/pause", ``, wa.AuditClientPaused)
	o.does(o.token, "POST "+client+"/resume", ``, wa.AuditClientResumed)
	for _, what := range []string{client + "/stop", "/api/v1/org/stop"} {
		o.does(o.token, "POST "+what, `{"reason":"because"}`, wa.AuditStopped)
		o.does(o.token, "DELETE "+what, ``, wa.AuditReleased)
	}
	o.does(o.token, "GET /api/v1/messages/export", ``, wa.AuditExported)
	o.does(o.token, "GET /api/v1/contacts/export", ``, wa.AuditExported)
	o.ids["contact"] = o.contact(o.t, "+5511955554444").String()
	o.does(o.token, "DELETE /api/v1/contacts/{contact}", ``, wa.AuditContactErased)
	o.does(o.token, "GET /api/v1/audit/export", ``, wa.AuditExported)
}

func (o *office) webhooks() {
	const hook = "/api/v1/webhooks/{webhook}"
	since := fmt.Sprintf(`{"since":%q}`, time.Now().Add(-time.Hour).Format(time.RFC3339))
	o.made("webhook", "POST /api/v1/webhooks", `{"url":"https://example.com/h","events":["*"]}`, wa.AuditWebhookCreated)
	o.does(o.token, "PATCH "+hook, `{"description":"Ours"}`, wa.AuditWebhookChanged)
	o.does(o.token, "POST "+hook+"/disable", ``, wa.AuditWebhookDisabled)
	o.does(o.token, "POST "+hook+"/enable", ``, wa.AuditWebhookEnabled)
	o.does(o.token, "POST "+hook+"/rotate", `{}`, wa.AuditWebhookRotated)
	o.does(o.token, "POST "+hook+"/revoke", ``, wa.AuditWebhookRevoked)
	o.made("delivery", "POST "+hook+"/test", ``, wa.AuditWebhookTested)
	o.does(o.token, "POST "+hook+"/deliveries/{delivery}/resend", ``, wa.AuditWebhookResent)
	o.does(o.token, "POST "+hook+"/recover", since, wa.AuditWebhookRecovered)
	o.exec(o.t, `UPDATE webhook_recoveries SET finished_at = now()`)
	o.does(o.token, "POST "+hook+"/replay", since, wa.AuditWebhookReplayed)
	o.does(o.token, "DELETE "+hook, ``, wa.AuditWebhookDeleted)

	// A message with an address of its own, which hears that it was cancelled.
	r := o.as(o.t, o.token, "POST", "/api/v1/clients/"+o.ids["client"]+"/messages",
		`{"to":"+5511987654321","text":{"body":"x"},"callback_url":"https://example.com/callback"}`)
	m := decode[wa.Message](o.t, r.body)
	o.ids["message"], o.ids["chat"] = m.ID.String(), m.ChatID.String()
	if r := o.as(o.t, o.token, "DELETE", "/api/v1/messages/"+o.ids["message"], ``); r.status >= 300 {
		o.t.Fatalf("cancel: %d %s", r.status, r.body)
	}
	heard := decode[struct{ Data []struct{ ID string } }](o.t, o.as(o.t, o.token, "GET", "/api/v1/messages/"+o.ids["message"]+"/callbacks", ``).body)
	if len(heard.Data) == 0 {
		o.t.Fatal("the callback heard of nothing")
	}
	o.ids["delivery"] = heard.Data[0].ID
	o.does(o.token, "POST /api/v1/messages/{message}/callbacks/{delivery}/resend", ``, wa.AuditWebhookResent)
	o.does(o.token, "GET /api/v1/webhooks/callback-secret", ``, wa.AuditWebhookRevealed)
	o.does(o.token, "POST /api/v1/webhooks/callback-secret/rotate", `{}`, wa.AuditWebhookRotated)
}

func (o *office) people() {
	const user, key = "/api/v1/users/{user}", "/api/v1/api-keys/{key}"
	bob := o.hire(o.t, o.token, "bob@example.com", wa.Agent)
	o.ids["user"] = bob.User.ID.String()
	o.does(o.token, "PUT /api/v1/clients/{client}/agents", `{"users":["`+o.ids["user"]+`"]}`, wa.AuditClientAssigned)
	o.does(o.token, "PUT /api/v1/chats/{chat}/assign", `{"user":"`+o.ids["user"]+`"}`, wa.AuditChatAssigned)
	o.does(o.token, "PUT /api/v1/chats/{chat}/assign", `{"user":null}`, wa.AuditChatUnassigned)
	o.does(o.token, "PUT "+user+"/assignments", `{"clients":[]}`, wa.AuditClientAssigned)
	o.does(o.token, "PATCH "+user, `{"name":"Bobby"}`, wa.AuditUserChanged)
	o.does(o.token, "PATCH "+user, `{"role":"viewer"}`, wa.AuditUserRole)
	o.does(o.token, "PATCH "+user, `{"status":"disabled"}`, wa.AuditUserDisabled)
	o.does(o.token, "PATCH "+user, `{"status":"active"}`, wa.AuditUserEnabled)
	o.does(o.token, "POST "+user+"/reset-second-factor", ``, wa.AuditTOTPReset)
	o.does(o.token, "POST "+user+"/unlock", ``, wa.AuditUserUnlocked)
	o.does(o.token, "POST "+user+"/sign-out", ``, wa.AuditSessionEnded)
	o.made("invitation", "POST /api/v1/invitations", `{"email":"eve@example.com","role":"agent"}`, wa.AuditInvited)
	o.does(o.token, "DELETE /api/v1/invitations/{invitation}", ``, wa.AuditInvitationRevoked)

	o.made("key", "POST /api/v1/api-keys", `{"name":"CRM","scopes":["clients:read"]}`, wa.AuditKeyMade)
	o.does(o.token, "PATCH "+key, `{"name":"Other"}`, wa.AuditKeyChanged)
	o.does(o.token, "POST "+key+"/rotate", `{}`, wa.AuditKeyRotated)
	o.does(o.token, "DELETE "+key, ``, wa.AuditKeyRevoked)

	o.does(o.token, "PATCH /api/v1/org", `{"name":"Ours"}`, wa.AuditOrgChanged)
	o.does(o.token, "PATCH /api/v1/org", `{"sign_in":{"code_client":"`+o.ids["client"]+`"}}`, wa.AuditSSOChanged)
}

// ways are the ways in and out.
func (o *office) ways() {
	const auth = "POST /api/v1/auth/"
	body := func(password string) string {
		return fmt.Sprintf(`{"email":%q,"password":%q,"refresh_in":"body"}`, o.email, password)
	}
	in := decode[tokens](o.t, o.does("", auth+"sign-in", body(o.password), wa.AuditSignedIn).body)
	o.does("", auth+"sign-in", body("wrong"), wa.AuditSignInFailed)
	o.does(in.Access, auth+"step-up", fmt.Sprintf(`{"password":%q}`, o.password), wa.AuditSteppedUp)
	o.does(in.Access, auth+"step-up", `{"password":"wrong"}`, wa.AuditStepUpFailed)
	o.does("", auth+"sign-out", fmt.Sprintf(`{"refresh_token":%q}`, in.Refresh), wa.AuditSignedOut)

	in = o.signIn(o.t, o.email, o.password)
	first := in.Refresh
	for range 2 {
		in = decode[tokens](o.t, o.as(o.t, "", "POST", "/api/v1/auth/refresh", fmt.Sprintf(`{"refresh_token":%q}`, in.Refresh)).body)
	}
	o.does("", auth+"refresh", fmt.Sprintf(`{"refresh_token":%q}`, first), wa.AuditRefreshReused)

	r := o.as(o.t, o.token, "POST", "/api/v1/invitations", `{"email":"mia@example.com","role":"agent"}`)
	_, token, _ := strings.Cut(decode[struct{ Link string }](o.t, r.body).Link, "#token=")
	o.does("", auth+"accept-invitation", fmt.Sprintf(`{"token":%q,"name":"Mia","password":%q}`, token, teamPassword), wa.AuditInvitationUsed)
	link, err := o.accounts.ResetLink(o.t.Context(), "mia@example.com")
	if err != nil {
		o.t.Fatal(err)
	}
	_, token, _ = strings.Cut(link.Reveal(), "#token=")
	o.does("", auth+"password/reset", fmt.Sprintf(`{"token":%q,"password":"a lamp beside the harbour"}`, token), wa.AuditPasswordReset)
}

// self is what somebody does to their own account.
func (o *office) self() {
	const me = "/api/v1/me"
	mia := o.signIn(o.t, "mia@example.com", "a lamp beside the harbour")
	by := mia.Access
	other := o.signIn(o.t, "mia@example.com", "a lamp beside the harbour")
	o.ids["session"] = decode[struct{ Session string }](o.t, o.as(o.t, other.Access, "GET", me, ``).body).Session
	o.does(by, "PATCH "+me, `{"name":"Mia M."}`, wa.AuditUserChanged)
	o.does(by, "DELETE "+me+"/sessions/{session}", ``, wa.AuditSessionEnded)
	o.signIn(o.t, "mia@example.com", "a lamp beside the harbour")
	o.does(by, "DELETE "+me+"/sessions", ``, wa.AuditSessionEnded)
	o.does(by, "POST "+me+"/password", fmt.Sprintf(`{"old_password":"a lamp beside the harbour","password":%q}`, teamPassword), wa.AuditPasswordChange)

	app := decode[struct{ Secret string }](o.t, o.as(o.t, by, "POST", me+"/totp", "").body)
	code, err := totp.GenerateCode(app.Secret, o.clock.now())
	if err != nil {
		o.t.Fatal(err)
	}
	o.does(by, "POST "+me+"/totp/confirm", fmt.Sprintf(`{"code":%q}`, code), wa.AuditTOTPOn)
	if r := o.as(o.t, by, "POST", me+"/phone", `{"phone":"+5511987654399"}`); r.status >= 300 {
		o.t.Fatalf("a number: %d %s", r.status, r.body)
	}
	code = regexp.MustCompile(`^\d{6}`).FindString(<-o.codes)
	o.does(by, "POST "+me+"/phone/confirm", fmt.Sprintf(`{"code":%q}`, code), wa.AuditUserChanged)
	o.does(by, "DELETE "+me+"/phone", ``, wa.AuditUserChanged)
	recovery := decode[struct {
		Codes []string `json:"recovery_codes"`
	}](o.t, o.does(by, "POST "+me+"/recovery-codes", ``, wa.AuditRecoveryCodes).body)
	asked := o.signIn(o.t, "mia@example.com", teamPassword)
	answer := fmt.Sprintf(`{"challenge":%q,"method":"recovery_code","code":%q}`, asked.Factor.Challenge, recovery.Codes[0])
	o.does("", "POST /api/v1/auth/second-factor", answer, wa.AuditRecoveryUsed)
	o.does(by, "DELETE "+me+"/totp", ``, wa.AuditTOTPOff)
	o.does(by, "DELETE "+me, ``, wa.AuditUserDeleted)
	o.does(o.token, "DELETE /api/v1/users/{user}", ``, wa.AuditUserDeleted)
	o.done["DELETE /api/v1/org"] = true
	o.does(o.token, "DELETE /api/v1/org?name=Ours", ``, wa.AuditOrgLeaving)
	o.does(o.token, "POST /api/v1/org/keep", ``, wa.AuditOrgKept)
	o.does(o.token, "POST /api/v1/clients/{client}/logout", ``, wa.AuditClientLoggedOut)
	o.does(o.token, "DELETE /api/v1/clients/{client}", ``, wa.AuditClientDeleted)
}
