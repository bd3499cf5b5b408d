package wa

import "slices"

// Status is where a message stands. The words are the API's.
type Status string

// Every status a message can have.
const (
	Scheduled Status = "scheduled"  // accepted, not due yet
	Queued    Status = "queued"     // due, waiting for its turn
	Sending   Status = "sending"    // claimed by the number's owner; outcome not known yet
	RetryWait Status = "retry_wait" // a passing failure; tried again at not_before
	Sent      Status = "sent"       // WhatsApp's server took it
	Delivered Status = "delivered"  // the recipient's phone has it
	Read      Status = "read"       // the recipient opened it
	Played    Status = "played"     // the recipient played it
	Failed    Status = "failed"     // given up; the error says why
	Cancelled Status = "cancelled"  // withdrawn before it left
	Expired   Status = "expired"    // its time ran out before it left
	Received  Status = "received"   // inbound: it came to us
)

// Statuses lists every status of an outbound message in the order of a life.
func Statuses() []Status {
	return []Status{Scheduled, Queued, Sending, RetryWait, Sent, Delivered, Read, Played, Failed, Cancelled, Expired}
}

// Signal is something that happens to an outbound message.
type Signal string

// Every signal.
const (
	Due     Signal = "due"     // its time has come
	Claim   Signal = "claim"   // the owner takes it to send
	Accept  Signal = "accept"  // WhatsApp's server confirmed it
	Deliver Signal = "deliver" // delivery receipt
	See     Signal = "see"     // read receipt
	Play    Signal = "play"    // played receipt
	Requeue Signal = "requeue" // nothing left the machine: back in line
	Delay   Signal = "delay"   // passing failure: later
	Reject  Signal = "reject"  // lasting failure
	Cancel  Signal = "cancel"  // the caller withdrew it
	Expire  Signal = "expire"  // its time ran out
	Redrive Signal = "redrive" // a person asks to try a failed one again
)

// Move is one row of the machine: where a signal leads, and from where it may.
type Move struct {
	To   Status
	From []Status
}

// Moves is the whole life of an outbound message. Late and repeated receipts
// find no row to move, which is what we want. Accept and the receipts may lift
// a message that still looks queued: a database that lost its last commits has
// forgotten the claim, not the sending. Receipts lift a failed one only when it
// failed for want of an answer; the store adds that condition.
var moves = map[Signal]Move{
	Due:     {Queued, []Status{Scheduled, RetryWait}},
	Claim:   {Sending, []Status{Queued}},
	Accept:  {Sent, []Status{Queued, Sending}},
	Deliver: {Delivered, []Status{Queued, Sending, RetryWait, Sent, Failed}},
	See:     {Read, []Status{Queued, Sending, RetryWait, Sent, Delivered, Failed}},
	Play:    {Played, []Status{Queued, Sending, RetryWait, Sent, Delivered, Read, Failed}},
	Requeue: {Queued, []Status{Sending}},
	Delay:   {RetryWait, []Status{Sending}},
	Reject:  {Failed, []Status{Queued, Sending}},
	Cancel:  {Cancelled, []Status{Scheduled, Queued, RetryWait}},
	Expire:  {Expired, []Status{Scheduled, Queued, RetryWait}},
	Redrive: {Queued, []Status{Failed}},
}

// Signals lists every signal in the order of a life.
func Signals() []Signal {
	return []Signal{Due, Claim, Accept, Deliver, See, Play, Requeue, Delay, Reject, Cancel, Expire, Redrive}
}

// Move tells where the signal leads and from where it may be followed.
func (s Signal) Move() Move { return moves[s] }

// Next is the status after sig, and whether sig may be followed from s.
func (s Status) Next(sig Signal) (Status, bool) {
	m, ok := moves[sig]
	if !ok || !slices.Contains(m.From, s) {
		return s, false
	}
	return m.To, true
}

// Final reports whether nothing but a receipt or a person moves the message on.
func (s Status) Final() bool {
	switch s {
	case Scheduled, Queued, Sending, RetryWait:
		return false
	}
	return true
}

// Left reports whether the message has certainly reached WhatsApp.
func (s Status) Left() bool {
	switch s {
	case Sent, Delivered, Read, Played:
		return true
	}
	return false
}
