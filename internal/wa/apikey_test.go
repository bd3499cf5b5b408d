package wa_test

import (
	"bytes"
	"hash/crc32"
	"os"
	"regexp"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

var keyShape = regexp.MustCompile(`^sk_chq_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$`)

func TestAKeyReadsBack(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		text, public := wa.NewKeyText()
		if !keyShape.MatchString(text.Reveal()) {
			t.Fatalf("a key of shape %q", regexp.MustCompile(`[0-9A-Za-z]`).ReplaceAllString(text.Reveal(), "x"))
		}
		got, err := wa.KeyPublicID(text)
		if err != nil || got != public {
			t.Fatalf("public id %q, %v, want %q", got, err, public)
		}
		seen[text.Reveal()] = true
	}
	if len(seen) != 200 {
		t.Error("keys repeat")
	}
}

// What docs/security.md gives to secret scanners finds our keys in any text, and
// nothing that is none of them.
func TestThePublishedPatternFindsKeys(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "For secret scanners")
	_, after, _ = strings.Cut(after, "```\n")
	published, _, ok := strings.Cut(after, "\n```")
	if !ok {
		t.Fatal("the page publishes no pattern")
	}
	pattern := regexp.MustCompile(published)
	ours, _ := wa.NewKeyText()
	operators, _ := wa.NewOperatorText()
	for _, key := range []string{ours.Reveal(), operators.Reveal()} {
		for _, text := range []string{key, "KEY=" + key + "\n", `{"api_key":"` + key + `"}`, "https://u:" + key + "@example.com"} {
			if pattern.FindString(text) != key {
				t.Errorf("a key is not found in a text of %d characters", len(text))
			}
		}
	}
	for _, none := range []string{ours.Reveal()[:50], "sk_live_" + ours.Reveal()[7:], ours.Reveal() + "x", "x" + ours.Reveal()} {
		if pattern.MatchString(none) {
			t.Error("something that is no key is found")
		}
	}
}

func TestATypoInAKeyIsSeen(t *testing.T) {
	t.Parallel()
	key, _ := wa.NewKeyText()
	text := key.Reveal()
	for i := range text {
		for _, c := range "0aZ_" {
			typo := text[:i] + string(c) + text[i+1:]
			if typo != text {
				refused(t, typo)
			}
		}
		refused(t, text[:i]+text[i+1:])
		if i > 0 && text[i] != text[i-1] {
			refused(t, text[:i-1]+text[i:i+1]+text[i-1:i]+text[i+1:])
		}
	}
	for _, other := range []string{"", "_", "sk_chq_", "sk_chq___", "Bearer " + text, text + " ", " " + text, text + text, strings.Repeat("_", 100)} {
		refused(t, other)
	}
}

func refused(t *testing.T, text string) {
	t.Helper()
	id, err := wa.KeyPublicID(wa.NewSecret(text))
	if wa.CodeOf(err) != wa.Unauthorized || id != "" {
		t.Errorf("%q was read: %q, %v", text, id, err)
	}
	if err != nil && strings.HasPrefix(text, "sk_chq_") && len(text) > 30 && strings.Contains(err.Error(), text[16:26]) {
		t.Errorf("the error shows the key: %v", err)
	}
}

// The checksum is no secret: anybody can make one for bytes of their choice.
func TestAKeyHoldsNothingButItsAlphabet(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xfeabcdef", "'; DROP ", "abc defg", "ábcdef", "%2e%2e%2"} {
		refused(t, forge("sk_chq_"+public+"_"+strings.Repeat("a", 43)))
	}
	good := forge("sk_chq_abcdefgh_" + strings.Repeat("a", 43))
	if id, err := wa.KeyPublicID(wa.NewSecret(good)); id != "abcdefgh" || err != nil {
		t.Errorf("the forgery itself is wrong: %q, %v", id, err)
	}
}

// forge adds the checksum that a key needs.
func forge(body string) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	n := crc32.ChecksumIEEE([]byte(body))
	sum := make([]byte, 6)
	for i := 5; i >= 0; i-- {
		sum[i], n = alphabet[n%62], n/62
	}
	return body + "_" + string(sum)
}

func TestAHashNeedsItsPepper(t *testing.T) {
	t.Parallel()
	a, _ := wa.NewKeyText()
	b, _ := wa.NewKeyText()
	hash := wa.HashKey([]byte("pepper"), a)
	if len(hash) != 32 || !bytes.Equal(hash, wa.HashKey([]byte("pepper"), a)) {
		t.Errorf("%d bytes, or not the same twice", len(hash))
	}
	if bytes.Equal(hash, wa.HashKey([]byte("salt"), a)) || bytes.Equal(hash, wa.HashKey([]byte("pepper"), b)) {
		t.Error("another pepper or key gives the same hash")
	}
}

func FuzzKeyPublicID(f *testing.F) {
	text, _ := wa.NewKeyText()
	f.Add(text.Reveal())
	f.Add(forge("sk_chq_\x00bcdefgh_" + strings.Repeat("a", 43)))
	f.Fuzz(func(t *testing.T, s string) {
		id, err := wa.KeyPublicID(wa.NewSecret(s))
		if err == nil && (!keyShape.MatchString(s) || id != s[7:15]) {
			t.Fatalf("%q was read as %q", s, id)
		}
		if err != nil && keyShape.MatchString(s) && forge(s[:59]) == s {
			t.Fatalf("%q was refused: %v", s, err)
		}
	})
}
