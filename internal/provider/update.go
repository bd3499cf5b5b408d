package provider

import (
	"time"

	"chasqui/internal/wa"
)

// Update is something a session tells. The set is closed.
type Update interface{ update() }

// Received is an inbound message, or a copy of one that the client's own phone
// sent (FromMe).
type Received struct {
	WireID   string
	From     Peer // the person who wrote; for FromMe the other end
	Group    string
	FromMe   bool
	PushName string
	At       time.Time
	Content  wa.Content // nil when the type is not read yet
	Type     string     // wa.KindText, …, or wa.KindUnknown
	QuotedID string     // wire id of the message it answers
	Mentions []wa.Phone
	// Offline marks messages that waited at the server while we were away.
	Offline bool
}

// Undecryptable is a message that came but cannot be read yet; the sender was
// asked to send it again.
type Undecryptable struct {
	WireID string
	From   Peer
	Group  string
	At     time.Time
}

// ReceiptKind is how far a message got.
type ReceiptKind string

// The kinds of receipts that move a message.
const (
	ReceiptDelivered ReceiptKind = "delivered"
	ReceiptRead      ReceiptKind = "read"
	ReceiptPlayed    ReceiptKind = "played"
	// ReceiptServerError says that the other end could not take the message.
	ReceiptServerError ReceiptKind = "server_error"
)

// Receipt tells how far messages of ours got.
type Receipt struct {
	WireIDs []string
	Kind    ReceiptKind
	From    Peer
	Group   string
	At      time.Time
}

// PairingCode is a code for the phone: the text of a QR, or eight characters.
type PairingCode struct {
	Method    wa.PairMethod
	Code      string
	ExpiresAt time.Time
}

// PasskeyWanted says that the phone's owner must confirm with a passkey.
// Request is the WebAuthn request as JSON; Confirm is set in the second step,
// when a code is to be compared. At ExpiresAt the attempt has failed.
type PasskeyWanted struct {
	Request   []byte
	Confirm   string
	ExpiresAt time.Time
}

// Paired says that a phone was linked. Being online follows by itself.
type Paired struct {
	JID      string
	Phone    wa.Phone
	LID      string
	Platform string
	Name     string // business name, if any
}

// CaughtUp says that everything that waited at the server has been told.
type CaughtUp struct{ Count int }

// ContactSeen tells what became known of a person. Empty fields are unknown.
type ContactSeen struct {
	Peer     Peer
	PushName string
	Name     string // the name in the phone's address book
}

// IdentityChanged says that a person uses a new phone.
type IdentityChanged struct{ Peer Peer }

// OwnName is the client's own push name.
type OwnName struct{ Name string }

// StateChanged tells that something happened to the line or the number.
type StateChanged struct {
	Signal Signal
	Code   string // the network's own code
	Reason string // in words, for people
	Until  time.Time
	Count  int // for KeepAliveLost: how many in a row
}

func (Received) update()        {}
func (Undecryptable) update()   {}
func (Receipt) update()         {}
func (PairingCode) update()     {}
func (PasskeyWanted) update()   {}
func (Paired) update()          {}
func (CaughtUp) update()        {}
func (ContactSeen) update()     {}
func (IdentityChanged) update() {}
func (OwnName) update()         {}
func (StateChanged) update()    {}

// Signal is what happened to a line. What follows from each is one table,
// behind guard.React.
type Signal string

// Every signal.
const (
	Connected         Signal = "connected"
	Disconnected      Signal = "disconnected"       // the line broke
	KeepAliveLost     Signal = "keepalive_lost"     // pings go unanswered; Count in a row
	KeepAliveRestored Signal = "keepalive_restored" //
	ServerBusy        Signal = "server_busy"        // 500/503
	StreamError       Signal = "stream_error"       // an unknown error ended the line
	Replaced          Signal = "replaced"           // the same keys connected elsewhere
	LoggedOut         Signal = "logged_out"         // 401: unlinked on the phone
	Locked            Signal = "locked"             // 403: the phone itself is logged out
	Banned            Signal = "banned"             // 406
	TempBanned        Signal = "temp_banned"        // 402; Until says when it ends
	Outdated          Signal = "outdated"           // 405: the library is too old
	BadIdentity       Signal = "bad_identity"       // 409: the device identity is refused
	Refused           Signal = "refused"            // another refusal at login
	Restricted        Signal = "restricted"         // may not start new chats until Until
	RestrictionLifted Signal = "restriction_lifted"
	PairFailed        Signal = "pair_failed" // this attempt is over; Reason says why
	PairHint          Signal = "pair_hint"   // something for the person to do; codes go on
)

// Signals lists every signal.
func Signals() []Signal {
	return []Signal{
		Connected, Disconnected, KeepAliveLost, KeepAliveRestored, ServerBusy, StreamError, Replaced, LoggedOut, Locked,
		Banned, TempBanned, Outdated, BadIdentity, Refused, Restricted, RestrictionLifted, PairFailed, PairHint,
	}
}
