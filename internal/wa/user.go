package wa

import (
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// User is a person of an org.
type User struct {
	ID           UserID     `json:"id"`
	OrgID        OrgID      `json:"org_id"`
	Email        string     `json:"email"`
	Name         string     `json:"name"`
	Role         Role       `json:"role"`
	Status       UserStatus `json:"status" enum:"active,disabled"`
	SecondFactor bool       `json:"second_factor" doc:"They have an authenticator app"`
	ClientCount  *int       `json:"client_count,omitempty" doc:"How many clients an agent looks after; of agents only"`
	Phone        string     `json:"phone,omitempty" doc:"Confirmed; the last four digits"`
	LockedUntil  *time.Time `json:"locked_until,omitempty" doc:"Too many sign-ins failed: none is tried before this time"`
	LastSignInAt *time.Time `json:"last_sign_in_at,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
}

// UserStatus says whether a person may sign in.
type UserStatus string

// The statuses.
const (
	UserActive   UserStatus = "active"
	UserDisabled UserStatus = "disabled"
)

// Valid reports whether s is a status.
func (s UserStatus) Valid() bool { return s == UserActive || s == UserDisabled }

// Bounds of what people are called, in characters.
const (
	MaxEmail    = 254
	MaxUserName = 100
)

// ParseEmail reads a bare e-mail address and gives it in the form it is kept
// in: without spaces around it, in lower case.
func ParseEmail(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text || a.Name != "" || len(text) > MaxEmail || strings.ContainsFunc(text, unprintable) {
		return "", InvalidField("email", "is not an e-mail address")
	}
	return text, nil
}

// CleanName takes the spaces off a person's or an org's name and refuses what
// cannot be shown on one line. An empty name is the caller's to judge.
func CleanName(field, name string) (string, error) {
	name = strings.TrimSpace(name)
	if utf8.RuneCountInString(name) > MaxUserName {
		return "", InvalidField(field, "is longer than %d characters", MaxUserName)
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable) {
		return "", InvalidField(field, "holds characters that cannot be shown")
	}
	return name, nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Session is one sign-in of a person.
type Session struct {
	ID        SessionID `json:"id"`
	UserID    UserID    `json:"-"`
	How       SignedIn  `json:"how" enum:"password,oidc,invitation,reset"`
	IP        string    `json:"ip"`
	Agent     string    `json:"agent"`
	Current   bool      `json:"current" doc:"The one that asks"`
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// SignedIn is how a session began.
type SignedIn string

// The ways.
const (
	ByPassword   SignedIn = "password"
	ByOIDC       SignedIn = "oidc"
	ByInvitation SignedIn = "invitation"
	ByReset      SignedIn = "reset"
)

// Invitation asks somebody to join an org.
type Invitation struct {
	ID         InvitationID `json:"id"`
	OrgID      OrgID        `json:"-"`
	Email      string       `json:"email"`
	Role       Role         `json:"role"`
	InvitedBy  string       `json:"invited_by"`
	ExpiresAt  time.Time    `json:"expires_at"`
	AcceptedAt *time.Time   `json:"accepted_at,omitempty"`
	RevokedAt  *time.Time   `json:"revoked_at,omitempty"`
	CreatedAt  time.Time    `json:"created_at"`
}

// SignInPolicy is what an org asks of those who sign in.
type SignInPolicy struct {
	SecondFactorRoles []Role   `json:"second_factor_roles" nullable:"false" doc:"People of these roles must have a second factor"`
	OIDCIssuer        string   `json:"oidc_issuer" doc:"The org's OpenID provider; empty: none"`
	OIDCClientID      string   `json:"oidc_client_id"`
	OIDCSecretSet     bool     `json:"oidc_secret_set"`
	CodeClient        ClientID `json:"code_client,omitzero" doc:"The client that sends one-time codes by WhatsApp; absent: none"`
}

// AsksSecondFactor reports whether a role must have one.
func (p SignInPolicy) AsksSecondFactor(r Role) bool { return slices.Contains(p.SecondFactorRoles, r) }

// Letter is a mail to one person.
type Letter struct {
	// ID is the same whenever the letter is sent again, so that receivers can drop
	// what they have; empty when it is sent once.
	ID      string `json:"-"`
	To      string
	Subject string
	Body    string // plain text
}
