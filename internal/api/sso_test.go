package api_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"chasqui/internal/account"
	"chasqui/internal/api"
	"chasqui/internal/egress"
	"chasqui/internal/testkit"
)

// newProvider is an OpenID provider that vouches for one address, with the
// nonce that it was last told.
func newProvider(t *testing.T, email string) (url string, tell func(nonce string)) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var nonce string
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		n := base64.RawURLEncoding.EncodeToString(key.N.Bytes())
		answer(w, map[string]any{"keys": []any{map[string]string{"kty": "RSA", "kid": "k", "alg": "RS256", "n": n, "e": "AQAB"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": s.URL, "aud": "chasqui", "sub": "42", "email": email, "email_verified": true, "nonce": nonce,
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		})
		token.Header["kid"] = "k"
		text, err := token.SignedString(key)
		if err != nil {
			t.Error(err)
		}
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": text})
	})
	return s.URL, func(told string) {
		mu.Lock()
		defer mu.Unlock()
		nonce = told
	}
}

// A browser leaves for the org's provider and comes back signed in.
func TestSignInAtTheOrgsProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	accounts := account.New(w.db, testkit.Pepper, account.Options{
		PublicURL: "https://chasqui.example", Out: egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true}),
	})
	made, err := accounts.Bootstrap(t.Context(), "Team", "ana@example.com")
	if err != nil {
		t.Fatal(err)
	}
	w.Config.Handler = api.New(w.deps(t, func(d *api.Deps) { d.Accounts = accounts }))
	team := &team{world: w, accounts: accounts}
	ana := team.signIn(t, made.Email, made.Password.Reveal())
	provider, tell := newProvider(t, "ana@example.com")
	r := team.as(t, ana.Access, "PATCH", "/api/v1/org", fmt.Sprintf(`{"sign_in":{"oidc_issuer":%q,"oidc_client_id":"chasqui"}}`, provider))
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	door := "/api/v1/auth/oidc/" + made.OrgID.String()
	hop := func(path, cookie string, accept ...string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", cookie)
		req.Header["Accept"] = accept
		res, err := http.DefaultTransport.RoundTrip(req) // follows nothing
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	res := hop(door+"/start", "")
	away, err := url.Parse(res.Header.Get("Location"))
	cookie := res.Header.Get("Set-Cookie")
	if err != nil || res.StatusCode != http.StatusFound || !strings.HasPrefix(away.String(), provider+"/authorize?") {
		t.Fatalf("%d to %s (%v)", res.StatusCode, away, err)
	}
	if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "Path=/api/v1/auth/oidc") {
		t.Errorf("cookie %s", cookie)
	}
	if back := away.Query().Get("redirect_uri"); back != "https://chasqui.example"+door+"/callback" {
		t.Errorf("sent back to %s", back)
	}
	tell(away.Query().Get("nonce"))
	value, _, _ := strings.Cut(cookie, ";")
	back := door + "/callback?code=x&scope=openid&state=" + away.Query().Get("state")
	if res := hop(back, "chasqui_oidc=somebody-elses"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("in another browser: %d", res.StatusCode)
	}
	if res := hop(back, value); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("after that: %d", res.StatusCode)
	}
	page := hop(back, value, "text/html,application/xhtml+xml;q=0.9")
	if to := page.Header.Get("Location"); page.StatusCode != http.StatusFound || to != "https://chasqui.example/sign-in#error=sign_in_failed" {
		t.Errorf("a browser that is refused: %d to %q", page.StatusCode, to)
	}
	res = hop(door+"/start", "")
	if away, err = url.Parse(res.Header.Get("Location")); err != nil {
		t.Fatal(err)
	}
	tell(away.Query().Get("nonce"))
	value, _, _ = strings.Cut(res.Header.Get("Set-Cookie"), ";")
	res = hop(door+"/callback?code=x&state="+away.Query().Get("state"), value)
	cookies := strings.Join(res.Header.Values("Set-Cookie"), "\n")
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "https://chasqui.example/" || !strings.Contains(cookies, "chasqui_refresh=sr_chq_") {
		t.Fatalf("%d to %s with %s", res.StatusCode, res.Header.Get("Location"), cookies)
	}
	refresh, _, _ := strings.Cut(res.Header.Values("Set-Cookie")[0], ";")
	if r := w.do(t, call{method: "POST", path: "/api/v1/auth/refresh", header: map[string]string{"Cookie": refresh}}); r.status != 200 || !strings.Contains(r.body, "access_token") {
		t.Errorf("%d %s", r.status, r.body)
	}
}
