package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"chasqui/internal/account"
	"chasqui/internal/api"
	"chasqui/internal/seal"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// team is a world with people, and no mail: links are shown.
type team struct {
	*world
	email, password string
	clock           *moving
	accounts        *account.Service
}

type moving struct {
	mu sync.Mutex
	at time.Time
}

func (m *moving) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *moving) move(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = m.at.Add(d)
}

func newTeam(t *testing.T, tune ...func(*account.Options)) *team {
	t.Helper()
	w := newWorld(t)
	clock := &moving{at: time.Now().Truncate(time.Second)}
	keys, err := seal.New([][]byte{make([]byte, 32)}, w.db, seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := account.Options{
		PublicURL: "https://chasqui.example", Now: clock.now,
		Boxes: func(ctx context.Context, org wa.OrgID) (account.Box, error) { return keys.For(ctx, org) },
	}
	for _, change := range tune {
		change(&o)
	}
	accounts := account.New(w.db, testkit.Pepper, o)
	made, err := accounts.Bootstrap(t.Context(), "Team", "ana@example.com")
	if err != nil {
		t.Fatal(err)
	}
	w.org.ID = made.OrgID
	w.Config.Handler = api.New(w.deps(t, func(d *api.Deps) { d.Accounts = accounts }))
	return &team{w, made.Email, made.Password.Reveal(), clock, accounts}
}

// newTeamAt is one that browsers reach at an address.
func newTeamAt(t *testing.T, publicURL string) *team {
	t.Helper()
	w := newTeam(t)
	w.Config.Handler = api.New(w.deps(t, func(d *api.Deps) { d.Accounts, d.PublicURL = w.accounts, publicURL }))
	return w
}

// as is a call with an access token.
func (w *team) as(t *testing.T, token, method, path, body string) reply {
	t.Helper()
	return w.do(t, call{method: method, path: path, body: body, header: map[string]string{"Authorization": "Bearer " + token}})
}

type tokens struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	ExpiresIn int    `json:"expires_in"`
	User      wa.User
	Due       bool `json:"second_factor_due"`
	Factor    struct {
		Challenge string
		Methods   []string
	} `json:"second_factor"`
}

func (w *team) signIn(t *testing.T, email, password string) tokens {
	t.Helper()
	r := w.do(t, call{method: "POST", path: "/api/v1/auth/sign-in", body: fmt.Sprintf(`{"email":%q,"password":%q,"refresh_in":"body"}`, email, password)})
	if r.status != http.StatusOK {
		t.Fatalf("sign in as %s: %d %s", email, r.status, r.body)
	}
	return decode[tokens](t, r.body)
}

// hire invites somebody by the link that is shown, who accepts.
func (w *team) hire(t *testing.T, by, email string, role wa.Role) tokens {
	t.Helper()
	r := w.as(t, by, "POST", "/api/v1/invitations", fmt.Sprintf(`{"email":%q,"role":%q}`, email, role))
	made := decode[struct {
		Link   string
		Mailed bool
	}](t, r.body)
	_, token, ok := strings.Cut(made.Link, "https://chasqui.example/invitation#token=")
	if r.status != http.StatusCreated || !ok || made.Mailed {
		t.Fatalf("invite %s: %d %s", email, r.status, r.body)
	}
	r = w.do(t, call{method: "POST", path: "/api/v1/auth/invitation", body: fmt.Sprintf(`{"token":%q}`, token)})
	if r.status != http.StatusOK || !strings.Contains(r.body, `"org":"Team"`) {
		t.Errorf("read the invitation: %d %s", r.status, r.body)
	}
	r = w.do(t, call{
		method: "POST", path: "/api/v1/auth/accept-invitation",
		body: fmt.Sprintf(`{"token":%q,"name":"New","password":%q,"refresh_in":"body"}`, token, teamPassword),
	})
	if r.status != http.StatusCreated {
		t.Fatalf("accept: %d %s", r.status, r.body)
	}
	return decode[tokens](t, r.body)
}

const teamPassword = "seven green kettles hum"

// A stranger's whole way: in, invite, be invited, see what they may, and out.
func TestPeopleComeAndGo(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	ana := w.signIn(t, w.email, w.password)
	if ana.ExpiresIn != 900 || ana.Refresh == "" || ana.User.Role != wa.Admin {
		t.Errorf("%+v", ana)
	}
	bob := w.hire(t, ana.Access, "bob@example.com", wa.Manager)
	eve := w.hire(t, bob.Access, "eve@example.com", wa.Agent)
	users := "/api/v1/users/"
	for _, tt := range []struct {
		name, as, method, path, body string
		status                       int
		contains                     string
	}{
		{"who am I", eve.Access, "GET", "/api/v1/me", "", 200, `"messages:send":"own"`},
		{"who am I, with a key", "", "GET", "/api/v1/me", "", 401, "unauthorized"},
		{"rename me", eve.Access, "PATCH", "/api/v1/me", `{"name":" Eve "}`, 200, `"name":"Eve"`},
		{"my role", eve.Access, "PATCH", "/api/v1/me", `{"name":"Eve","role":"admin"}`, 422, "body.role"},
		{"the table", eve.Access, "GET", "/api/v1/permissions", "", 200, `"users:lead":{"admin":"all","manager":"none"`},
		{"an agent lists users", eve.Access, "GET", "/api/v1/users", "", 403, "users:read"},
		{"a manager lists users", bob.Access, "GET", "/api/v1/users?role=agent", "", 200, `"email":"eve@example.com"`},
		{"a manager reads an admin", bob.Access, "GET", users + ana.User.ID.String(), "", 200, `"role":"admin"`},
		{"a manager makes an admin", bob.Access, "PATCH", users + eve.User.ID.String(), `{"role":"admin"}`, 403, "forbidden"},
		{"a manager makes a manager", bob.Access, "PATCH", users + eve.User.ID.String(), `{"role":"manager"}`, 403, "forbidden"},
		{"a manager invites an admin", bob.Access, "POST", "/api/v1/invitations", `{"email":"x@example.com","role":"admin"}`, 403, "forbidden"},
		{"a manager disables an admin", bob.Access, "PATCH", users + ana.User.ID.String(), `{"status":"disabled"}`, 403, "forbidden"},
		{"a manager renames an admin", bob.Access, "PATCH", users + ana.User.ID.String(), `{"name":"Fool"}`, 403, "forbidden"},
		{"a manager raises himself", bob.Access, "PATCH", users + bob.User.ID.String(), `{"role":"admin"}`, 403, "forbidden"},
		{"an admin lowers herself", ana.Access, "PATCH", users + ana.User.ID.String(), `{"role":"viewer"}`, 403, "nobody changes their own"},
		{"a role that is none", ana.Access, "PATCH", users + eve.User.ID.String(), `{"role":"root"}`, 422, "body.role"},
		{"another org", ana.Access, "PATCH", users + eve.User.ID.String(), `{"org_id":"org_00000000000000000000000001"}`, 422, "body.org_id"},
		{"a manager lowers an agent", bob.Access, "PATCH", users + eve.User.ID.String(), `{"role":"viewer"}`, 200, `"role":"viewer"`},
		{"nobody", ana.Access, "GET", users + wa.NewUserID().String(), "", 404, "not_found"},
		{"no id", ana.Access, "PATCH", users + "0", `{"name":"x"}`, 404, "not_found"},
		{"a manager resets a second factor", bob.Access, "POST", users + eve.User.ID.String() + "/reset-second-factor", "", 403, "users:reset"},
		{"an admin does", ana.Access, "POST", users + eve.User.ID.String() + "/reset-second-factor", "", 204, ""},
		{"which ends the sessions", eve.Access, "GET", "/api/v1/me", "", 401, "signed_out"},
		{"the org", bob.Access, "GET", "/api/v1/org", "", 200, `"second_factor_roles":[]`},
		{"a manager changes it", bob.Access, "PATCH", "/api/v1/org", `{"name":"Mine"}`, 403, "org:write"},
		{"an admin does", ana.Access, "PATCH", "/api/v1/org", `{"name":" Ours "}`, 200, `"name":"Ours"`},
		{"somebody else's client for codes", ana.Access, "PATCH", "/api/v1/org", `{"sign_in":{"code_client":"{stranger}"}}`, 422, "code_client"},
		{"a step up with a wrong password", ana.Access, "POST", "/api/v1/auth/step-up", `{"password":"wrong"}`, 403, "step_up_failed"},
		{"a step up", ana.Access, "POST", "/api/v1/auth/step-up", fmt.Sprintf(`{"password":%q}`, w.password), 200, "access_token"},
		{"mail without mail", "", "POST", "/api/v1/auth/password/forgot", `{"email":"ana@example.com"}`, 422, "unsupported"},
		{"no provider", "", "GET", "/api/v1/auth/oidc/" + w.org.ID.String() + "/start", "", 404, "not_found"},
		{"sessions", ana.Access, "GET", "/api/v1/me/sessions", "", 200, `"current":true`},
		{"other sessions", ana.Access, "DELETE", "/api/v1/me/sessions", "", 204, ""},
		{"sign out", "", "POST", "/api/v1/auth/sign-out", fmt.Sprintf(`{"refresh_token":%q}`, bob.Refresh), 204, ""},
		{"bob is out", bob.Access, "GET", "/api/v1/me", "", 401, "signed_out"},
	} {
		r := w.as(t, tt.as, tt.method, tt.path, tt.body)
		if r.status != tt.status || !strings.Contains(r.body, tt.contains) {
			t.Errorf("%s: %d %s, want %d with %s", tt.name, r.status, r.body, tt.status, tt.contains)
		}
		if r.status >= 400 {
			checkProblem(t, r)
		}
	}
	if strings.Contains(w.log.String(), teamPassword) || strings.Contains(w.log.String(), ana.Access) {
		t.Error("the log holds a secret")
	}
}

// Whoever belongs to another org cannot be seen or touched.
func TestOtherOrgsPeopleAreNotThere(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	ana := w.signIn(t, w.email, w.password)
	made, err := w.accounts.Bootstrap(t.Context(), "Others", "otto@example.com")
	if err != nil {
		t.Fatal(err)
	}
	otto := w.signIn(t, made.Email, made.Password.Reveal())
	r := w.as(t, otto.Access, "POST", "/api/v1/invitations", `{"email":"x@example.com","role":"agent"}`)
	invitation := decode[wa.Invitation](t, r.body)
	user := "/api/v1/users/" + otto.User.ID.String()
	session := decode[struct{ Data []wa.Session }](t, w.as(t, otto.Access, "GET", "/api/v1/me/sessions", "").body).Data[0]
	for _, c := range []struct{ method, path, body string }{
		{"GET", user, ""},
		{"PATCH", user, `{"role":"viewer"}`},
		{"POST", user + "/sign-out", ""},
		{"POST", user + "/unlock", ""},
		{"POST", user + "/reset-second-factor", ""},
		{"DELETE", "/api/v1/invitations/" + invitation.ID.String(), ""},
		{"DELETE", "/api/v1/me/sessions/" + session.ID.String(), ""},
	} {
		r := w.as(t, ana.Access, c.method, c.path, c.body)
		if p := checkProblem(t, r); r.status != http.StatusNotFound || p.Code != "not_found" {
			t.Errorf("%s %s: %d %s", c.method, c.path, r.status, r.body)
		}
	}
	for _, path := range []string{"/api/v1/users", "/api/v1/invitations"} {
		if r := w.as(t, ana.Access, "GET", path, ""); strings.Contains(r.body, "otto") || strings.Contains(r.body, "x@example.com") || r.status != 200 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	// A key opens none of it.
	for _, path := range []string{"/api/v1/users", "/api/v1/invitations", "/api/v1/org", "/api/v1/me/sessions"} {
		if r := w.do(t, call{method: "GET", path: path, key: w.stranger.key}); r.status != http.StatusForbidden {
			t.Errorf("%s with a key: %d %s", path, r.status, r.body)
		}
	}
	if r := w.as(t, otto.Access, "GET", "/api/v1/me", ""); r.status != 200 {
		t.Errorf("otto afterwards: %d", r.status)
	}
}

// Browsers keep the refresh token where no script reads it.
func TestTheRefreshCookie(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	r := w.do(t, call{method: "POST", path: "/api/v1/auth/sign-in", body: fmt.Sprintf(`{"email":%q,"password":%q}`, w.email, w.password)})
	cookie := r.header.Get("Set-Cookie")
	for _, want := range []string{"chasqui_refresh=sr_chq_", "HttpOnly", "Secure", "SameSite=Strict", "Path=/api/v1/auth", "Max-Age="} {
		if !strings.Contains(cookie, want) {
			t.Errorf("%q lacks %s", cookie, want)
		}
	}
	if strings.Contains(r.body, "refresh_token") || strings.Contains(cookie, "Domain") {
		t.Errorf("%s, %s", cookie, r.body)
	}
	value, _, _ := strings.Cut(cookie, ";")
	r = w.do(t, call{method: "POST", path: "/api/v1/auth/refresh", header: map[string]string{"Cookie": value}})
	next, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	if r.status != 200 || next == value || !strings.HasPrefix(next, "chasqui_refresh=sr_chq_") || strings.Contains(r.body, "refresh_token") {
		t.Fatalf("refresh: %d %s %s", r.status, next, r.body)
	}
	// A cookie is no credential anywhere else.
	if r := w.do(t, call{method: "GET", path: "/api/v1/me", header: map[string]string{"Cookie": next}}); r.status != 401 {
		t.Errorf("me by cookie: %d", r.status)
	}
	r = w.do(t, call{method: "POST", path: "/api/v1/auth/sign-out", header: map[string]string{"Cookie": next}})
	if gone := r.header.Get("Set-Cookie"); r.status != 204 || !strings.Contains(gone, "Max-Age=0") {
		t.Errorf("sign out: %d %s", r.status, gone)
	}
	r = w.do(t, call{method: "POST", path: "/api/v1/auth/refresh", header: map[string]string{"Cookie": next}})
	if p := checkProblem(t, r); r.status != 401 || p.Code != "signed_out" {
		t.Errorf("after signing out: %d %s", r.status, r.body)
	}
}

// Two installations at two ports of one host keep a cookie each: signing in to
// one does not sign out of the other, and neither reads the other's.
func TestCookiesOfTwoPorts(t *testing.T) {
	t.Parallel()
	at := func(port string) *team { return newTeamAt(t, "http://localhost"+port) }
	first, second, plain := at(":3002"), at(":4002"), at("")
	jar := map[string]string{}
	for want, w := range map[string]*team{"chasqui_refresh_3002": first, "chasqui_refresh_4002": second, "chasqui_refresh": plain} {
		r := w.do(t, call{method: "POST", path: "/api/v1/auth/sign-in", body: fmt.Sprintf(`{"email":%q,"password":%q}`, w.email, w.password)})
		cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
		name, value, _ := strings.Cut(cookie, "=")
		if name != want || value == "" {
			t.Fatalf("%s: %q", want, cookie)
		}
		jar[name] = value
	}
	var sent []string
	for _, name := range slices.Sorted(maps.Keys(jar)) {
		sent = append(sent, name+"="+jar[name])
	}
	all := map[string]string{"Cookie": strings.Join(sent, "; ")} // as a browser sends it
	for name, w := range map[string]*team{"3002": first, "4002": second, "80": plain} {
		if r := w.do(t, call{method: "POST", path: "/api/v1/auth/refresh", header: all}); r.status != 200 {
			t.Errorf("at %s: %d %s", name, r.status, r.body)
		}
	}
	foreign := map[string]string{"Cookie": "chasqui_refresh=" + jar["chasqui_refresh_3002"] + "; chasqui_refresh_4002=" + jar["chasqui_refresh_3002"]}
	if r := first.do(t, call{method: "POST", path: "/api/v1/auth/refresh", header: foreign}); r.status != 401 {
		t.Errorf("cookies of others let in: %d", r.status)
	}
}

// An app is set up, asked for at the next sign-in, and its codes work once.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	ana := w.signIn(t, w.email, w.password)
	app := decode[struct{ Secret, URL string }](t, w.as(t, ana.Access, "POST", "/api/v1/me/totp", "").body)
	code := func() string {
		c, err := totp.GenerateCode(app.Secret, w.clock.now())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	confirm := func(c string) reply {
		return w.as(t, ana.Access, "POST", "/api/v1/me/totp/confirm", fmt.Sprintf(`{"code":%q}`, c))
	}
	if r := confirm("000000"); r.status != 422 {
		t.Errorf("a wrong code: %d %s", r.status, r.body)
	}
	first := code()
	r := confirm(first)
	recovery := decode[struct {
		Codes []string `json:"recovery_codes"`
	}](t, r.body)
	if r.status != 200 || len(recovery.Codes) != 10 {
		t.Fatalf("confirm: %d %s", r.status, r.body)
	}
	if r := w.as(t, ana.Access, "POST", "/api/v1/me/totp", ""); r.status != 409 {
		t.Errorf("a second app: %d %s", r.status, r.body)
	}
	asked := w.signIn(t, w.email, w.password)
	if asked.Access != "" || asked.Refresh != "" || asked.Factor.Challenge == "" || fmt.Sprint(asked.Factor.Methods) != "[totp recovery_code]" {
		t.Fatalf("%+v", asked)
	}
	if r := w.as(t, asked.Factor.Challenge, "GET", "/api/v1/me", ""); r.status != 401 {
		t.Errorf("a challenge as access token: %d", r.status)
	}
	answer := func(method, code string) reply {
		body, err := json.Marshal(map[string]string{"challenge": asked.Factor.Challenge, "method": method, "code": code, "refresh_in": "body"})
		if err != nil {
			t.Fatal(err)
		}
		return w.do(t, call{method: "POST", path: "/api/v1/auth/second-factor", body: string(body)})
	}
	if r := answer("totp", first); r.status != 401 {
		t.Errorf("the code that confirmed: %d %s", r.status, r.body)
	}
	w.clock.move(30 * time.Second)
	good := code()
	if r := answer("totp", good); r.status != 200 || !strings.Contains(r.body, "access_token") {
		t.Errorf("a good code: %d %s", r.status, r.body)
	}
	if r := answer("totp", good); r.status != 401 || !strings.Contains(r.body, "code_wrong") {
		t.Errorf("the same code again: %d %s", r.status, r.body)
	}
	if r := answer("recovery_code", strings.ToLower(recovery.Codes[3])); r.status != 200 {
		t.Errorf("a recovery code: %d %s", r.status, r.body)
	}
	if r := answer("recovery_code", recovery.Codes[3]); r.status != 401 {
		t.Errorf("the same recovery code: %d %s", r.status, r.body)
	}
	// Guessing is slowed down like guessing passwords.
	limited := false
	for range 10 {
		limited = limited || answer("totp", "123456").status == 429
	}
	if !limited {
		t.Error("ten guesses in a row")
	}
	w.clock.move(11 * time.Minute)
	if r := answer("totp", code()); r.status != 401 || !strings.Contains(r.body, "token_invalid") {
		t.Errorf("after ten minutes: %d %s", r.status, r.body)
	}
}

// An org asks for a second factor: who has none can only set one up.
func TestSecondFactorIsAskedOfARole(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	ana := w.signIn(t, w.email, w.password)
	bob := w.hire(t, ana.Access, "bob@example.com", wa.Manager)
	w.clock.move(11 * time.Minute)
	stale := w.as(t, ana.Access, "PATCH", "/api/v1/org", `{"sign_in":{"second_factor_roles":["manager"]}}`)
	if stale.status != 403 || !strings.Contains(stale.body, "step_up_required") {
		t.Errorf("without a fresh password: %d %s", stale.status, stale.body)
	}
	ana = w.signIn(t, w.email, w.password)
	if r := w.as(t, ana.Access, "PATCH", "/api/v1/org", `{"sign_in":{"second_factor_roles":["manager","admin"]}}`); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	bob = w.signIn(t, "bob@example.com", teamPassword)
	if !bob.Due {
		t.Errorf("%+v", bob)
	}
	shut := w.as(t, bob.Access, "GET", "/api/v1/clients", "")
	if shut.status != 403 || !strings.Contains(shut.body, "second_factor_required") {
		t.Errorf("%d %s", shut.status, shut.body)
	}
	if r := w.as(t, bob.Access, "GET", "/api/v1/me", ""); !strings.Contains(r.body, `"second_factor_due":true`) || !strings.Contains(r.body, `"permissions":{}`) {
		t.Errorf("me: %s", r.body)
	}
	app := decode[struct{ Secret string }](t, w.as(t, bob.Access, "POST", "/api/v1/me/totp", "").body)
	code, err := totp.GenerateCode(app.Secret, w.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	if r := w.as(t, bob.Access, "POST", "/api/v1/me/totp/confirm", fmt.Sprintf(`{"code":%q}`, code)); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := w.as(t, bob.Access, "GET", "/api/v1/clients", ""); r.status != 200 {
		t.Errorf("afterwards: %d %s", r.status, r.body)
	}
	if r := w.as(t, bob.Access, "DELETE", "/api/v1/me/totp", ""); r.status != 409 {
		t.Errorf("taking it away again: %d %s", r.status, r.body)
	}
}

func TestChangingThePassword(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	ana := w.signIn(t, w.email, w.password)
	other := w.signIn(t, w.email, w.password)
	change := func(old, fresh string) reply {
		return w.as(t, ana.Access, "POST", "/api/v1/me/password", fmt.Sprintf(`{"old_password":%q,"password":%q}`, old, fresh))
	}
	if r := change("wrong", teamPassword); r.status != 422 || !strings.Contains(r.body, "body.old_password") {
		t.Errorf("a wrong old one: %d %s", r.status, r.body)
	}
	if r := change(w.password, "password1234"); r.status != 422 || strings.Contains(r.body, "password1234") {
		t.Errorf("a common one: %d %s", r.status, r.body)
	}
	if r := change(w.password, teamPassword); r.status != 204 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := w.as(t, ana.Access, "GET", "/api/v1/me", ""); r.status != 200 {
		t.Errorf("this session: %d", r.status)
	}
	if r := w.as(t, other.Access, "GET", "/api/v1/me", ""); r.status != 401 {
		t.Errorf("the other session: %d", r.status)
	}
	w.signIn(t, w.email, teamPassword)
}
