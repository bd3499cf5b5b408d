package wa

import "time"

// OrgDeletion tells that an org is being deleted: nothing is sent or changed any
// more, keys and webhooks are closed, and from DueAt on everything is erased.
type OrgDeletion struct {
	AskedAt time.Time  `json:"asked_at"`
	By      string     `json:"by,omitempty" doc:"Id of the admin who asked for it; absent: the operator"`
	DueAt   time.Time  `json:"due_at" doc:"Until then it can be taken back; from then on everything is erased"`
	Erasing *time.Time `json:"-"` // since when there is no way back
}

// EventOrgDeletion is the data of org.deletion_asked and org.kept.
type EventOrgDeletion struct {
	DueAt *time.Time `json:"due_at,omitempty" doc:"When everything is erased; absent: the organisation stays"`
}

// EndedByDeletion is why webhooks of an org that is being deleted are off.
const EndedByDeletion = "the organisation is being deleted"

// OrgLeaving refuses to change something of an org that is being deleted.
func OrgLeaving() error {
	return &Error{Code: Conflict, Reason: "org_deleting", Message: "the organisation is being deleted: an admin can take that back, and until then nothing changes"}
}
