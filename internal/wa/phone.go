package wa

import (
	"log/slog"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// Phone is a number in E.164 form, "+5511987654321". In logs only its last
// four digits show.
type Phone string

// ParsePhone reads a number as people write it. Without a leading "+" it must
// carry its country code, as WhatsApp shows numbers. "Possible" is enough: the
// metadata of numbering plans lags behind the world, and WhatsApp decides.
func ParsePhone(s string) (Phone, error) {
	trimmed := strings.TrimFunc(s, unseen)
	if len(trimmed) > 40 {
		return "", recipientInvalid("is too long for a phone number")
	}
	if strings.ContainsFunc(trimmed, neverDialled) {
		return "", recipientInvalid("is not a phone number: it holds letters or signs that no number has")
	}
	if !strings.HasPrefix(trimmed, "+") {
		trimmed = "+" + strings.TrimPrefix(trimmed, "00")
	}
	n, err := phonenumbers.Parse(trimmed, "ZZ")
	if err != nil {
		return "", recipientInvalid("is not a phone number with country code, such as +5511987654321")
	}
	if phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE { // "local only" lacks its area code
		return "", recipientInvalid("cannot be a phone number: too short or too long for its country")
	}
	return Phone(phonenumbers.Format(n, phonenumbers.E164)), nil
}

// unseen tells blanks and the marks of writing direction that come along when
// a number is copied from a phone's contacts.
func unseen(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// neverDialled tells what phonenumbers would read as an extension, a vanity
// word or a parameter, and drop or translate. A number must mean what it says.
func neverDialled(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsControl(r) || strings.ContainsRune(":;=@#*,&?%_", r)
}

func recipientInvalid(message string) *Error {
	return &Error{Code: Invalid, Reason: string(FailRecipientInvalid), Field: "to", Message: message}
}

// Digits is the number without "+", as WhatsApp addresses people.
func (p Phone) Digits() string { return strings.TrimPrefix(string(p), "+") }

// Masked hides all but the last four digits.
func (p Phone) Masked() string {
	if len(p) <= 4 {
		return "…"
	}
	return "…" + string(p[len(p)-4:])
}

// LogValue masks the number.
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.Masked()) }
