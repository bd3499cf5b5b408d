package wa

// View is how much of an org a question may touch: all of it, or what one
// person was given. Every list is read through one, so that nobody need
// remember to filter.
type View struct {
	Org     OrgID
	Limited bool       // false: everything
	Clients []ClientID // where Limited: only what belongs to these
	Chats   UserID     // where not zero: of that, only chats assigned to this person
}

// Whole is the view of all of an org.
func Whole(org OrgID) View { return View{Org: org} }

// View is how far a permission lets the actor see. Who does not hold it sees
// nothing.
func (a Actor) View(p Permission) View {
	v := View{Org: a.Org, Limited: true}
	switch a.Reach(p) {
	case All:
		v.Limited = false
	case Own:
		v.Clients = a.Clients
		if a.OwnChats {
			v.Chats = a.User
		}
	}
	return v
}
