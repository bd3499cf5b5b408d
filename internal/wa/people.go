package wa

import "time"

// Contact is one person, known by phone number, by LID, or by both.
type Contact struct {
	ID        ContactID `json:"id"`
	OrgID     OrgID     `json:"-"`
	Phone     Phone     `json:"phone,omitempty"`
	LID       string    `json:"lid,omitempty"`
	Name      string    `json:"name,omitempty"`
	PushName  string    `json:"push_name,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}
