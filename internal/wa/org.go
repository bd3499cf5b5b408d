package wa

import "time"

// Org is a tenant: a company with its numbers, people and keys.
type Org struct {
	ID        OrgID     `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// User is a person of an org.
type User struct {
	ID    UserID `json:"id"`
	OrgID OrgID  `json:"org_id"`
	Email string `json:"email"`
	Role  Role   `json:"role"`
}

// Role is what a person is in an org.
type Role string

// The roles.
const (
	Admin   Role = "admin"
	Manager Role = "manager"
	Agent   Role = "agent"
	Viewer  Role = "viewer"
)

// Permission is one thing an actor may do; API keys carry them as scopes.
type Permission string

// The permissions that exist so far.
const (
	ReadClients   Permission = "clients:read"
	WriteClients  Permission = "clients:write"
	SendMessages  Permission = "messages:send"
	SendBulk      Permission = "messages:bulk"
	ReadMessages  Permission = "messages:read"
	EditMessages  Permission = "messages:write"
	ReadContacts  Permission = "contacts:read"
	ReadEvents    Permission = "events:read"
	ReadWebhooks  Permission = "webhooks:read"
	WriteWebhooks Permission = "webhooks:write"
	Everything    Permission = "admin" // every permission, and the queues page
)

// Permissions lists them.
func Permissions() []Permission {
	return []Permission{
		ReadClients, WriteClients, SendMessages, SendBulk, ReadMessages, EditMessages, ReadContacts, ReadEvents,
		ReadWebhooks, WriteWebhooks, Everything,
	}
}

// Actor is who acts: it is passed to every verb, never hidden in a context.
type Actor struct {
	Org    OrgID
	Key    KeyID
	Name   string
	Scopes []Permission
}

// May reports whether the actor holds p.
func (a Actor) May(p Permission) bool {
	for _, s := range a.Scopes {
		if s == p || s == Everything {
			return true
		}
	}
	return false
}
