package wa

import (
	"fmt"
	"log/slog"
	"strings"
)

const redacted = "***"

// Secret is text that never shows itself: not in logs, not in JSON, not with
// %v, not even as an unexported field of something printed. Reveal is the only
// way to read it, which makes every use easy to find. Two Secrets are never ==;
// compare what they reveal, in constant time.
type Secret struct {
	text *string // behind a pointer: fmt prints unexported fields without asking their methods
}

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// UnmarshalText reads a secret from configuration; a trailing newline, which
// secret files have, is not part of it.
func (s *Secret) UnmarshalText(b []byte) error {
	*s = NewSecret(strings.TrimRight(string(b), "\r\n"))
	return nil
}

// Reveal gives the text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String hides.
func (Secret) String() string { return redacted }

// Format hides from every verb of fmt.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText hides from JSON and every other encoder.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
