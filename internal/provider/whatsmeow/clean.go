package whatsmeow

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What strangers send is cut to size and made storable here.
const (
	maxWireID    = 128
	maxName      = 200
	maxMentions  = 1024
	maxReceipts  = 4096
	maxClockLead = 24 * time.Hour
)

// cleanBody keeps a text as it was written, apart from what cannot be stored:
// NUL, broken UTF-8, and more than max characters.
func cleanBody(s string, max int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "")
	return cut(s, max)
}

// cleanName is for names: control and direction characters go too, because a
// name stands in lists and logs next to other text that it must not disturb.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return cut(strings.TrimSpace(s), maxName)
}

func cut(s string, max int) string {
	if len(s) <= max || utf8.RuneCountInString(s) <= max {
		return s
	}
	n := 0
	for i := range s {
		if n == max {
			return s[:i]
		}
		n++
	}
	return s
}

// cleanID reports whether a wire id may be kept: short, printable ASCII.
func cleanID(id string) bool {
	if id == "" || len(id) > maxWireID {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

func cleanIDs(ids []string) []string {
	kept := make([]string, 0, len(ids))
	for _, id := range ids {
		if cleanID(id) && len(kept) < maxReceipts {
			kept = append(kept, id)
		}
	}
	return kept
}

// cleanTime refuses times that would sort a message before the network existed
// or far after now.
func cleanTime(t, now time.Time) time.Time {
	if t.Year() < 2009 || t.Sub(now) > maxClockLead {
		return now.UTC()
	}
	return t.UTC()
}
