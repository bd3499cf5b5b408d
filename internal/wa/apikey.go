package wa

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"strings"
	"time"
)

// APIKey is what we keep of a key: enough to recognise it, not to use it.
type APIKey struct {
	ID         KeyID        `json:"id"`
	OrgID      OrgID        `json:"-"`
	PublicID   string       `json:"public_id"`
	Hash       []byte       `json:"-"`
	Name       string       `json:"name"`
	Scopes     []Permission `json:"scopes"`
	ExpiresAt  *time.Time   `json:"expires_at,omitempty"`
	RevokedAt  *time.Time   `json:"revoked_at,omitempty"`
	LastUsedAt *time.Time   `json:"last_used_at,omitempty"`
	CreatedAt  time.Time    `json:"created_at"`
}

// A key reads sk_chq_<8 characters>_<43 characters>_<6 characters>: a public
// id to find it by, 256 random bits, and a checksum that catches typos and
// lets secret scanners be certain.
const (
	keyPrefix    = "sk_chq"
	keyPublicLen = 8
	keySecretLen = 43
	base62       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewKeyText makes the text of a fresh key and its public id.
func NewKeyText() (text Secret, publicID string) {
	publicID = randomBase62(keyPublicLen)
	body := keyPrefix + "_" + publicID + "_" + randomBase62(keySecretLen)
	return NewSecret(body + "_" + keyChecksum(body)), publicID
}

// KeyPublicID checks the form and checksum of a key and gives its public id,
// without looking anything up.
func KeyPublicID(text Secret) (string, error) {
	raw := text.Reveal()
	body, sum, ok := cutLast(raw, "_")
	parts := strings.Split(body, "_")
	if !ok || len(parts) != 4 || !strings.HasPrefix(raw, keyPrefix+"_") ||
		len(parts[2]) != keyPublicLen || len(parts[3]) != keySecretLen || sum != keyChecksum(body) ||
		strings.Trim(parts[2]+parts[3], base62) != "" { // else anybody could have bytes looked up that Postgres refuses
		return "", Errorf(Unauthorized, "this is not a complete API key: it reads %s_…", keyPrefix)
	}
	return parts[2], nil
}

// HashKey is what is stored of a key: an HMAC under the server's pepper. The
// key has 256 random bits, so a slow hash would add nothing but delay.
func HashKey(pepper []byte, text Secret) []byte {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(text.Reveal()))
	return mac.Sum(nil)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func keyChecksum(body string) string {
	n := crc32.ChecksumIEEE([]byte(body))
	out := make([]byte, 6)
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return string(out)
}

// randomBase62 draws n characters without bias.
func randomBase62(n int) string {
	out := make([]byte, 0, n)
	buf := make([]byte, 2*n)
	for len(out) < n {
		rand.Read(buf) // never fails: it ends the program when the system has no randomness
		for _, b := range buf {
			if int(b) < 248 && len(out) < n { // 248 = 4 × 62
				out = append(out, base62[b%62])
			}
		}
	}
	return string(out)
}
