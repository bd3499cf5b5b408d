package wa

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ProviderWhatsmeow reaches WhatsApp as a linked device of a phone.
const ProviderWhatsmeow = "whatsmeow"

// ClientStatus is where a number stands with WhatsApp.
type ClientStatus string

// Every status of a client.
const (
	ClientNew          ClientStatus = "new"          // never paired
	ClientPairing      ClientStatus = "pairing"      // showing codes
	ClientConnecting   ClientStatus = "connecting"   // on its way, or waiting for its turn to try
	ClientConnected    ClientStatus = "connected"    // online
	ClientDegraded     ClientStatus = "degraded"     // online, but the line does not answer pings
	ClientRestricted   ClientStatus = "restricted"   // online; new chats are forbidden until a stated time
	ClientDisconnected ClientStatus = "disconnected" // off because somebody wants it off
	ClientReplaced     ClientStatus = "replaced"     // its keys were used elsewhere
	ClientTempBanned   ClientStatus = "temp_banned"  // banned until a stated time
	ClientLoggedOut    ClientStatus = "logged_out"   // unlinked; needs pairing again
	ClientBanned       ClientStatus = "banned"       // banned for good
	ClientOutdated     ClientStatus = "outdated"     // WhatsApp refuses this version of the library
	ClientStopped      ClientStatus = "stopped"      // gave up after repeated refusals
)

// ClientStatuses lists every status.
func ClientStatuses() []ClientStatus {
	return []ClientStatus{
		ClientNew, ClientPairing, ClientConnecting, ClientConnected, ClientDegraded, ClientRestricted, ClientDisconnected,
		ClientReplaced, ClientTempBanned, ClientLoggedOut, ClientBanned, ClientOutdated, ClientStopped,
	}
}

// Online reports whether messages can leave.
func (s ClientStatus) Online() bool {
	return slices.Contains([]ClientStatus{ClientConnected, ClientDegraded, ClientRestricted}, s)
}

// Unpaired reports whether the client has no phone behind it.
func (s ClientStatus) Unpaired() bool {
	return slices.Contains([]ClientStatus{ClientNew, ClientPairing, ClientLoggedOut, ClientBanned}, s)
}

// Wait is why messages of a client in this status do not leave.
func (s ClientStatus) Wait() Wait {
	switch {
	case s.Online():
		return NoWait
	case s.Unpaired():
		return WaitUnpaired
	case s == ClientTempBanned:
		return WaitRestricted
	case s == ClientDisconnected:
		return WaitOffline
	}
	return WaitOffline
}

// Desire is what somebody wants of a client. Its owner works until the facts
// agree, so a command is never lost and giving it twice is the same as once.
type Desire string

// The desires.
const (
	WantNothing   Desire = "idle" // fresh: nobody asked for anything yet
	WantConnected Desire = "connected"
	WantOffline   Desire = "disconnected"
	WantPairing   Desire = "pairing"
	WantLoggedOut Desire = "logged_out"
	WantDeleted   Desire = "deleted"
)

// Desires lists every desire.
func Desires() []Desire {
	return []Desire{WantNothing, WantConnected, WantOffline, WantPairing, WantLoggedOut, WantDeleted}
}

// Client is one WhatsApp number connected to chasqui.
type Client struct {
	ID               ClientID     `json:"id"`
	OrgID            OrgID        `json:"-"`
	Name             string       `json:"name"`
	Provider         string       `json:"provider"`
	Status           ClientStatus `json:"status"`
	StatusReason     string       `json:"status_reason,omitempty" doc:"Why the client is in this status, in words"`
	StatusAt         time.Time    `json:"status_at"`
	Until            *time.Time   `json:"until,omitempty" doc:"When a ban or restriction ends"`
	Desire           Desire       `json:"desired"`
	Phone            Phone        `json:"phone,omitempty"`
	LID              string       `json:"lid,omitempty"`
	PushName         string       `json:"push_name,omitempty"`
	Paused           bool         `json:"paused"`
	SendReadReceipts bool         `json:"send_read_receipts" doc:"Who wrote is told when somebody reads it here"`
	Stopped          HaltScope    `json:"stopped,omitempty" enum:"client,org,installation" doc:"The kill switch holds it: nothing leaves; absent while it does not"`
	Device           Device       `json:"device"`
	CreatedAt        time.Time    `json:"created_at"`
	UpdatedAt        time.Time    `json:"updated_at"`

	JID         string `json:"-"` // the device's address at WhatsApp; "" before pairing
	Slot        *int   `json:"-"` // the worker slot that owns it
	WorkerEpoch int64  `json:"-"`
	Epoch       int64  `json:"-"` // fencing: rises with every change of owner
	Limits      Limits `json:"-"`
}

// Device is how the client shows itself in the phone's list of linked devices.
// It is chosen when the client is made and stays for the life of the session.
type Device struct {
	OS       string `json:"os" doc:"Name shown on the phone, such as \"Chrome (Windows)\""`
	Platform string `json:"platform" enum:"chrome,firefox,edge,safari,desktop" doc:"Icon shown on the phone"`
	Version  string `json:"version" doc:"Three numbers with dots"`
}

var deviceVersion = regexp.MustCompile(`^[0-9]{1,5}(\.[0-9]{1,5}){2}$`)

// Validate refuses what a phone could not show.
func (d Device) Validate() error {
	var errs []error
	if d.OS == "" || utf8.RuneCountInString(d.OS) > 50 || strings.ContainsFunc(d.OS, unicode.IsControl) || !utf8.ValidString(d.OS) {
		errs = append(errs, InvalidField("os", "must be 1 to 50 characters that can be shown"))
	}
	if !slices.Contains([]string{"chrome", "firefox", "edge", "safari", "desktop"}, d.Platform) {
		errs = append(errs, InvalidField("platform", "is one of chrome, firefox, edge, safari, desktop"))
	}
	if !deviceVersion.MatchString(d.Version) {
		errs = append(errs, InvalidField("version", "must be three numbers with dots, such as 141.0.0"))
	}
	return errors.Join(errs...)
}

// Pairing is one attempt to link a client with a phone. The code is a secret
// while it lives: it is shown to those who may pair and logged nowhere.
type Pairing struct {
	ClientID  ClientID
	Method    PairMethod
	Phone     Phone  // for the code method
	Code      string // QR text or eight-character code; "" until WhatsApp gives one
	ExpiresAt *time.Time
	Error     string
	Passkey   []byte // what WhatsApp wants signed by a passkey, JSON; nil when not asked
	Answer    []byte // the passkey's answer, JSON
	Confirm   string // code to compare on the phone, when asked
	StartedAt time.Time
}

// PairMethod is how a person links a phone.
type PairMethod string

// The methods.
const (
	PairQR   PairMethod = "qr"
	PairCode PairMethod = "code"
)
