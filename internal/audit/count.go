package audit

import (
	"cmp"
	"context"
	"slices"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// What is counted.
const (
	refused = "refused" // requests of a key or person that were answered with 403 or 404, a minute
	sent    = "sent"    // messages of a key or person, and of a client, an hour
)

const (
	flushEvery = 5 * time.Second
	countsMost = 10_000 // subjects between two flushes; more are not counted
)

type countKey struct {
	org     wa.OrgID
	kind    string
	subject string
	bucket  time.Time
}

// Refused notes that a request of an actor was refused or led nowhere. It never
// waits: what was counted is written a few seconds later.
func (s *Service) Refused(by wa.Actor) {
	s.count(by.Org, refused, subject(by), s.opt.Now().UTC().Truncate(time.Minute), 1)
}

// Sent notes that an actor had a client send n messages.
func (s *Service) Sent(by wa.Actor, client wa.ClientID, n int) {
	hour := s.opt.Now().UTC().Truncate(time.Hour)
	s.count(by.Org, sent, subject(by), hour, int64(n))
	s.count(by.Org, sent, client.String(), hour, int64(n))
}

// subject is the id of who acts.
func subject(by wa.Actor) string {
	if !by.User.IsZero() {
		return by.User.String()
	}
	return by.Key.String()
}

func (s *Service) count(org wa.OrgID, kind, subject string, bucket time.Time, n int64) {
	if org.IsZero() || subject == "" || n <= 0 {
		return
	}
	k := countKey{org, kind, subject, bucket}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.counts[k]; known || len(s.counts) < countsMost {
		s.counts[k] += n
	}
}

// Run writes what was counted until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushEvery)
			defer cancel()
			s.flush(last)
			return
		}
	}
}

func (s *Service) flush(ctx context.Context) {
	if err := s.Flush(ctx); err != nil {
		s.opt.Log.WarnContext(ctx, "counts of requests were not kept", "code", wa.CodeOf(err), "error", err)
	}
}

// Flush writes what was counted. What cannot be written is forgotten: these are
// signs, not facts that anything else is built on.
func (s *Service) Flush(ctx context.Context) error {
	s.mu.Lock()
	taken := s.counts
	s.counts = map[countKey]int64{}
	s.mu.Unlock()
	if len(taken) == 0 {
		return nil
	}
	rows := make([]store.SecurityCount, 0, len(taken))
	for k, n := range taken {
		rows = append(rows, store.SecurityCount{Org: k.org, Kind: k.kind, Subject: k.subject, Bucket: k.bucket, Count: n})
	}
	slices.SortFunc(rows, func(a, b store.SecurityCount) int {
		return cmp.Or(cmp.Compare(a.Org.UUID(), b.Org.UUID()), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject), a.Bucket.Compare(b.Bucket))
	})
	return s.db.InTxRelaxed(ctx, func(tx *store.Tx) error { return tx.AddSecurityCounts(ctx, rows) })
}
