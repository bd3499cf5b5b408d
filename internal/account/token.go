package account

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"chasqui/internal/wa"
)

// Tokens are signed and read by our own processes only, so the one algorithm is
// a keyed hash: there is no public key that somebody could take for a secret.
const algorithm = "HS256"

// issuer is who makes our tokens.
const issuer = "chasqui"

// kind tells tokens of different use apart: the name is the header's typ, the
// audience is who takes it.
type kind struct{ typ, audience string }

var (
	accessToken    = kind{"at+jwt", "chasqui api"}
	challengeToken = kind{"challenge+jwt", "chasqui second factor"}
)

// How long tokens are good.
const (
	AccessLife    = 15 * time.Minute
	challengeLife = 10 * time.Minute
)

// claims are what a token says. What a person may do is not in it: that is read
// anew, so that a change is felt at once.
type claims struct {
	jwt.RegisteredClaims
	Org     wa.OrgID     `json:"org"`
	User    wa.UserID    `json:"usr"`
	Session wa.SessionID `json:"sid,omitzero"`
	Proved  int64        `json:"auth_time,omitempty"` // when the person last proved who they are, Unix seconds
	Version int64        `json:"ver,omitempty"`       // of the person's sessions, for challenges
}

// signer makes and reads tokens.
type signer struct {
	kid  string            // of the key that signs
	keys map[string][]byte // by kid
	now  func() time.Time
}

// newSigner draws the keys from the peppers; the first signs.
func newSigner(pepper []byte, retired [][]byte, now func() time.Time) signer {
	s := signer{keys: map[string][]byte{}, now: now}
	for i, p := range append([][]byte{pepper}, retired...) {
		key := derive(p, "chasqui access tokens")
		name := sha256.Sum256(append([]byte("kid"), key...))
		kid := base64.RawURLEncoding.EncodeToString(name[:9])
		s.keys[kid] = key
		if i == 0 {
			s.kid = kid
		}
	}
	return s
}

// derive draws 32 bytes from a secret; they tell nothing of it, nor of those
// of other names.
func derive(secret []byte, name string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, name, 32)
	if err != nil { // only for lengths that no hash gives
		sum := sha256.Sum256(append([]byte(name+"|"), secret...))
		return sum[:]
	}
	return key
}

func (s signer) sign(k kind, c claims, life time.Duration) (wa.Secret, error) {
	now := s.now()
	c.RegisteredClaims = jwt.RegisteredClaims{
		Issuer: issuer, Audience: jwt.ClaimStrings{k.audience}, Subject: c.User.String(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(life)),
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	t.Header["kid"], t.Header["typ"] = s.kid, k.typ
	text, err := t.SignedString(s.keys[s.kid])
	return wa.NewSecret(text), err
}

// read gives what a token of one kind says, if it is ours and in time. Every
// other one gets the same answer.
func (s signer) read(k kind, text wa.Secret) (claims, error) {
	var c claims
	_, err := jwt.ParseWithClaims(text.Reveal(), &c, s.keyOf(k),
		jwt.WithValidMethods([]string{algorithm}), jwt.WithIssuer(issuer), jwt.WithAudience(k.audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(s.now), jwt.WithStrictDecoding())
	if err != nil || c.User.IsZero() || c.Org.IsZero() || c.Subject != c.User.String() {
		return claims{}, &wa.Error{Code: wa.Unauthorized, Reason: "token_invalid", Message: "this token opens nothing: it may have run out", Err: err}
	}
	return c, nil
}

func (s signer) keyOf(k kind) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		key, known := s.keys[kid]
		if typ, _ := t.Header["typ"].(string); !known || typ != k.typ {
			return nil, jwt.ErrTokenUnverifiable
		}
		return key, nil
	}
}

// looksLikeToken tells an access token from an API key, without judging it.
func looksLikeToken(text wa.Secret) bool {
	raw := text.Reveal()
	return strings.HasPrefix(raw, "eyJ") && strings.Count(raw, ".") == 2 && len(raw) < maxToken
}

// maxToken is longer than any token of ours.
const maxToken = 2048
