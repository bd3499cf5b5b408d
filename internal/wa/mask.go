package wa

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what is kept of a value, so that no caller can fill the audit log:
// characters of one text, entries of one list, levels, and bytes in all.
const (
	maxMaskedText  = 500
	maxMaskedList  = 200
	maxMaskedDepth = 8
	maxMaskedBytes = 16 << 10
)

// MaskJSON encodes a value for the audit log: secrets masked by their type
// (Secret does so itself), by the name of the field and by what they look like,
// phone numbers to their last four digits, long texts cut. nil stays nil. Keys
// are sorted, so that equal values encode alike.
func MaskJSON(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode for the audit log: %w", err)
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("encode for the audit log: %w", err)
	}
	out, err := json.Marshal(masked(tree, 0))
	if err != nil {
		return nil, fmt.Errorf("encode for the audit log: %w", err)
	}
	if len(out) > maxMaskedBytes {
		return json.Marshal(map[string]int{"left_out_bytes": len(out)})
	}
	return out, nil
}

func masked(v any, depth int) any {
	if depth > maxMaskedDepth {
		return "…"
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			out[plainText(name, maxMaskedText)] = maskedField(name, value, depth+1)
		}
		return out
	case []any:
		if len(v) > maxMaskedList {
			v = append(slices.Clone(v[:maxMaskedList]), fmt.Sprintf("… %d in all", len(v)))
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = masked(v[i], depth+1)
		}
		return out
	case string:
		return maskedText(v)
	}
	return v
}

func maskedField(name string, v any, depth int) any {
	switch what := fieldKind(name); {
	case v == nil || v == "" || v == false || v == true:
		return v // whether there is one is no secret
	case what == fieldSecret:
		return redacted
	case what == fieldHeaders:
		return headerNames(v)
	case what == fieldPhone:
		if s := fmt.Sprint(v); len(digitsOf(s)) >= 6 {
			return lastFour(s)
		}
	}
	return masked(v, depth)
}

// headerNames keeps the names of a customer's own headers; their values may be
// credentials.
func headerNames(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return redacted
	}
	out := map[string]any{}
	for name := range m {
		out[plainText(name, maxMaskedText)] = redacted
	}
	return out
}

type fieldClass int

const (
	fieldPlain fieldClass = iota
	fieldSecret
	fieldHeaders
	fieldPhone
)

// secretNames are parts of the names of fields that hold secrets, and
// secretWords whole words in them.
var (
	secretNames = []string{
		"secret", "password", "passwd", "token", "sealed", "pepper", "cookie", "authorization", "credential", "recovery_code", "api_key", "apikey",
		"session_key", "signature", "passkey", "cipher",
	}
	secretWords = []string{"hash", "seed", "otp", "qr", "nonce", "salt", "pin", "code", "codes", "digest", "private"}
)

// phoneNames are the names of fields that hold numbers of people.
var phoneNames = []string{"phone", "lid", "jid", "to", "from", "recipient", "sender", "number"}

// secretSwitches are fields whose names sound secret and whose values are not.
var secretSwitches = []string{"secret_id", "token_id", "code_id"}

func fieldKind(name string) fieldClass {
	name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	switch {
	case slices.Contains(secretSwitches, name):
		return fieldPlain
	case name == "headers":
		return fieldHeaders
	case slices.ContainsFunc(secretNames, func(part string) bool { return strings.Contains(name, part) }),
		slices.ContainsFunc(strings.Split(name, "_"), func(word string) bool { return slices.Contains(secretWords, word) }):
		return fieldSecret
	case slices.Contains(phoneNames, name):
		return fieldPhone
	}
	return fieldPlain
}

// secretLooks are texts that are secrets wherever they stand: our keys, webhook
// secrets, JWTs, TOTP addresses, private keys, credentials of a header.
var secretLooks = regexp.MustCompile(`(?i)(?:s[kr]|op)_chq_[0-9a-z_]+|whsec_[0-9a-z+/=_-]+|eyJ[0-9a-z_-]{8,}\.[0-9a-z_-]+\.[0-9a-z_-]*|` +
	`otpauth://\S+|-----BEGIN[^-]*PRIVATE KEY-----[\s\S]*|\b(?:bearer|basic)\s+[0-9a-z+/=._~-]{8,}`)

// phoneLooks are numbers in E.164 form and WhatsApp's addresses of people.
var phoneLooks = regexp.MustCompile(`\+[1-9][0-9]{6,14}\b|\b[0-9]{6,20}(?::[0-9]+)?@(?:s\.whatsapp\.net|lid|c\.us)\b`)

func maskedText(s string) string {
	s = secretLooks.ReplaceAllString(s, redacted)
	s = phoneLooks.ReplaceAllStringFunc(s, lastFour)
	return plainText(maskedURL(s), maxMaskedText)
}

// maskedURL hides the password and the values of the query of an address.
func maskedURL(s string) string {
	if !strings.Contains(s, "://") || strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.User == nil && u.RawQuery == "" && u.Fragment == "") {
		return s
	}
	out := u.Scheme + "://"
	if u.User != nil {
		out += redacted + "@"
	}
	out += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		out += "?" + redacted
	}
	return out
}

// lastFour shows of a number its last four digits.
func lastFour(s string) string {
	name, _, _ := strings.Cut(s, "@")
	name, _, _ = strings.Cut(name, ":")
	digits := digitsOf(name)
	if len(digits) < 6 {
		return redacted
	}
	return redacted + digits[len(digits)-4:]
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
