package wa

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// HaltScope is how much a throw of the kill switch holds.
type HaltScope string

// The scopes. A wider one holds whatever the narrower ones say.
const (
	NotHalted  HaltScope = ""
	HaltClient HaltScope = "client"
	HaltOrg    HaltScope = "org"
	HaltAll    HaltScope = "installation"
)

// HaltScopes lists the scopes, the widest first.
func HaltScopes() []HaltScope { return []HaltScope{HaltAll, HaltOrg, HaltClient} }

// Halt is the kill switch, thrown: while it is in force nothing leaves, and
// everything waits.
type Halt struct {
	Scope    HaltScope `json:"scope" enum:"client,org,installation"`
	OrgID    OrgID     `json:"-"`
	ClientID ClientID  `json:"client_id,omitzero" doc:"Only with scope client"`
	Reason   string    `json:"reason,omitempty" doc:"Absent for who reads neither messages nor more of a number than its name"`
	By       string    `json:"by,omitempty" doc:"Who did it; absent for who may not inspect numbers"`
	Since    time.Time `json:"since"`
}

// MaxHaltReason is how many characters a reason may have.
const MaxHaltReason = 500

// CleanHaltReason gives a reason as it is kept, or says what is wrong with it.
func CleanHaltReason(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return "", InvalidField("reason", "must say why, for whoever asks later")
	case utf8.RuneCountInString(reason) > MaxHaltReason || !utf8.ValidString(reason):
		return "", InvalidField("reason", "is longer than %d characters or not valid UTF-8", MaxHaltReason)
	case strings.ContainsFunc(reason, unicode.IsControl):
		return "", InvalidField("reason", "must not contain control characters")
	}
	return reason, nil
}
