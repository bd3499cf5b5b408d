package guard

import (
	"time"

	"chasqui/internal/wa"
)

// normalsPerBulk is how many normal messages go for one bulk message while
// both wait.
const normalsPerBulk = 3

// Turns remembers whose turn it is between the normal and the bulk lane. The
// zero value is ready.
type Turns struct{ normals int }

// Took says that a message of the lane was taken to be sent.
func (t *Turns) Took(lane wa.Lane) {
	switch lane {
	case wa.Normal:
		t.normals = min(t.normals+1, normalsPerBulk)
	case wa.Bulk:
		t.normals = 0
	}
}

// Pick chooses the lane to serve among those where messages wait (indexed by
// wa.Lane) and when: at once if Decision.Why is wa.NoWait. Urgent goes first,
// normal and bulk share 3:1, and a lane that must wait holds up no other.
// Nothing is consumed: tell t.Took and p.Began when the message is taken. ok
// is false when nothing waits.
func (p *Pace) Pick(waiting [3]bool, t *Turns, now time.Time) (lane wa.Lane, d Decision, ok bool) {
	for _, l := range t.order() {
		if !waiting[l] {
			continue
		}
		if next := p.Next(l, now); !ok || next.At.Before(d.At) {
			lane, d, ok = l, next, true
		}
	}
	return lane, d, ok
}

// order lists the lanes in the order in which they would be served now.
func (t *Turns) order() [3]wa.Lane {
	if t.normals >= normalsPerBulk {
		return [3]wa.Lane{wa.Urgent, wa.Bulk, wa.Normal}
	}
	return [3]wa.Lane{wa.Urgent, wa.Normal, wa.Bulk}
}
