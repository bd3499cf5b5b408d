package wa

import (
	"errors"
	"net/textproto"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of an endpoint.
const (
	DefaultInFlight   = 8
	MaxInFlight       = 64
	DefaultHookWait   = 15 * time.Second
	MinHookWait       = time.Second
	MaxHookWait       = 30 * time.Second
	MaxEndpointNote   = 500
	MaxEndpointURL    = 2048
	MaxPatterns       = 100
	MaxOwnHeaders     = 20
	MaxHeaderLength   = 4096
	MaxRate           = 10_000
	MaxAttempts       = 20
	MaxHookBatch      = 50
	longestHookDelay  = 7 * 24 * time.Hour
	MaxSecretOverlap  = 7 * 24 * time.Hour
	SecretOverlap     = 24 * time.Hour
	MaxRunningSecrets = 10
)

// Callback is an address that one message named, and the endpoint that stands
// for its host. The zero value is none.
type Callback struct {
	ID  EndpointID
	URL string
}

// Payload is how much of an event an endpoint gets.
type Payload string

// The payloads: everything, or ids only.
const (
	FullPayload Payload = "full"
	ThinPayload Payload = "thin"
)

// Endpoint is an address of a customer's that gets events.
type Endpoint struct {
	ID             EndpointID        `json:"id"`
	OrgID          OrgID             `json:"-"`
	URL            string            `json:"url"`
	Description    string            `json:"description,omitempty"`
	Events         []string          `json:"events" nullable:"false" doc:"Event types, with wildcards: *, message.*, client.connected"`
	Clients        []ClientID        `json:"clients,omitempty" nullable:"false" doc:"Only events of these; of all if absent"`
	Directions     []Direction       `json:"directions,omitempty" nullable:"false" doc:"Of events about messages only these; both if absent"`
	ChatKinds      []ChatKind        `json:"chat_kinds,omitempty" nullable:"false" doc:"Of events about messages only these; all if absent"`
	Payload        Payload           `json:"payload" enum:"full,thin" doc:"thin has ids only"`
	Ordered        bool              `json:"ordered" doc:"One request at a time per chat, in order; a failure holds up its chat"`
	Batch          int               `json:"batch" doc:"Events of a chat in one request at most; more than one needs ordered"`
	Headers        map[string]string `json:"headers,omitempty" doc:"Your own headers; their values are not shown again"`
	MaxInFlight    int               `json:"max_in_flight" doc:"Requests at the same time"`
	Rate           *int              `json:"rate,omitempty" doc:"Requests a second at most; no limit if absent"`
	TimeoutMS      int               `json:"timeout_ms" doc:"How long one attempt may take, milliseconds"`
	Schedule       []int             `json:"schedule,omitempty" nullable:"false" doc:"Seconds before each attempt; the usual ones if absent"`
	Enabled        bool              `json:"enabled"`
	DisabledReason string            `json:"disabled_reason,omitempty"`
	DisabledAt     *time.Time        `json:"disabled_at,omitempty" doc:"Events since then were not sent: recover them with replay"`
	Health         EndpointHealth    `json:"health"`
	Callback       bool              `json:"-"`
	CreatedAt      time.Time         `json:"created_at"`
	UpdatedAt      time.Time         `json:"updated_at"`
}

// EndpointHealth is how an endpoint has been doing.
type EndpointHealth struct {
	State         string     `json:"state" enum:"ok,failing,open" doc:"open: it fails so often that only one request in 30 seconds goes out"`
	FailingSince  *time.Time `json:"failing_since,omitempty" doc:"First failure since the last success"`
	OpenUntil     *time.Time `json:"open_until,omitempty"`
	LastSuccessAt *time.Time `json:"last_success_at,omitempty"`
	LastFailureAt *time.Time `json:"last_failure_at,omitempty"`
	Pending       *int64     `json:"pending,omitempty" doc:"Deliveries under way or waiting, counted up to 10,000; not in lists"`
}

// Normalize puts defaults where nothing was said.
func (e *Endpoint) Normalize() {
	if len(e.Events) == 0 {
		e.Events = []string{"*"}
	}
	if e.Payload == "" {
		e.Payload = FullPayload
	}
	if e.Batch == 0 {
		e.Batch = 1
	}
	if e.MaxInFlight == 0 {
		e.MaxInFlight = DefaultInFlight
	}
	if e.TimeoutMS == 0 {
		e.TimeoutMS = int(DefaultHookWait.Milliseconds())
	}
}

// Validate reports every bad field at once. Whether the address may be reached
// is not known here.
func (e Endpoint) Validate() error {
	return errors.Join(e.validateText(), e.validateFilters(), e.validateHeaders(), e.validateNumbers())
}

func (e Endpoint) validateText() error {
	var errs []error
	if len(e.URL) > MaxEndpointURL {
		errs = append(errs, InvalidField("url", "is longer than %d bytes", MaxEndpointURL))
	}
	if utf8.RuneCountInString(e.Description) > MaxEndpointNote {
		errs = append(errs, InvalidField("description", "is longer than %d characters", MaxEndpointNote))
	}
	return errors.Join(errs...)
}

func (e Endpoint) validateFilters() error {
	var errs []error
	if len(e.Events) > MaxPatterns {
		errs = append(errs, InvalidField("events", "names more than %d", MaxPatterns))
	}
	for _, p := range e.Events {
		if !knownPattern(p) {
			errs = append(errs, InvalidField("events", "names no event type: %.100s", p))
		}
	}
	if len(e.Clients) > MaxPatterns {
		errs = append(errs, InvalidField("clients", "names more than %d", MaxPatterns))
	}
	for _, d := range e.Directions {
		if d != Inbound && d != Outbound {
			errs = append(errs, InvalidField("directions", "must be inbound or outbound"))
		}
	}
	for _, k := range e.ChatKinds {
		if k != Direct && k != Group {
			errs = append(errs, InvalidField("chat_kinds", "must be direct or group"))
		}
	}
	if e.Payload != FullPayload && e.Payload != ThinPayload {
		errs = append(errs, InvalidField("payload", "must be full or thin"))
	}
	return errors.Join(errs...)
}

// knownPattern reports whether a pattern can match any event there is.
func knownPattern(p string) bool {
	return slices.ContainsFunc(eventInfos, func(i EventInfo) bool {
		return slices.Contains(append(Patterns(i.Type), string(i.Type)), p)
	})
}

// Patterns lists what an endpoint may have subscribed to that takes in an event
// of this type.
func Patterns(t EventType) []string {
	all := t.names()
	for _, i := range eventInfos {
		if i.Type == t && i.OptIn {
			return all[:1]
		}
	}
	return all
}

// names are a type itself and the wildcards that it falls under.
func (t EventType) names() []string {
	group, _, _ := strings.Cut(string(t), ".")
	return []string{string(t), group + ".*", "*"}
}

// EventsNamed lists the types that a name or a wildcard stands for, those that
// endpoints must name among them; nil when there are none.
func EventsNamed(name string) (types []EventType) {
	for _, i := range eventInfos {
		if slices.Contains(i.Type.names(), name) {
			types = append(types, i.Type)
		}
	}
	return types
}

// forbiddenHeaders belong to HTTP or to us.
var forbiddenHeaders = []string{
	"Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Connection", "Keep-Alive", "Te", "Trailer",
	"Upgrade", "Expect", "Proxy-Authorization", "Proxy-Connection", "Accept-Encoding", "User-Agent", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature",
}

func (e Endpoint) validateHeaders() error {
	if len(e.Headers) > MaxOwnHeaders {
		return InvalidField("headers", "has more than %d", MaxOwnHeaders)
	}
	for name, value := range e.Headers {
		switch {
		case !token(name) || len(name) > 100:
			return InvalidField("headers", "has a name that HTTP does not allow")
		case slices.Contains(forbiddenHeaders, textproto.CanonicalMIMEHeaderKey(name)):
			return InvalidField("headers", "may not set %s", name)
		case len(value) > MaxHeaderLength || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return InvalidField("headers", "has a value for %s that is too long or holds control characters", name)
		}
	}
	return nil
}

// token reports whether s may be a header's name.
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

func (e Endpoint) validateNumbers() error {
	var errs []error
	if e.MaxInFlight < 1 || e.MaxInFlight > MaxInFlight {
		errs = append(errs, InvalidField("max_in_flight", "must be 1 to %d", MaxInFlight))
	}
	if e.Batch < 1 || e.Batch > MaxHookBatch {
		errs = append(errs, InvalidField("batch", "must be 1 to %d", MaxHookBatch))
	} else if e.Batch > 1 && !e.Ordered {
		errs = append(errs, InvalidField("batch", "can only be more than 1 where ordered is true"))
	}
	if e.Rate != nil && (*e.Rate < 1 || *e.Rate > MaxRate) {
		errs = append(errs, InvalidField("rate", "must be 1 to %d", MaxRate))
	}
	if wait := time.Duration(e.TimeoutMS) * time.Millisecond; wait < MinHookWait || wait > MaxHookWait {
		errs = append(errs, InvalidField("timeout_ms", "must be %d to %d", MinHookWait.Milliseconds(), MaxHookWait.Milliseconds()))
	}
	if len(e.Schedule) > MaxAttempts {
		errs = append(errs, InvalidField("schedule", "has more than %d attempts", MaxAttempts))
	}
	for _, s := range e.Schedule {
		if s < 0 || time.Duration(s)*time.Second > longestHookDelay {
			errs = append(errs, InvalidField("schedule", "must hold 0 to %d seconds each", int(longestHookDelay.Seconds())))
			break
		}
	}
	return errors.Join(errs...)
}
