package guard

import "time"

// ProbeEvery is how often one number may try while the fleet stands still.
const ProbeEvery = 15 * time.Minute

// Breaker stops the reconnects of every number when WhatsApp refuses this
// version of the library: knocking with all of them would only look like an
// attack. One number probes now and then. The zero value is closed (everybody
// may go); it is not safe for concurrent use.
type Breaker struct {
	open  bool
	probe time.Time // the next probe
}

// Trip stops the fleet. Tripping again, as a failed probe does, changes
// nothing.
func (b *Breaker) Trip(now time.Time) {
	if !b.open {
		b.open, b.probe = true, now.Add(ProbeEvery)
	}
}

// Reset lets the fleet go: a number got through, or the operator says so.
func (b *Breaker) Reset() { *b = Breaker{} }

// Open reports whether the fleet stands still.
func (b *Breaker) Open() bool { return b.open }

// Allow reports whether a number may connect now, and else when to ask again.
// While the fleet stands still it says yes once every ProbeEvery.
func (b *Breaker) Allow(now time.Time) (ok bool, again time.Time) {
	if !b.open {
		return true, now
	}
	if now.Before(b.probe) {
		return false, b.probe
	}
	b.probe = now.Add(ProbeEvery)
	return true, now
}
