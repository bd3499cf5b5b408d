package webhook

import (
	"encoding/json"
	"time"
)

// When the circuit of an endpoint opens, and for how long.
const (
	tripWindow   = 5 * time.Minute
	tripAttempts = 10
	tripShare    = 0.7
	openFor      = 30 * time.Second
	bucketOf     = 30 * time.Second
)

// breaker judges an endpoint by the attempts of the last five minutes. Closed
// lets everything through, open nothing, half-open one request at a time.
type breaker struct {
	Buckets   []bucket
	openUntil time.Time // zero: closed
	trips     int
}

// bucket counts half a minute.
type bucket struct {
	At   int64 `json:"t"` // unix seconds of its start
	Good int   `json:"g"`
	Bad  int   `json:"b"`
}

// state is closed, open or half-open.
type circuit int

const (
	closed circuit = iota
	open
	halfOpen
)

func (b *breaker) state(now time.Time) circuit {
	switch {
	case b.openUntil.IsZero():
		return closed
	case now.Before(b.openUntil):
		return open
	}
	return halfOpen
}

// note takes in an outcome and reports whether the circuit's state changed.
func (b *breaker) note(ok bool, now time.Time) bool {
	if b.state(now) != closed {
		if ok {
			*b = breaker{}
			return true
		}
		b.openUntil = now.Add(openFor)
		b.trips++
		return true
	}
	b.count(ok, now)
	good, bad := b.sum(now)
	if total := good + bad; total < tripAttempts || float64(bad) < tripShare*float64(total) {
		return false
	}
	b.openUntil, b.Buckets = now.Add(openFor), nil
	b.trips++
	return true
}

func (b *breaker) count(ok bool, now time.Time) {
	at := now.Truncate(bucketOf).Unix()
	n := len(b.Buckets)
	if n == 0 || b.Buckets[n-1].At != at {
		b.Buckets = append(b.Buckets, bucket{At: at})
		n++
	}
	if ok {
		b.Buckets[n-1].Good++
		return
	}
	b.Buckets[n-1].Bad++
}

// sum counts the window and forgets what is older.
func (b *breaker) sum(now time.Time) (good, bad int) {
	oldest := now.Add(-tripWindow).Unix()
	for len(b.Buckets) > 0 && b.Buckets[0].At < oldest {
		b.Buckets = b.Buckets[1:]
	}
	for _, c := range b.Buckets {
		good += c.Good
		bad += c.Bad
	}
	return good, bad
}

// remember and recall carry the window from one holder of a line to the next.
func (b *breaker) remember() json.RawMessage {
	if len(b.Buckets) == 0 {
		return nil
	}
	raw, err := json.Marshal(b.Buckets)
	if err != nil { // numbers can always be encoded
		return nil
	}
	return raw
}

func (b *breaker) recall(raw json.RawMessage) {
	if json.Unmarshal(raw, &b.Buckets) != nil {
		b.Buckets = nil // the next ten attempts tell as much
	}
}
