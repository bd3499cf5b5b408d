package guard_test

import (
	"strings"
	"testing"
	"time"

	"chasqui/internal/guard"
)

func TestTypingTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text        string
		least, most time.Duration
	}{
		{"", guard.TypingLeast, guard.TypingLeast},
		{"hi", guard.TypingLeast, guard.TypingLeast},
		{"0123456789", 600 * time.Millisecond, time.Second},
		{"ñandúñandú", 600 * time.Millisecond, time.Second}, // characters, not bytes
		{strings.Repeat("x", 60), 3600 * time.Millisecond, 6 * time.Second},
		{strings.Repeat("x", 100), 6 * time.Second, 6 * time.Second},
		{strings.Repeat("x", 65536), guard.TypingMost, guard.TypingMost},
	} {
		different := map[time.Duration]bool{}
		for seed := range uint64(200) {
			d := guard.TypingTime(c.text, seed)
			if d < c.least || d > c.most {
				t.Fatalf("%.12q with seed %d: %v, want %v to %v", c.text, seed, d, c.least, c.most)
			}
			if again := guard.TypingTime(c.text, seed); again != d {
				t.Fatalf("%.12q with seed %d: %v, then %v", c.text, seed, d, again)
			}
			different[d] = true
		}
		if c.least < c.most && len(different) < 50 {
			t.Errorf("%.12q: only %d different times", c.text, len(different))
		}
	}
}
