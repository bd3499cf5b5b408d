package account_test

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/golang-jwt/jwt/v5"

	"chasqui/internal/account"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func asError(err error, to **wa.Error) bool { return errors.As(err, to) }

func cheapHash(t *testing.T, password string) string {
	t.Helper()
	h, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 8 << 10, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// parts takes a token apart.
func parts(t *testing.T, token wa.Secret) (header, claims map[string]any) {
	t.Helper()
	p := strings.Split(token.Reveal(), ".")
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(p[i])
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// signingKey is the key under which tokens are made: known to this test, so
// that its forgeries fail for the right reason.
func signingKey(t *testing.T, pepper []byte) []byte {
	t.Helper()
	key, err := hkdf.Key(sha256.New, pepper, nil, "chasqui access tokens", 32)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestForgedTokens tries what is tried with JWTs. Each forgery differs from a
// good token in one thing.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.enterAsBob()
	key := signingKey(t, testkit.Pepper)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(method jwt.SigningMethod, key any, tune func(h, c map[string]any)) wa.Secret {
		h, c := parts(t, g.Access)
		tune(h, c)
		token := jwt.NewWithClaims(method, jwt.MapClaims(c))
		alg := token.Header["alg"]
		token.Header = h
		if h["alg"] == "HS256" {
			h["alg"] = alg
		}
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return wa.NewSecret(text)
	}
	same := func(map[string]any, map[string]any) {}
	set := func(name string, v any) func(h, c map[string]any) {
		return func(_, c map[string]any) { c[name] = v }
	}
	head := func(name string, v any) func(h, c map[string]any) {
		return func(h, _ map[string]any) { h[name] = v }
	}
	if _, err := d.s.Authenticate(t.Context(), forge(jwt.SigningMethodHS256, key, same)); err != nil {
		t.Fatalf("the forger cannot make a good one: %v", err)
	}
	past, future := d.clock.now().Add(-time.Minute).Unix(), d.clock.now().Add(time.Hour).Unix()
	whole := g.Access.Reveal()
	for name, token := range map[string]wa.Secret{
		"alg none":              forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same),
		"no signature":          wa.NewSecret(whole[:strings.LastIndex(whole, ".")+1]),
		"alg None in letters":   forge(jwt.SigningMethodHS256, key, head("alg", "None")),
		"HS512 with our key":    forge(jwt.SigningMethodHS512, key, same),
		"RS256":                 forge(jwt.SigningMethodRS256, private, same),
		"RS256 said, HS signed": forge(jwt.SigningMethodHS256, key, head("alg", "RS256")),
		"no kid":                forge(jwt.SigningMethodHS256, key, func(h, _ map[string]any) { delete(h, "kid") }),
		"wrong kid":             forge(jwt.SigningMethodHS256, key, head("kid", "another")),
		"kid as path":           forge(jwt.SigningMethodHS256, []byte{}, head("kid", "/dev/null")),
		"another key":           forge(jwt.SigningMethodHS256, signingKey(t, []byte("another pepper")), same),
		"the pepper as key":     forge(jwt.SigningMethodHS256, testkit.Pepper, same),
		"wrong typ":             forge(jwt.SigningMethodHS256, key, head("typ", "JWT")),
		"a challenge":           forge(jwt.SigningMethodHS256, key, func(h, c map[string]any) { h["typ"] = "challenge+jwt"; c["aud"] = "chasqui second factor" }),
		"foreign issuer":        forge(jwt.SigningMethodHS256, key, set("iss", "somebody")),
		"foreign audience":      forge(jwt.SigningMethodHS256, key, set("aud", "another api")),
		"no audience":           forge(jwt.SigningMethodHS256, key, func(_, c map[string]any) { delete(c, "aud") }),
		"expired":               forge(jwt.SigningMethodHS256, key, set("exp", past)),
		"no end":                forge(jwt.SigningMethodHS256, key, func(_, c map[string]any) { delete(c, "exp") }),
		"from the future":       forge(jwt.SigningMethodHS256, key, set("iat", future)),
		"another session":       forge(jwt.SigningMethodHS256, key, set("sid", wa.NewSessionID().String())),
		"no session":            forge(jwt.SigningMethodHS256, key, func(_, c map[string]any) { delete(c, "sid") }),
		"another org":           forge(jwt.SigningMethodHS256, key, set("org", wa.NewOrgID().String())),
		"another person":        forge(jwt.SigningMethodHS256, key, func(_, c map[string]any) { c["sub"], c["usr"] = d.admin.User.String(), d.admin.User.String() }),
		"two persons":           forge(jwt.SigningMethodHS256, key, set("usr", d.admin.User.String())),
		"one letter off":        wa.NewSecret(whole[:len(whole)-2] + flip(whole[len(whole)-2:len(whole)-1]) + whole[len(whole)-1:]),
		"very long":             wa.NewSecret(whole + strings.Repeat("A", 1<<16)),
	} {
		_, err := d.s.Authenticate(t.Context(), token)
		d.refused(name, err, wa.Unauthorized)
	}
	h, c := parts(t, g.Access)
	if h["alg"] != "HS256" || h["typ"] != "at+jwt" || h["kid"] == nil || c["role"] != nil {
		t.Errorf("%v %v", h, c)
	}
	if life := int64(c["exp"].(float64)) - int64(c["iat"].(float64)); life > 15*60 {
		t.Errorf("good for %d s", life)
	}
	d.clock.move(account.AccessLife + time.Second)
	_, err = d.s.Authenticate(t.Context(), g.Access)
	d.refused("after its time", err, wa.Unauthorized)
}

func flip(s string) string {
	if s == "A" {
		return "B"
	}
	return "A"
}

func (d *desk) enterAsBob() account.Granted {
	d.hire("bob@example.com", wa.Agent)
	return d.enter("bob@example.com", goodPassword)
}

// Tokens under a pepper of before are good while it is kept; the new one signs.
func TestTokensOutliveTheirKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.enterAsBob()
	opt := d.opt
	opt.Retired = [][]byte{testkit.Pepper}
	next := account.New(d.db, []byte("the next pepper"), opt)
	if _, err := next.Authenticate(t.Context(), g.Access); err != nil {
		t.Errorf("with the old pepper kept: %v", err)
	}
	_, err := account.New(d.db, []byte("the next pepper"), d.opt).Authenticate(t.Context(), g.Access)
	d.refused("without the old pepper", err, wa.Unauthorized)
}
