package guard

import (
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// History is what React must know of a number's past. It is a value: the owner
// keeps one for each number it holds, starting from the zero value, and sets
// LeaseHeld freshly before each React.
type History struct {
	LeaseHeld bool            // the number is still ours, as far as the database says
	Unpaired  wa.ClientStatus // the status that a failed pairing falls back to; "" is new

	refusals        int         // in a row
	streamErrors    []time.Time // recent unknown ends of the line
	replaced        []time.Time // recent replacements
	restrictedUntil time.Time
}

// After is the history with s in it. h is left as it was.
func (h History) After(s provider.StateChanged, now time.Time) History {
	switch s.Signal {
	case provider.Connected:
		h.refusals = 0
	case provider.Refused:
		h.refusals++
	case provider.StreamError:
		h.streamErrors = append(since(h.streamErrors, now.Add(-streamErrorSpan)), now)
	case provider.Replaced:
		h.replaced = append(since(h.replaced, now.Add(-replacedMemory)), now)
	case provider.Restricted:
		h.restrictedUntil = endOf(s, now)
	case provider.RestrictionLifted:
		h.restrictedUntil = time.Time{}
	}
	return h
}

// RestrictUntil notes a restriction known from elsewhere: from the database
// after a change of owner, or from a failed send. Zero lifts it.
func (h History) RestrictUntil(t time.Time) History {
	h.restrictedUntil = t
	return h
}

// since copies the times that are after start.
func since(times []time.Time, start time.Time) []time.Time {
	kept := make([]time.Time, 0, len(times)+1)
	for _, t := range times {
		if t.After(start) {
			kept = append(kept, t)
		}
	}
	return kept
}

// endOf is when what s tells ends: as WhatsApp says, or a day from now when it
// says nothing usable.
func endOf(s provider.StateChanged, now time.Time) time.Time {
	if s.Until.After(now) {
		return s.Until
	}
	return now.Add(unknownEnd)
}
