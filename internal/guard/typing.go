package guard

import (
	"math/rand/v2"
	"time"
	"unicode/utf8"
)

// The bounds of the typing indicator. The most is below WhatsApp's own limit
// (an indicator fades after 25 s) and short enough not to hold up a queue.
const (
	typingSlowest = 100 * time.Millisecond // per character
	typingFastest = 60 * time.Millisecond
	TypingLeast   = 400 * time.Millisecond
	TypingMost    = 6 * time.Second
)

// TypingTime is how long "typing…" shows before a text: 60–100 ms for each
// character, between TypingLeast and TypingMost. The same seed gives the same
// time. It is a courtesy to the reader, not a disguise.
func TypingTime(text string, seed uint64) time.Duration {
	r := rand.New(rand.NewPCG(seed, 0x7479706e67))
	pace := typingFastest + time.Duration(r.Int64N(int64(typingSlowest-typingFastest)+1))
	// Beyond this many characters the answer is the upper bound anyway.
	characters := min(utf8.RuneCountInString(text), int(TypingMost/typingFastest)+1)
	return min(max(time.Duration(characters)*pace, TypingLeast), TypingMost)
}
