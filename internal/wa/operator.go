package wa

import "time"

// Operator runs an installation. Operators belong to no org and see nothing of
// one: what they may do is look after queues and processes.
type Operator struct {
	ID         OperatorID `json:"id"`
	Name       string     `json:"name"`
	PublicID   string     `json:"public_id"`
	Hash       []byte     `json:"-"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
}
