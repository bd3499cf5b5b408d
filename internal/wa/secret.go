package wa

import (
	"log/slog"
	"strings"
)

const redacted = "***"

// Secret is text that never shows itself: not in logs, not in JSON, not with
// %v. Reveal is the only way to read it, which makes every use easy to find.
type Secret struct{ text string }

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{text: text} }

// UnmarshalText reads a secret from configuration; a trailing newline, which
// secret files have, is not part of it.
func (s *Secret) UnmarshalText(b []byte) error {
	s.text = strings.TrimRight(string(b), "\r\n")
	return nil
}

// Reveal gives the text itself.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == "" }

// String hides.
func (Secret) String() string { return redacted }

// GoString hides from %#v.
func (Secret) GoString() string { return redacted }

// MarshalText hides from JSON and every other encoder.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
