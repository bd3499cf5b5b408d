package wa

import (
	"maps"
	"slices"
	"strings"
)

// Permission is one thing an actor may do. People have them by their role, API
// keys carry them as scopes.
type Permission string

// The permissions.
const (
	ReadOrg         Permission = "org:read"
	WriteOrg        Permission = "org:write"
	DeleteOrg       Permission = "org:delete"
	ReadUsers       Permission = "users:read"
	WriteUsers      Permission = "users:write"
	WriteLeaders    Permission = "users:lead"
	ResetUsers      Permission = "users:reset"
	DeleteUsers     Permission = "users:delete"
	ReadKeys        Permission = "keys:read"
	WriteKeys       Permission = "keys:write"
	ReadAudit       Permission = "audit:read"
	ExportAudit     Permission = "audit:export"
	ReadClients     Permission = "clients:read"
	InspectClients  Permission = "clients:inspect"
	WriteClients    Permission = "clients:write"
	UnlinkClients   Permission = "clients:unlink"
	IdentifyClients Permission = "clients:identity"
	WriteLimits     Permission = "limits:write"
	RaiseLimits     Permission = "limits:raise"
	Stop            Permission = "stop:write"
	Release         Permission = "stop:release"
	SendMessages    Permission = "messages:send"
	SendBulk        Permission = "messages:bulk"
	ReadMessages    Permission = "messages:read"
	EditMessages    Permission = "messages:write"
	ExportMessages  Permission = "messages:export"
	WriteChats      Permission = "chats:write"
	ReadContacts    Permission = "contacts:read"
	ExportContacts  Permission = "contacts:export"
	EraseContacts   Permission = "contacts:erase"
	ReadErasures    Permission = "erasures:read"
	ReadEvents      Permission = "events:read"
	ReadWebhooks    Permission = "webhooks:read"
	WriteWebhooks   Permission = "webhooks:write"
	HoldSecrets     Permission = "webhooks:secret"
	ReadAnalytics   Permission = "analytics:read"
	ReadMonitoring  Permission = "monitoring:read"

	// Everything is, as a scope, every permission that a key may hold. No role has
	// it.
	Everything Permission = "admin"
)

// Reach is how far a permission goes.
type Reach int

// The reaches: not at all; the clients (and, where an org sets so, the chats)
// that a person is assigned to; all of the org.
const (
	None Reach = iota
	Own
	All
)

// String gives "none", "own" or "all".
func (r Reach) String() string { return [...]string{"none", "own", "all"}[r] }

// MarshalText is String: what the API serves to the dashboard.
func (r Reach) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Grant is one row of the table: who holds a permission, how far.
type Grant struct {
	Admin   Reach `json:"admin"`
	Manager Reach `json:"manager"`
	Agent   Reach `json:"agent"`
	Viewer  Reach `json:"viewer"`

	Key    bool   `json:"key"`     // an API key may hold it as a scope
	StepUp bool   `json:"step_up"` // needs a recent password or second factor
	Does   string `json:"does"`    // what it allows, in plain words
}

// grants is the permission table: what it does not give, nobody has. The API
// enforces it and serves it to the dashboard.
var grants = map[Permission]Grant{
	ReadOrg:      {All, All, None, None, false, false, "see the organisation's settings"},
	WriteOrg:     {All, None, None, None, false, false, "change the organisation's settings"},
	DeleteOrg:    {All, None, None, None, false, true, "delete the organisation with all that is in it, and take that back"},
	ReadUsers:    {All, All, None, None, false, false, "see who is in the team"},
	WriteUsers:   {All, All, None, None, false, false, "invite, change and disable agents and viewers"},
	WriteLeaders: {All, None, None, None, false, true, "invite, change and disable managers and admins"},
	ResetUsers:   {All, None, None, None, false, true, "reset a second factor, end sessions, unlock"},
	DeleteUsers:  {All, None, None, None, false, true, "delete people for good"},
	ReadKeys:     {All, None, None, None, false, false, "see the API keys"},
	WriteKeys:    {All, None, None, None, false, true, "make, rotate and revoke API keys"},
	ReadAudit:    {All, Own, None, None, true, false, "read the audit log (a manager: without what admins did)"},
	ExportAudit:  {All, None, None, None, true, false, "export the audit log"},

	ReadClients:     {All, All, Own, All, true, false, "see the names of numbers and whether they are online"},
	InspectClients:  {All, All, None, None, true, false, "see all of a number: its digits, condition, past, limits and device"},
	WriteClients:    {All, All, None, None, true, false, "create, pair, rename, pause and connect numbers"},
	UnlinkClients:   {All, None, None, None, false, true, "unlink and delete numbers"},
	IdentifyClients: {All, None, None, None, false, false, "change the proxy and device identity of numbers"},
	WriteLimits:     {All, All, None, None, false, false, "lower limits, and raise them within the ramp"},
	RaiseLimits:     {All, None, None, None, false, true, "raise limits beyond the ramp"},
	Stop:            {All, All, None, None, false, false, "stop sending at once"},
	Release:         {All, None, None, None, false, false, "let sending go on after a stop"},

	SendMessages:   {All, All, Own, None, true, false, "send messages"},
	SendBulk:       {All, All, None, None, true, false, "send batches of messages"},
	ReadMessages:   {All, All, Own, None, true, false, "read messages"},
	EditMessages:   {All, All, Own, None, true, false, "cancel and retry messages"},
	ExportMessages: {All, None, None, None, false, true, "export messages"},
	WriteChats:     {All, All, Own, None, true, false, "assign and close chats"},
	ReadContacts:   {All, All, Own, None, true, false, "see contacts and chats"},
	ExportContacts: {All, All, None, None, false, true, "export contacts"},
	EraseContacts:  {All, None, None, None, false, true, "erase a person with all that was said"},
	ReadErasures:   {All, None, None, None, false, false, "read the receipts of people who were erased"},

	ReadEvents:    {All, All, Own, All, true, false, "read events as they come (a viewer: how numbers are)"},
	ReadWebhooks:  {All, All, None, None, true, false, "see webhooks and their deliveries"},
	WriteWebhooks: {All, All, None, None, true, false, "create, change, test and resend webhooks"},
	HoldSecrets:   {All, None, None, None, false, true, "see and rotate the secrets of webhooks"},
	ReadAnalytics: {All, All, Own, All, true, false, "see figures"},

	ReadMonitoring: {All, None, None, None, false, false, "see how the platform itself does"},
}

// Grants is a copy of the permission table.
func Grants() map[Permission]Grant { return maps.Clone(grants) }

// Permissions lists all permissions by name, Everything not among them.
func Permissions() []Permission { return slices.Sorted(maps.Keys(grants)) }

// Scopes lists what an API key may carry, by name, Everything last.
func Scopes() []Permission {
	out := slices.DeleteFunc(Permissions(), func(p Permission) bool { return !grants[p].Key })
	return append(out, Everything)
}

// Looks reports whether a permission only shows things: what is left to people
// whose org is being deleted.
func (p Permission) Looks() bool {
	_, does, _ := strings.Cut(string(p), ":")
	return slices.Contains([]string{"read", "inspect", "export"}, does)
}

// NeedsStepUp reports whether a permission asks for a recent password or second
// factor.
func NeedsStepUp(p Permission) bool { return grants[p].StepUp }

// Of is how far the grant goes for a role; unknown roles have nothing.
func (g Grant) Of(r Role) Reach {
	switch r {
	case Admin:
		return g.Admin
	case Manager:
		return g.Manager
	case Agent:
		return g.Agent
	case Viewer:
		return g.Viewer
	}
	return None
}
