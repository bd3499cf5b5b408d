// Package provider is the seam between chasqui and a WhatsApp network: what a
// network must be able to do, what it tells us, and what its failures mean.
// There are only contracts here; each network lives in a folder below, and
// what to do about an update is decided by the verbs that take it.
package provider

import (
	"context"
	"time"

	"chasqui/internal/wa"
)

// Provider is one way to reach WhatsApp.
type Provider interface {
	// Open prepares a number's session and touches no network. The session
	// reports to sink until it is closed.
	Open(ctx context.Context, n Number, sink Sink) (Session, error)
	// Supports reports whether content of a kind can be sent at all.
	Supports(kind string) bool
}

// Number is what a session needs to know of its client.
type Number struct {
	Client wa.ClientID
	Org    wa.OrgID
	Epoch  int64  // in which the caller owns the client: keys are stored for no other
	JID    string // the device's address, as Paired gave it; "" before pairing
	Device wa.Device
}

// Session is one number's line. All methods may be called from several
// goroutines. After Close nothing more reaches the sink.
type Session interface {
	// Connect starts one attempt to get online and returns when the attempt
	// was made or could not be (dial error). Being online is told by
	// StateChanged{Signal: Connected}. The session never reconnects by
	// itself: whoever called Connect decides when to call again. The one
	// exception is the restart that is part of pairing.
	Connect(ctx context.Context) error
	// Disconnect hangs up and keeps the session for another Connect.
	Disconnect()
	// Send hands one message to the network and waits for its server's
	// answer, at most until ctx ends. Every error is a *Failure.
	Send(ctx context.Context, m Outgoing) (Ack, error)
	// Close hangs up for good.
	Close()
}

// Outgoing is a message ready to leave.
type Outgoing struct {
	ID       wa.MessageID
	WireID   string // the id that the network sees: the same on every attempt
	To       Peer
	Content  wa.Content
	Quoted   *Quoted
	Mentions []wa.Phone
}

// Peer is who is at the other end. For a person either field may be empty; a
// group has only Group.
type Peer struct {
	Phone wa.Phone
	LID   string // digits without server
	Group string // group id without server
}

// Quoted is the message that another one answers.
type Quoted struct {
	WireID string
	From   Peer // who wrote it; zero when we did
	FromMe bool
	Text   string
}

// Ack is the network's word that it took a message.
type Ack struct {
	At time.Time
	// Payload is what was sent, in the provider's own encoding, so that a
	// recipient who could not read it can be sent the same again after a
	// restart (see Sink.Recall). It may be nil.
	Payload []byte
}

// Sink takes what a session has to tell. A nil return means that the update is
// durable and may be acknowledged to the network; an error means "tell me
// again later".
type Sink interface {
	Take(ctx context.Context, u Update) error
	// Recall gives the payload of a message sent before, or nil.
	Recall(ctx context.Context, wireID string) ([]byte, error)
}

// The abilities below are optional: a session has one or it has not, and a
// missing one is a typed "unsupported" in the API.

// Pairer links a number with a phone. Codes come as PairingCode updates, the
// end as Paired or as StateChanged{PairFailed}.
type Pairer interface {
	// Pair starts a fresh attempt (and drops one under way). For the code
	// method phone is the number to link.
	Pair(ctx context.Context, method wa.PairMethod, phone wa.Phone) error
	// AnswerPasskey passes on the response of a person's passkey (JSON, as a
	// browser's navigator.credentials.get gives it). An error means that it
	// could not be passed on; a refusal by the network is told as PairFailed.
	AnswerPasskey(ctx context.Context, response []byte) error
	// ConfirmPasskey finishes after the person has compared the codes. Errors
	// are as for AnswerPasskey.
	ConfirmPasskey(ctx context.Context) error
}

// LogOuter unlinks the number from its phone and forgets its keys.
type LogOuter interface {
	LogOut(ctx context.Context) error
}

// Reader tells a person that their messages were read, if the phone's owner has
// not forbidden that in the settings of the phone. The ids are of messages that
// this person wrote in their own conversation with the number. A nil return is
// the network's word that it took it; to tell the same again does no harm. An
// error is a *Failure: NotSent when nothing left the machine, Ambiguous when no
// answer came, Lasting when it never will.
type Reader interface {
	MarkRead(ctx context.Context, by Peer, wireIDs []string, at time.Time) error
}

// Typist shows or hides "typing…" to the other end. It is a courtesy: errors
// mean nothing for the message.
type Typist interface {
	Typing(ctx context.Context, to Peer, on bool) error
}
