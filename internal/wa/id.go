package wa

import (
	"crypto/md5" //nolint:gosec // makes names, see DeliveryOf
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.jetify.com/typeid"
)

// ID is a UUIDv7 that knows its noun. Outside it reads as a TypeID
// ("msg_01j…"), in Postgres it is a plain uuid. The noun is part of the type,
// so an id of one kind cannot be passed where another is wanted.
type ID[N noun] struct{ uuid uuid.UUID }

type noun interface{ prefix() string }

type (
	orgNoun        struct{}
	userNoun       struct{}
	keyNoun        struct{}
	clientNoun     struct{}
	contactNoun    struct{}
	chatNoun       struct{}
	messageNoun    struct{}
	eventNoun      struct{}
	endpointNoun   struct{}
	deliveryNoun   struct{}
	recoveryNoun   struct{}
	secretNoun     struct{}
	sessionNoun    struct{}
	invitationNoun struct{}
	auditNoun      struct{}
	operatorNoun   struct{}
	erasureNoun    struct{}
)

func (orgNoun) prefix() string        { return "org" }
func (userNoun) prefix() string       { return "usr" }
func (keyNoun) prefix() string        { return "key" }
func (clientNoun) prefix() string     { return "cli" }
func (contactNoun) prefix() string    { return "con" }
func (chatNoun) prefix() string       { return "chat" }
func (messageNoun) prefix() string    { return "msg" }
func (eventNoun) prefix() string      { return "evt" }
func (endpointNoun) prefix() string   { return "ep" }
func (deliveryNoun) prefix() string   { return "dlv" }
func (recoveryNoun) prefix() string   { return "rcv" }
func (secretNoun) prefix() string     { return "whs" }
func (sessionNoun) prefix() string    { return "ses" }
func (invitationNoun) prefix() string { return "inv" }
func (auditNoun) prefix() string      { return "aud" }
func (operatorNoun) prefix() string   { return "opr" }
func (erasureNoun) prefix() string    { return "ers" }

// The ids of our nouns.
type (
	OrgID        = ID[orgNoun]
	UserID       = ID[userNoun]
	KeyID        = ID[keyNoun]
	ClientID     = ID[clientNoun]
	ContactID    = ID[contactNoun]
	ChatID       = ID[chatNoun]
	MessageID    = ID[messageNoun]
	EventID      = ID[eventNoun]
	EndpointID   = ID[endpointNoun]
	DeliveryID   = ID[deliveryNoun]
	RecoveryID   = ID[recoveryNoun]
	SecretID     = ID[secretNoun]
	SessionID    = ID[sessionNoun]
	InvitationID = ID[invitationNoun]
	AuditID      = ID[auditNoun]
	OperatorID   = ID[operatorNoun]
	ErasureID    = ID[erasureNoun]
)

// NewID makes a fresh id. Ids of one process rise with time.
func NewID[N noun]() ID[N] {
	return ID[N]{uuid: uuid.Must(uuid.NewV7())} // fails only where the system has no randomness
}

// Makers, so that callers need not spell the noun's type.

// NewOrgID makes an org's id.
func NewOrgID() OrgID { return NewID[orgNoun]() }

// NewUserID makes a user's id.
func NewUserID() UserID { return NewID[userNoun]() }

// NewKeyID makes an API key's id.
func NewKeyID() KeyID { return NewID[keyNoun]() }

// NewClientID makes a client's id.
func NewClientID() ClientID { return NewID[clientNoun]() }

// NewContactID makes a contact's id.
func NewContactID() ContactID { return NewID[contactNoun]() }

// NewChatID makes a chat's id.
func NewChatID() ChatID { return NewID[chatNoun]() }

// NewMessageID makes a message's id.
func NewMessageID() MessageID { return NewID[messageNoun]() }

// NewEventID makes an event's id.
func NewEventID() EventID { return NewID[eventNoun]() }

// NewEndpointID makes an endpoint's id.
func NewEndpointID() EndpointID { return NewID[endpointNoun]() }

// NewRecoveryID makes a recovery's id.
func NewRecoveryID() RecoveryID { return NewID[recoveryNoun]() }

// NewSecretID makes the id of an endpoint's secret.
func NewSecretID() SecretID { return NewID[secretNoun]() }

// NewSessionID makes a sign-in session's id.
func NewSessionID() SessionID { return NewID[sessionNoun]() }

// NewInvitationID makes an invitation's id.
func NewInvitationID() InvitationID { return NewID[invitationNoun]() }

// NewAuditID makes an audit entry's id.
func NewAuditID() AuditID { return NewID[auditNoun]() }

// NewOperatorID makes an operator's id.
func NewOperatorID() OperatorID { return NewID[operatorNoun]() }

// NewErasureID makes an erasure's id.
func NewErasureID() ErasureID { return NewID[erasureNoun]() }

// DeliveryOf is the id of one event's delivery to one endpoint: there is one,
// whoever makes it. The store makes the same in SQL.
func DeliveryOf(endpoint EndpointID, event EventID) DeliveryID {
	return DeliveryID{uuid: md5.Sum([]byte(endpoint.UUID() + event.UUID()))} //nolint:gosec // a name, not a seal
}

// Time is when the id was made, by the clock of who made it.
func (id ID[N]) Time() time.Time { return time.Unix(id.uuid.Time().UnixTime()) }

// ParseID reads a TypeID of noun N, and only of noun N. The zero id has no
// text form and is refused.
func ParseID[N noun](s string) (ID[N], error) {
	var n N
	t, err := typeid.FromString(s)
	if err != nil || t.Prefix() != n.prefix() || uuid.UUID(t.UUIDBytes()) == uuid.Nil {
		return ID[N]{}, &Error{Code: Invalid, Message: fmt.Sprintf("not a valid %s_… id", n.prefix())}
	}
	return ID[N]{uuid: uuid.UUID(t.UUIDBytes())}, nil
}

// String is the TypeID, or "" for the zero id.
func (id ID[N]) String() string {
	if id.IsZero() {
		return ""
	}
	var n N
	t, err := typeid.FromUUIDBytesWithPrefix(n.prefix(), id.uuid[:])
	if err != nil { // unreachable: the prefixes are constants
		return n.prefix() + "_invalid"
	}
	return t.String()
}

// UUID is the bare uuid in its usual text form, as Postgres prints it.
func (id ID[N]) UUID() string { return id.uuid.String() }

// Bytes are the 16 bytes of the uuid.
func (id ID[N]) Bytes() [16]byte { return id.uuid }

// IsZero reports whether the id was never set.
func (id ID[N]) IsZero() bool { return id.uuid == uuid.Nil }

// MarshalText writes the TypeID.
func (id ID[N]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads a TypeID; an empty text is the zero id.
func (id *ID[N]) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*id = ID[N]{}
		return nil
	}
	parsed, err := ParseID[N](string(b))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Value stores the id as a uuid; the zero id is NULL.
func (id ID[N]) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id.uuid.String(), nil
}

// Scan reads a uuid column; NULL is the zero id.
func (id *ID[N]) Scan(src any) error {
	*id = ID[N]{} // uuid.Scan leaves what was there when the column is NULL
	return id.uuid.Scan(src)
}
