package wa

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// APIKey is what we keep of a key: enough to recognise it, not to use it.
type APIKey struct {
	ID         KeyID        `json:"id"`
	OrgID      OrgID        `json:"-"`
	PublicID   string       `json:"public_id"`
	Hash       []byte       `json:"-"`
	Name       string       `json:"name"`
	Scopes     []Permission `json:"scopes" nullable:"false"`
	Networks   []string     `json:"networks" nullable:"false" doc:"Where it may be used from, as addresses and networks like 203.0.113.0/24; anywhere if empty"`
	Rate       int          `json:"rate,omitempty" doc:"Requests a minute at most; the usual limit if absent"`
	MadeBy     string       `json:"made_by,omitempty"`
	ExpiresAt  *time.Time   `json:"expires_at,omitempty"`
	RevokedAt  *time.Time   `json:"revoked_at,omitempty"`
	LastUsedAt *time.Time   `json:"last_used_at,omitempty" doc:"To the minute"`
	// OldUntil is how long the text from before a rotation opens too.
	OldUntil  *time.Time `json:"old_until,omitempty" doc:"The key's former text opens too until then"`
	CreatedAt time.Time  `json:"created_at"`
}

// Bounds of keys.
const (
	MaxKeys        = 1000 // of an org, the revoked ones not counted
	MaxKeyName     = 100  // characters
	MaxKeyNetworks = 50
	MaxKeyRate     = 60_000         // requests a minute
	KeyOverlap     = 24 * time.Hour // unless something else is asked for
	MaxKeyOverlap  = 30 * 24 * time.Hour
)

// Validate refuses what no key can be.
func (k APIKey) Validate(now time.Time) error {
	var errs []error
	if strings.TrimSpace(k.Name) == "" || utf8.RuneCountInString(k.Name) > MaxKeyName {
		errs = append(errs, InvalidField("name", "must have 1 to %d characters", MaxKeyName))
	}
	if len(k.Scopes) == 0 {
		errs = append(errs, InvalidField("scopes", "at least one is needed"))
	}
	for _, s := range k.Scopes {
		if !slices.Contains(Scopes(), s) {
			errs = append(errs, InvalidField("scopes", "%q is not a scope", s))
		}
	}
	if len(k.Networks) > MaxKeyNetworks {
		errs = append(errs, InvalidField("networks", "must be at most %d", MaxKeyNetworks))
	}
	if _, err := Networks(k.Networks); err != nil {
		errs = append(errs, err)
	}
	if k.Rate < 0 || k.Rate > MaxKeyRate {
		errs = append(errs, InvalidField("rate", "must be between 1 and %d", MaxKeyRate))
	}
	if k.ExpiresAt != nil && !k.ExpiresAt.After(now) {
		errs = append(errs, InvalidField("expires_at", "must lie ahead"))
	}
	return errors.Join(errs...)
}

// Networks reads addresses and networks; nil for none.
func Networks(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			var ip netip.Addr
			if ip, err = netip.ParseAddr(text); err == nil {
				n = netip.PrefixFrom(ip.WithZone(""), ip.BitLen())
			}
		}
		if err != nil || n.Addr().Is4In6() {
			return nil, InvalidField("networks", "%q is not an address or network like 203.0.113.7 or 2001:db8::/32", text)
		}
		all = append(all, n.Masked())
	}
	return all, nil
}

// A key reads sk_chq_<8 characters>_<43 characters>_<6 characters>: a public
// id to find it by, 256 random bits, and a checksum that catches typos and
// lets secret scanners be certain.
const (
	keyPrefix      = "sk_chq"
	operatorPrefix = "op_chq" // operators' keys, of the same form
	keyPublicLen   = 8
	keySecretLen   = 43
	base62         = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// KeyPattern finds keys in texts that they should not stand in, those of
// operators too. The checksum tells real ones.
const KeyPattern = `\b(?:sk|op)_chq_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\b`

// NewKeyText makes the text of a fresh key and its public id.
func NewKeyText() (text Secret, publicID string) { return newKeyText(keyPrefix) }

// NewOperatorText is NewKeyText for an operator's key.
func NewOperatorText() (text Secret, publicID string) { return newKeyText(operatorPrefix) }

func newKeyText(prefix string) (text Secret, publicID string) {
	publicID = randomBase62(keyPublicLen)
	body := prefix + "_" + publicID + "_" + randomBase62(keySecretLen)
	return NewSecret(body + "_" + keyChecksum(body)), publicID
}

// KeyPublicID checks the form and checksum of a key and gives its public id,
// without looking anything up.
func KeyPublicID(text Secret) (string, error) { return keyPublicID(keyPrefix, text) }

// OperatorPublicID is KeyPublicID for an operator's key.
func OperatorPublicID(text Secret) (string, error) { return keyPublicID(operatorPrefix, text) }

func keyPublicID(prefix string, text Secret) (string, error) {
	raw := text.Reveal()
	body, sum, ok := cutLast(raw, "_")
	parts := strings.Split(body, "_")
	if !ok || len(parts) != 4 || !strings.HasPrefix(raw, prefix+"_") ||
		len(parts[2]) != keyPublicLen || len(parts[3]) != keySecretLen || sum != keyChecksum(body) ||
		strings.Trim(parts[2]+parts[3], base62) != "" { // else anybody could have bytes looked up that Postgres refuses
		return "", Errorf(Unauthorized, "this is not a complete API key: it reads %s_…", prefix)
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
