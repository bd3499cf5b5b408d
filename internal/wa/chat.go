package wa

import (
	"strings"
	"time"
	"unicode/utf8"
)

// ChatKind tells a conversation with one person from a group.
type ChatKind string

// The kinds.
const (
	Direct ChatKind = "direct"
	Group  ChatKind = "group"
)

// Chat is a conversation of one client.
type Chat struct {
	ID            ChatID       `json:"id"`
	OrgID         OrgID        `json:"-"`
	ClientID      ClientID     `json:"client_id"`
	Kind          ChatKind     `json:"kind" enum:"direct,group"`
	ContactID     ContactID    `json:"contact_id,omitzero"`
	GroupID       string       `json:"group_id,omitempty"`
	Name          string       `json:"name" doc:"The contact's name, else the one they gave themselves, else their number; empty when none is known"`
	Phone         Phone        `json:"phone" doc:"The contact's number; empty of groups and where it is not known"`
	AssignedTo    UserID       `json:"assigned_to,omitzero" doc:"The person who looks after it"`
	Unread        int          `json:"unread"`
	LastMessage   *ChatMessage `json:"last_message" doc:"The newest message; null when nothing was said yet"`
	LastMessageAt *time.Time   `json:"last_message_at,omitempty"`
	CreatedAt     time.Time    `json:"created_at"`
}

// Named fills in the name under which people find the chat.
func (c Chat) Named(name, pushName string) Chat {
	switch {
	case name != "":
		c.Name = name
	case pushName != "":
		c.Name = pushName
	default:
		c.Name = string(c.Phone)
	}
	return c
}

// ChatMessage is a message as a list of chats shows it.
type ChatMessage struct {
	ID        MessageID `json:"id"`
	Direction Direction `json:"direction" enum:"outbound,inbound"`
	Type      string    `json:"type"`
	Preview   string    `json:"preview" doc:"The first 160 characters as plain text; empty for what is no text, and for who may not read messages"`
	Status    Status    `json:"status"`
	Origin    Origin    `json:"origin"`
	CreatedAt time.Time `json:"created_at"`
}

// MaxPreview is how many characters a list of chats shows of a message.
const MaxPreview = 160

// InChat is the message as a list of chats shows it.
func (m Message) InChat() ChatMessage {
	c := ChatMessage{ID: m.ID, Direction: m.Direction, Type: m.Type, Status: m.Status, Origin: m.Origin, CreatedAt: m.CreatedAt}
	if said := m.Shown().Content(); said != nil {
		c.Preview = preview(said.Plain())
	}
	return c
}

// preview is the beginning of a text on one line.
func preview(text string) string {
	// So many bytes hold the preview, whatever the spaces; the rest need not be read.
	if most := 16 * MaxPreview; len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= MaxPreview {
		return text
	}
	return string([]rune(text)[:MaxPreview-1]) + "…"
}

// EventChat is the data of every chat.* event: how the conversation stands, and
// nothing of what is said in it or with whom.
type EventChat struct {
	Chat ChatState `json:"chat"`
}

// ChatState is how a conversation stands.
type ChatState struct {
	ID            ChatID     `json:"id"`
	ClientID      ClientID   `json:"client_id"`
	Kind          ChatKind   `json:"kind" enum:"direct,group"`
	ContactID     ContactID  `json:"contact_id,omitzero"`
	GroupID       string     `json:"group_id,omitempty"`
	AssignedTo    UserID     `json:"assigned_to,omitzero" doc:"The person who looks after it"`
	Unread        int        `json:"unread"`
	LastMessageAt *time.Time `json:"last_message_at,omitempty"`
	CreatedAt     time.Time  `json:"created_at"`
}

// Event is the data of an event about the chat.
func (c Chat) Event() EventChat {
	return EventChat{ChatState{
		ID: c.ID, ClientID: c.ClientID, Kind: c.Kind, ContactID: c.ContactID, GroupID: c.GroupID, AssignedTo: c.AssignedTo,
		Unread: c.Unread, LastMessageAt: c.LastMessageAt, CreatedAt: c.CreatedAt,
	}}
}

// About names the conversation.
func (e EventChat) About() About { return About{Chat: e.Chat.ID} }
