package wa

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is so many of something in a time, evenly spread, with as many at once
// after a quiet spell. The zero rate sets no bound.
type Rate struct {
	Count int
	Per   time.Duration
}

// mostOf bounds a rate's parts: what is beyond is a mistake.
const (
	mostCount = 1_000_000_000
	mostPer   = 24 * time.Hour
)

// IsZero reports whether nothing is bounded.
func (r Rate) IsZero() bool { return r.Count == 0 }

// String is "100/15m", or "off".
func (r Rate) String() string {
	if r.IsZero() {
		return "off"
	}
	per := r.Per.String()
	for _, tail := range []string{"m0s", "h0m"} { // "15m0s" is 15m
		if strings.HasSuffix(per, tail) {
			per = per[:len(per)-2]
		}
	}
	return strconv.Itoa(r.Count) + "/" + per
}

// MarshalText is String.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what String gives: "100/15m", "6000/1m" or "off".
func (r *Rate) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	if text == "off" {
		*r = Rate{}
		return nil
	}
	count, per, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(count)
	d, perErr := time.ParseDuration(per)
	if err != nil || perErr != nil || n < 1 || n > mostCount || d < time.Second || d > mostPer {
		return InvalidField("rate", "is %q: it must be like 100/15m, or off", fmt.Sprintf("%.40s", text))
	}
	*r = Rate{Count: n, Per: d}
	return nil
}

// Share is the n-th part of a rate, one at least.
func (r Rate) Share(n int) Rate {
	if r.IsZero() {
		return r
	}
	return Rate{Count: max(1, r.Count/n), Per: r.Per}
}
