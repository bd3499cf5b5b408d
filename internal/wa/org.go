package wa

import (
	"time"
	_ "time/tzdata" // the image has no zones of its own
)

// Org is a tenant: a company with its numbers, people and keys.
type Org struct {
	ID        OrgID     `json:"id"`
	Name      string    `json:"name"`
	TimeZone  string    `json:"time_zone" doc:"IANA name of the zone that its days are counted in"`
	CreatedAt time.Time `json:"created_at"`

	Deletion *OrgDeletion `json:"deletion,omitempty" doc:"It is being deleted; absent: it is not"`
}

// Bounds of what an org sets.
const (
	MaxSessionHours      = 90 * 24
	MinRetentionDays     = 7
	MaxRetentionDays     = 3650
	MaxRetentionDelivery = 30
	MinRetentionAudit    = 90 // so that nobody hides what they did by having it forgotten; the database knows this number too
)

// OrgOptions are an org's wishes.
type OrgOptions struct {
	AgentsSeeOwnChats bool      `json:"agents_see_own_chats" doc:"Agents see only the chats that are assigned to them"`
	AgentsNewContacts bool      `json:"agents_new_contacts" doc:"Agents may write to people and groups whom the client has no chat with"`
	SessionHours      int       `json:"session_hours" doc:"How long a sign-in lasts at most, 1 to 2160"`
	AllowHTTP         bool      `json:"allow_http_webhooks" doc:"Webhooks may have plain http addresses"`
	RetentionDays     Retention `json:"retention_days"`
	TimeZone          string    `json:"time_zone" doc:"IANA name of the zone that days are counted in"`
	NewClientLimits   Limits    `json:"new_client_limits" doc:"How fast a client may send that is made from now on; those that are there keep their own"`
}

// Retention says for how many days things are kept.
type Retention struct {
	Messages   *int `json:"messages" doc:"Ended messages with their texts and timelines; null: for ever"`
	Events     *int `json:"events" doc:"Events of the feed; null: for ever"`
	Deliveries int  `json:"deliveries" doc:"What webhooks were sent, 1 to 30"`
	Audit      *int `json:"audit" doc:"Lines of the audit log; null: as long as the installation keeps them, which is the most in any case"`
}

// OrgOptionsChange is what may be changed of them; nil leaves it.
type OrgOptionsChange struct {
	AgentsSeeOwnChats *bool            `json:"agents_see_own_chats,omitempty"`
	AgentsNewContacts *bool            `json:"agents_new_contacts,omitempty"`
	SessionHours      *int             `json:"session_hours,omitempty" doc:"1 to 2160; ends older sign-ins too"`
	AllowHTTP         *bool            `json:"allow_http_webhooks,omitempty"`
	RetentionDays     *RetentionChange `json:"retention_days,omitempty"`
	TimeZone          *string          `json:"time_zone,omitempty" maxLength:"64"`
	NewClientLimits   *Limits          `json:"new_client_limits,omitempty" doc:"All of it; the usual ones take the wish away"`

	NewClientLimitsReason string `json:"new_client_limits_reason,omitempty" maxLength:"500" doc:"Why; needed where new clients are to send faster than before and than usual, and kept in the audit log"`
}

// RetentionChange is what may be changed of how long things are kept.
type RetentionChange struct {
	Messages   *int `json:"messages,omitempty" doc:"7 to 3650; 0: for ever"`
	Events     *int `json:"events,omitempty" doc:"7 to 3650; 0: for ever"`
	Deliveries *int `json:"deliveries,omitempty" doc:"1 to 30"`
	Audit      *int `json:"audit,omitempty" doc:"90 to 3650; 0: as long as the installation keeps it"`
}

// NeedsProof reports whether a change is for who proved a moment ago who they
// are: it makes people stay in longer, lets data go in clear, or away for good.
// Whether it lets new numbers send faster shows only beside what was before.
func (c OrgOptionsChange) NeedsProof() bool {
	return c.SessionHours != nil || c.AllowHTTP != nil || c.RetentionDays != nil
}

// Apply gives the settings after a change, or says what is wrong with it.
func (c OrgOptionsChange) Apply(s OrgOptions) (OrgOptions, error) {
	if c.AgentsSeeOwnChats != nil {
		s.AgentsSeeOwnChats = *c.AgentsSeeOwnChats
	}
	if c.AgentsNewContacts != nil {
		s.AgentsNewContacts = *c.AgentsNewContacts
	}
	if c.AllowHTTP != nil {
		s.AllowHTTP = *c.AllowHTTP
	}
	if c.SessionHours != nil {
		if s.SessionHours = *c.SessionHours; s.SessionHours < 1 || s.SessionHours > MaxSessionHours {
			return s, InvalidField("settings.session_hours", "must be 1 to %d", MaxSessionHours)
		}
	}
	if c.TimeZone != nil {
		if s.TimeZone = *c.TimeZone; !knownZone(s.TimeZone) {
			return s, InvalidField("settings.time_zone", "is no time zone such as Europe/Lisbon")
		}
	}
	if c.NewClientLimits != nil {
		s.NewClientLimits = *c.NewClientLimits
		if err := Under("settings.new_client_limits", s.NewClientLimits.Validate()); err != nil {
			return s, err
		}
	}
	if c.RetentionDays == nil {
		return s, nil
	}
	var err error
	s.RetentionDays, err = c.RetentionDays.apply(s.RetentionDays)
	return s, err
}

func (c RetentionChange) apply(r Retention) (Retention, error) {
	for _, f := range []struct {
		name  string
		least int
		to    *int
		of    **int
	}{
		{"messages", MinRetentionDays, c.Messages, &r.Messages},
		{"events", MinRetentionDays, c.Events, &r.Events},
		{"audit", MinRetentionAudit, c.Audit, &r.Audit},
	} {
		switch days := f.to; {
		case days == nil:
		case *days == 0:
			*f.of = nil
		case *days < f.least || *days > MaxRetentionDays:
			return r, InvalidField("settings.retention_days."+f.name, "must be %d to %d, or 0 for no limit of yours", f.least, MaxRetentionDays)
		default:
			*f.of = days
		}
	}
	if c.Deliveries != nil {
		if r.Deliveries = *c.Deliveries; r.Deliveries < 1 || r.Deliveries > MaxRetentionDelivery {
			return r, InvalidField("settings.retention_days.deliveries", "must be 1 to %d", MaxRetentionDelivery)
		}
	}
	return r, nil
}

// knownZone reports whether a name is one of the IANA's. What means this
// machine's zone is none.
func knownZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}
