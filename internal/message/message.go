// Package message is the life of a message: accepted from a caller, delivered
// by the worker that owns the client, received from people, moved on by
// receipts and by the clock. Whose line a number is belongs to fleet; how the
// network is spoken belongs to provider.
package message

import (
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"chasqui/internal/store"
	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
)

// Limits of one client's line.
const (
	MaxWaiting     = 1000  // urgent and normal messages
	MaxWaitingBulk = 20000 // bulk messages
	// RingUpTo is the backlog from which one drain ticket replaces a ticket for
	// every message: a line with that much to do is not asleep.
	RingUpTo = 4
)

// Options tune a Service; the zero value is right for production.
type Options struct {
	Log *slog.Logger
	Now func() time.Time
	// Trace makes spans; nil makes none.
	Trace *telemetry.Tracer
	// PaceFactor makes pacing that many times faster: for tests and benches.
	PaceFactor int
	// SendTimeout bounds one attempt; 0 means 20 s.
	SendTimeout time.Duration
	// CatchUp bounds the wait for receipts after a change of owner; 0 means 10 s.
	CatchUp time.Duration
}

// Service does what happens to messages.
type Service struct {
	db       *store.DB
	opt      Options
	outcomes outcomes
	buckets  buckets
	rounds   rounds
	tallies  tallies
	erasing  eraseRounds
}

// New fills the options' gaps.
func New(db *store.DB, o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.PaceFactor = max(1, o.PaceFactor)
	if o.SendTimeout == 0 {
		o.SendTimeout = 20 * time.Second
	}
	if o.CatchUp == 0 {
		o.CatchUp = 10 * time.Second
	}
	return &Service{
		db: db, opt: o, outcomes: outcomes{waiters: map[wa.MessageID][]chan Outcome{}},
		buckets: buckets{of: map[wa.OrgID]*rate.Limiter{}},
		rounds:  rounds{of: map[wa.OrgID]*crowd{}},
		tallies: tallies{of: map[wa.ClientID]tally{}},
	}
}
