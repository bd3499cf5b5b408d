package wa

import "time"

// MasterKey is what the database knows of a master key: its id, and a known
// text sealed under it by which the right key is told from a wrong one. The key
// itself is never stored.
type MasterKey struct {
	ID      string
	Canary  []byte
	Current bool // new data keys are wrapped under it; there is one such
}

// DataKey is the keyset that seals an org's secrets, wrapped by a master key.
// The zero org stands for the installation itself.
type DataKey struct {
	Org     OrgID
	Keyset  []byte
	Master  string // id of the master key that wraps it
	Version int64  // rises whenever what is in the keyset changes
	Pending uint32 // id of a key that every process shall know before it seals; 0: none
	// Resealing: what older keys sealed is yet to be sealed again.
	Resealing bool
	// Settled and Age are by the database's clock: since the keyset last
	// changed, and since its newest key was made.
	Settled, Age time.Duration
}

// SealedColumn is a column that holds sealed texts, each bound to its place.
type SealedColumn struct {
	Table, Column string
	// Key are the columns that tell the row, with their types ("id::uuid"), in
	// an order that an index has after org_id or alone. The place's row is made
	// of their values as Postgres writes them.
	Key []string
	// Shared tables are the installation's and have no org_id.
	Shared bool
}

// SealedText is a sealed text and the values of its row's key.
type SealedText struct {
	Org    OrgID
	Column SealedColumn
	Key    []string
	Sealed []byte
}

// Sealing is a batch of one column's texts that shall be sealed again.
type Sealing struct {
	Org    OrgID // zero for shared tables
	Column SealedColumn
	After  []string // key of the last row of the batch before
	Prefix []byte   // what begins so is left alone
	Most   int
}
