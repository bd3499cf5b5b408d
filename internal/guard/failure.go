package guard

import (
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// Outcome is what becomes of a message, and of its number, after one try.
type Outcome struct {
	// Signal moves the message; "" leaves it in sending, its outcome unknown.
	Signal wa.Signal
	// NotBefore is the earliest next try, for wa.Delay, and for a message left
	// in sending, which is then sent again under the same wire id unless a
	// receipt came first. Zero means at once.
	NotBefore time.Time
	// CoolDown stops the whole number for so long; 0 does not.
	CoolDown time.Duration
	// RestrictNewContacts holds messages of this number to people who never
	// wrote to it, until RestrictUntil.
	RestrictNewContacts bool
	RestrictUntil       time.Time
	// Failure is what the customer sees; nil unless Signal is wa.Reject.
	Failure *wa.Failure
}

// Tries is what is known of a message's tries, the present one included.
type Tries struct {
	// Attempt counts the tries that reached WhatsApp or may have, from 1.
	// Returns to the queue because the line was down do not count.
	Attempt int
	// First is when the message was first taken to be sent.
	First time.Time
	// Blocked counts how often in a row WhatsApp told the number to slow
	// down, this time included.
	Blocked int
}

// Bounds of trying again.
const (
	maxPassing     = 5
	maxOnce        = 2
	maxAmbiguous   = 3
	ambiguousSpan  = 6 * time.Hour
	resolveAfter   = 10 * time.Second // time for a receipt among what waited at the server
	coolDownFirst  = time.Minute
	coolDownMost   = 15 * time.Minute
	newContactHold = 24 * time.Hour
)

// passingDelays are the pauses after the first, second, … passing failure.
var passingDelays = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// Settle decides what a failed send means; a nil failure is a send that
// WhatsApp took.
func Settle(f *provider.Failure, t Tries, now time.Time) Outcome {
	if f == nil {
		return Outcome{Signal: wa.Accept}
	}
	if f.Code == wa.FailNewContact {
		return settleNewContact(f, now)
	}
	switch f.Class {
	case provider.NotSent:
		return Outcome{Signal: wa.Requeue}
	case provider.Passing:
		return settlePassing(f, t, now)
	case provider.Lasting:
		return reject(f, f.Code, "")
	case provider.Blocked:
		return Outcome{Signal: wa.Requeue, CoolDown: coolDown(f.After, t.Blocked)}
	}
	return settleAmbiguous(f, t, now) // and a class that is not known: nothing else neither loses nor doubles
}

func settlePassing(f *provider.Failure, t Tries, now time.Time) Outcome {
	most := maxPassing
	if f.Code == wa.FailSessionInvalid || f.Code == wa.FailPrivacyToken {
		most = maxOnce // more tries make WhatsApp lock the contact
	}
	if t.Attempt >= most {
		return reject(f, f.Code, "It was tried several times.")
	}
	wait := f.After
	if wait <= 0 {
		wait = passingDelays[min(max(t.Attempt, 1), len(passingDelays))-1]
	}
	return Outcome{Signal: wa.Delay, NotBefore: now.Add(wait)}
}

func settleAmbiguous(f *provider.Failure, t Tries, now time.Time) Outcome {
	if t.Attempt >= maxAmbiguous || now.Sub(t.First) >= ambiguousSpan {
		return reject(f, wa.FailUnconfirmed, "")
	}
	return Outcome{NotBefore: now.Add(max(f.After, resolveAfter))}
}

// settleNewContact holds what would start new chats. The number itself goes
// on: replies are allowed.
func settleNewContact(f *provider.Failure, now time.Time) Outcome {
	hold := f.After
	if hold <= 0 {
		hold = newContactHold
	}
	until := now.Add(hold)
	out := Outcome{Signal: wa.Delay, NotBefore: until}
	if f.Class == provider.Lasting {
		out = reject(f, f.Code, "")
	}
	out.RestrictNewContacts, out.RestrictUntil = true, until
	return out
}

// coolDown doubles from a minute to fifteen, unless WhatsApp asks for longer.
func coolDown(asked time.Duration, blocked int) time.Duration {
	d := min(coolDownFirst<<min(max(blocked, 1)-1, 8), coolDownMost)
	return max(asked, d)
}

func reject(f *provider.Failure, code wa.FailCode, detail string) Outcome {
	var said *wa.ProviderError
	if f.Provider != (wa.ProviderError{}) {
		p := f.Provider
		said = &p
	}
	if code == "" {
		code = wa.FailProviderRejected
	}
	failure := wa.NewFailure(code, detail, said)
	return Outcome{Signal: wa.Reject, Failure: &failure}
}
