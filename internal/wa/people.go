package wa

import "time"

// Contact is one person, known by phone number, by LID, or by both.
type Contact struct {
	ID        ContactID `json:"id"`
	OrgID     OrgID     `json:"-"`
	Phone     Phone     `json:"phone,omitempty"`
	LID       string    `json:"lid,omitempty"`
	Name      string    `json:"name,omitempty"`
	PushName  string    `json:"push_name,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ChatKind tells a conversation with one person from a group.
type ChatKind string

// The kinds.
const (
	Direct ChatKind = "direct"
	Group  ChatKind = "group"
)

// Chat is a conversation of one client.
type Chat struct {
	ID            ChatID     `json:"id"`
	OrgID         OrgID      `json:"-"`
	ClientID      ClientID   `json:"client_id"`
	Kind          ChatKind   `json:"kind"`
	ContactID     ContactID  `json:"contact_id,omitzero"`
	GroupID       string     `json:"group_id,omitempty"`
	Unread        int        `json:"unread"`
	LastMessageAt *time.Time `json:"last_message_at,omitempty"`
	CreatedAt     time.Time  `json:"created_at"`
}
