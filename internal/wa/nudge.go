package wa

import "time"

// Nudge wakes the line of a held client: why, and which lanes have work.
type Nudge struct {
	Source string  // "ring", "poll" or "change"
	Lanes  [3]bool // indexed by Lane
	Flying bool    // something is marked as in flight
	At     time.Time
}
