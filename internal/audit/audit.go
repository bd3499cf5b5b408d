// Package audit keeps watch over who did what: it reads, exports, anchors and
// verifies the audit logs, and notices suspicious activity. Writing a line
// belongs to whoever changes something, in the same transaction (store's
// Tx.Audit).
package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Options tune a Service.
type Options struct {
	// Key gives the secret that anchors are made with: 32 bytes, always the same,
	// and not to be had from the database alone.
	Key func(context.Context) ([]byte, error)
	// Notify tells an org's admins of an alert, besides the event. nil tells
	// nobody. It is called after the alert was written, once.
	Notify func(context.Context, wa.OrgID, wa.EventAlert) error
	Log    *slog.Logger     // nil discards
	Now    func() time.Time // nil is the clock
}

// Service reads and guards the audit logs.
type Service struct {
	db  *store.DB
	opt Options
	id  uuid.UUID // holds the lease of the round over all logs

	mu        sync.Mutex
	anchored  store.AuditAnchor  // the last that this process made
	exporting map[wa.OrgID]int   // exports under way
	counts    map[countKey]int64 // not written yet
}

// New fills the options' gaps.
func New(db *store.DB, o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, wa.OrgID, wa.EventAlert) error { return nil }
	}
	return &Service{db: db, opt: o, id: uuid.New(), exporting: map[wa.OrgID]int{}, counts: map[countKey]int64{}}
}

// Search pages through the log of the actor's org, newest first. Whose reach is
// Own does not see what admins did.
func (s *Service) Search(ctx context.Context, by wa.Actor, f store.AuditFilter, p store.Page) (rows []wa.AuditEntry, err error) {
	f.BelowAdmin = by.Reach(wa.ReadAudit) != wa.All
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		rows, err = tx.AuditEntries(ctx, by.Org, f, p)
		return err
	})
	return rows, err
}
