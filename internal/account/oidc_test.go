package account_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"chasqui/internal/account"
	"chasqui/internal/egress"
	"chasqui/internal/wa"
)

// idp is a small OpenID provider. What it says of people can be bent.
type idp struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu        sync.Mutex
	now       func() time.Time
	claims    jwt.MapClaims       // of the next person
	bend      func(jwt.MapClaims) // of the id token
	sign      func(jwt.MapClaims) string
	own       func(jwt.MapClaims) string // its own signature
	challenge string                     // of PKCE, as it came
	secret    string                     // that it was shown
}

func newIDP(t *testing.T, now func() time.Time) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key, now: now}
	p.own = func(c jwt.MapClaims) string { return p.signed(t, jwt.SigningMethodRS256, key, c) }
	p.be(nil, p.own)
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		n := base64.RawURLEncoding.EncodeToString(key.N.Bytes())
		answer(w, map[string]any{"keys": []any{map[string]string{"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": n, "e": "AQAB"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != p.challenge || r.FormValue("code") != "the code" {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		_, p.secret, _ = r.BasicAuth()
		c := jwt.MapClaims{"iss": p.URL, "aud": "chasqui at acme", "iat": p.now().Unix(), "exp": p.now().Add(time.Minute).Unix()}
		for name, v := range p.claims {
			c[name] = v
		}
		p.bend(c)
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.sign(c)})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// be says how its next words are bent and signed.
func (p *idp) be(bend func(jwt.MapClaims), sign func(jwt.MapClaims) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if bend == nil {
		bend = func(jwt.MapClaims) {}
	}
	p.bend, p.sign = bend, sign
}

// shown is the secret that it was shown.
func (p *idp) shown() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.secret
}

func (p *idp) signed(t *testing.T, method jwt.SigningMethod, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = "k1"
	text, err := token.SignedString(key)
	if err != nil {
		t.Error(err)
	}
	return text
}

// visit is what a person does at the provider: they come with a request and go
// back with its state.
func (p *idp) visit(t *testing.T, at string, claims jwt.MapClaims) (state string) {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("client_id") != "chasqui at acme" || len(q.Get("state")) < 40 {
		t.Errorf("the way to the provider: %s", at)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.challenge, p.claims = q.Get("code_challenge"), jwt.MapClaims{"nonce": q.Get("nonce")}
	for name, v := range claims {
		p.claims[name] = v
	}
	return q.Get("state")
}

func newSSODesk(t *testing.T) (*desk, *idp) {
	t.Helper()
	d := newDesk(t, func(o *account.Options) {
		o.Out = egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true})
	})
	p := newIDP(t, d.clock.now)
	id, secret := "chasqui at acme", wa.NewSecret("between-us")
	if _, err := d.s.ChangeOrg(t.Context(), d.admin, account.OrgChange{OIDCIssuer: &p.URL, OIDCClientID: &id, OIDCSecret: &secret}); err != nil {
		t.Fatal(err)
	}
	return d, p
}

// through signs in at the provider as whoever the claims say.
func (d *desk) through(p *idp, claims jwt.MapClaims, tune ...func(*account.Return)) (account.Granted, error) {
	d.t.Helper()
	away, err := d.s.StartOIDC(d.t.Context(), d.org)
	if err != nil {
		d.t.Fatal(err)
	}
	t, _ := d.t.(*testing.T)
	back := account.Return{State: wa.NewSecret(p.visit(t, away.URL, claims)), Code: wa.NewSecret("the code"), Cookie: away.Cookie}
	for _, change := range tune {
		change(&back)
	}
	return d.s.FinishOIDC(d.t.Context(), d.org, back, from)
}

func TestSingleSignOn(t *testing.T) {
	t.Parallel()
	d, p := newSSODesk(t)
	bob, _ := d.hire("bob@example.com", wa.Agent)
	d.withApp(bob)
	roles := []wa.Role{wa.Agent}
	if _, err := d.s.ChangeOrg(t.Context(), d.actor(d.enterAdmin()), account.OrgChange{SecondFactorRoles: &roles}); err != nil {
		t.Fatal(err)
	}
	g, err := d.through(p, jwt.MapClaims{"sub": "42", "email": "Bob@example.com", "email_verified": true})
	if err != nil {
		t.Fatal(err)
	}
	by := d.actor(g)
	if by.User != bob.User || by.FactorDue || by.Fresh || p.shown() != "between-us" {
		t.Errorf("%+v, secret %q", by, p.shown())
	}
	// Known by the subject from now on, whatever the address is.
	if g, err := d.through(p, jwt.MapClaims{"sub": "42", "email": "new@example.com"}); err != nil || d.actor(g).User != bob.User {
		t.Errorf("a second time: %v", err)
	}
	if _, err := d.s.Refresh(t.Context(), g.Refresh, from); err != nil {
		t.Error(err)
	}
}

// A provider lets people through whom it has known for weeks: only what it says
// of a recent password counts as one.
func TestSingleSignOnIsNoProofByItself(t *testing.T) {
	t.Parallel()
	d, p := newSSODesk(t)
	d.hire("bob@example.com", wa.Agent)
	now := d.clock.now()
	for name, c := range map[string]struct {
		at    any
		fresh bool
	}{
		"not told":           {nil, false},
		"just now":           {now.Unix(), true},
		"nine minutes ago":   {now.Add(-9 * time.Minute).Unix(), true},
		"eleven minutes ago": {now.Add(-11 * time.Minute).Unix(), false},
		"never":              {0, false},
		"as text":            {"yesterday", false},
		"ahead of us":        {now.Add(time.Hour).Unix(), true},
	} {
		claims := jwt.MapClaims{"sub": "42", "email": "bob@example.com", "email_verified": true}
		if c.at != nil {
			claims["auth_time"] = c.at
		}
		g, err := d.through(p, claims)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if by := d.actor(g); by.Fresh != c.fresh {
			t.Errorf("%s: fresh %v", name, by.Fresh)
		}
	}
	g, err := d.through(p, jwt.MapClaims{"sub": "42", "auth_time": now.Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	d.clock.move(11 * time.Minute)
	if d.actor(g).Fresh {
		t.Error("a proof from the future lasts longer than any")
	}
}

func TestSingleSignOnThatIsRefused(t *testing.T) {
	t.Parallel()
	d, p := newSSODesk(t)
	bob, _ := d.hire("bob@example.com", wa.Agent)
	eve, _ := d.hire("eve@example.com", wa.Agent)
	if _, err := d.s.ChangeUser(t.Context(), d.admin, eve.User, status(wa.UserDisabled)); err != nil {
		t.Fatal(err)
	}
	good := jwt.MapClaims{"sub": "42", "email": "bob@example.com", "email_verified": true}
	with := func(name string, v any) jwt.MapClaims {
		c := jwt.MapClaims{}
		for n, v := range good {
			c[n] = v
		}
		c[name] = v
		return c
	}
	bent := func(name string, v any) func() { return func() { p.be(func(c jwt.MapClaims) { c[name] = v }, p.own) } }
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer := func(m jwt.SigningMethod, key any) func() {
		return func() { p.be(nil, func(c jwt.MapClaims) string { return p.signed(t, m, key, c) }) }
	}
	for name, c := range map[string]struct {
		claims jwt.MapClaims
		bend   func()
		tune   func(*account.Return)
	}{
		"nobody here":           {claims: with("email", "nobody@example.com")},
		"not confirmed":         {claims: with("email_verified", false)},
		"no word of it":         {claims: jwt.MapClaims{"sub": "42", "email": "bob@example.com"}},
		"disabled":              {claims: with("email", "eve@example.com")},
		"no subject":            {claims: with("sub", "")},
		"another nonce":         {claims: with("nonce", "replayed")},
		"foreign audience":      {bend: bent("aud", "somebody else")},
		"foreign issuer":        {bend: bent("iss", "https://elsewhere.example")},
		"expired":               {bend: bent("exp", d.clock.now().Add(-time.Minute).Unix())},
		"another key":           {bend: signer(jwt.SigningMethodRS256, other)},
		"alg none":              {bend: signer(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType)},
		"the secret as key":     {bend: signer(jwt.SigningMethodHS256, []byte("between-us"))},
		"another browser":       {tune: func(r *account.Return) { r.Cookie = wa.NewSecret("mine") }},
		"no cookie":             {tune: func(r *account.Return) { r.Cookie = wa.Secret{} }},
		"another state":         {tune: func(r *account.Return) { r.State = wa.NewSecret("guessed") }},
		"another code":          {tune: func(r *account.Return) { r.Code = wa.NewSecret("stolen") }},
		"the provider said no":  {tune: func(r *account.Return) { r.Error = "access_denied" }},
		"too long at the other": {tune: func(*account.Return) { d.clock.move(11 * time.Minute) }},
	} {
		p.be(nil, p.own)
		if c.bend != nil {
			c.bend()
		}
		if c.claims == nil {
			c.claims = good
		}
		if c.tune == nil {
			c.tune = func(*account.Return) {}
		}
		_, err := d.through(p, c.claims, c.tune)
		d.refused(name, err, wa.Unauthorized)
	}
	// Each is in the org's log with its reason, but for the two that nobody began
	// or that were over: of these there is nothing to tell.
	if n := d.audited(wa.AuditSignInFailed); n != 16 {
		t.Errorf("%d refusals in the log", n)
	}
	p.be(nil, p.own)
	var used account.Return
	if g, err := d.through(p, good, func(r *account.Return) { used = *r }); err != nil || d.actor(g).User != bob.User {
		t.Fatalf("the good one, after all that: %v", err)
	}
	_, err = d.s.FinishOIDC(t.Context(), d.org, used, from)
	d.refused("the same answer again", err, wa.Unauthorized)
	_, err = d.through(p, with("sub", "43"))
	d.refused("another subject with the same address", err, wa.Unauthorized)
}

// A provider inside our network is none, whoever names it.
func TestProvidersAreReachedThroughTheGuard(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(o *account.Options) { o.Out = egress.New(egress.Options{AllowHTTP: true}) })
	p := newIDP(t, d.clock.now)
	id := "x"
	_, err := d.s.ChangeOrg(t.Context(), d.admin, account.OrgChange{OIDCIssuer: &p.URL, OIDCClientID: &id})
	d.refused("a provider on this machine", err, wa.Invalid)
	_, err = d.s.StartOIDC(t.Context(), d.org)
	d.refused("an org without one", err, wa.NotFound)
	_, err = d.s.StartOIDC(t.Context(), wa.NewOrgID())
	d.refused("no org", err, wa.NotFound)
}
