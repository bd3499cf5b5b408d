package wa

import "slices"

// Role is what a person is in an org. What a role may do is the table in
// permission.go.
type Role string

// The roles, from the highest to the lowest.
const (
	Admin   Role = "admin"
	Manager Role = "manager"
	Agent   Role = "agent"
	Viewer  Role = "viewer"
)

// Roles lists them, the highest first.
func Roles() []Role { return []Role{Admin, Manager, Agent, Viewer} }

// Valid reports whether r is a role.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Leads reports whether only admins may give or take the role.
func (r Role) Leads() bool { return r == Admin || r == Manager }
