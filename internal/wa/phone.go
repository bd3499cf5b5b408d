package wa

import (
	"log/slog"
	"regexp"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

const maxE164 = 16 // "+" and the 15 digits that E.164 allows; some plans claim more

// Phone is a number in E.164 form, "+5511987654321". In logs only its last
// four digits show.
type Phone string

// ParsePhone reads a number as people write it. Without a leading "+" it must
// carry its country code, as WhatsApp shows numbers. "Possible" is enough: the
// metadata of numbering plans lags behind the world, and WhatsApp decides.
func ParsePhone(s string) (Phone, error) {
	trimmed := strings.TrimFunc(s, unseen)
	if len(trimmed) > 80 {
		return "", recipientInvalid("is too long for a phone number")
	}
	if strings.ContainsFunc(trimmed, neverDialled) {
		return "", recipientInvalid("is not a phone number: it holds letters or signs that no number has")
	}
	if !strings.HasPrefix(trimmed, "+") {
		trimmed = "+" + strings.TrimPrefix(trimmed, "00")
	}
	p, ok := normalise(trimmed)
	if !ok {
		return "", recipientInvalid("is not a phone number with country code, such as +5511987654321")
	}
	return p, nil
}

// normalise gives the E.164 form, without the trunk digits that people write
// after the country code. What still changes when read again had no number
// behind its trunk digits.
func normalise(s string) (Phone, bool) {
	e164, ok := possible(s)
	if !ok {
		return "", false
	}
	if e164 != s {
		again, ok := possible(e164)
		if !ok || again != e164 {
			return "", false
		}
	}
	return Phone(e164), len(e164) <= maxE164
}

func possible(s string) (e164 string, ok bool) {
	n, err := phonenumbers.Parse(s, "ZZ")
	if err != nil {
		return "", false
	}
	e164 = phonenumbers.Format(n, phonenumbers.E164)
	// "Local only" is not possible: it lacks its area code.
	return e164, phonenumbers.IsPossibleNumberWithReason(n) == phonenumbers.IS_POSSIBLE || mexicanMobile.MatchString(e164)
}

// mexicanMobile is how WhatsApp still addresses Mexican mobiles, though the
// numbering plan dropped the 1 in 2019.
var mexicanMobile = regexp.MustCompile(`^\+521[0-9]{10}$`)

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
