package audit

import (
	"context"
	"io"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	// MaxExport is how many lines an export has at most, the newest.
	MaxExport   = 100_000
	exportChunk = store.MaxPage
	// exportsMost is how many exports of an org may be under way in one process.
	exportsMost = 2
)

// exported is what the audit log keeps of an export.
type exported struct {
	Of     string     `json:"of"`
	Action string     `json:"action,omitempty"`
	Actor  string     `json:"actor,omitempty"`
	Target string     `json:"target,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
}

// Turn does a piece of work when it is its turn, and gives the work's error, or
// why the turn never came.
type Turn func(work func() error) error

// Export begins an export of the actor's org's log. What it gives writes the
// lines as CSV, newest first, a page at a time, and calls progress before each:
// an error of it ends the export. The export itself is in the log. A third one
// of an org at the same time is RateLimited. turn does each piece of the work
// when it is the org's turn; none is under way while lines are written.
func (s *Service) Export(ctx context.Context, by wa.Actor, f store.AuditFilter, turn Turn) (func(w io.Writer, progress func() error) error, error) {
	end, err := s.Exporting(by.Org)
	if err != nil {
		return nil, err
	}
	err = turn(func() error {
		return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
			return tx.Audit(by, wa.AuditExported, "audit", nil, exported{
				Of: "audit", Action: string(f.Action), Actor: f.Actor, Target: f.Target, Since: optional(f.Since), Until: optional(f.Until),
			})
		})
	})
	if err != nil {
		end()
		return nil, err
	}
	return func(w io.Writer, progress func() error) error {
		defer end()
		return s.export(ctx, by.Org, f, turn, w, progress)
	}, nil
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *Service) export(ctx context.Context, org wa.OrgID, f store.AuditFilter, turn Turn, w io.Writer, progress func() error) error {
	t, err := newTable(w)
	if err != nil {
		return err
	}
	p, err := store.ParsePage("", exportChunk)
	if err != nil {
		return err
	}
	for range MaxExport / exportChunk {
		var lines []wa.AuditEntry
		err := turn(func() error {
			return s.db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
				lines, err = tx.AuditEntries(ctx, org, f, p)
				return err
			})
		})
		if err != nil {
			return err
		}
		if err := progress(); err != nil {
			return err
		}
		for _, e := range lines {
			if err := t.line(e); err != nil {
				return err
			}
		}
		if err := t.flush(); err != nil {
			return err
		}
		if len(lines) < exportChunk {
			return nil
		}
		last := lines[len(lines)-1]
		p.Before, p.BeforeID = last.At, last.ID.UUID()
	}
	return nil
}

// Exporting counts an export of an org in, of its log or of anything else; end
// counts it out. A third one at the same time is RateLimited.
func (s *Service) Exporting(org wa.OrgID) (end func(), err error) {
	if !s.enter(org) {
		return nil, &wa.Error{Code: wa.RateLimited, Message: "two exports of this organisation are under way", RetryAfter: 10 * time.Second}
	}
	return sync.OnceFunc(func() { s.leave(org) }), nil
}

func (s *Service) enter(org wa.OrgID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exporting[org] >= exportsMost {
		return false
	}
	s.exporting[org]++
	return true
}

func (s *Service) leave(org wa.OrgID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exporting[org]--; s.exporting[org] <= 0 {
		delete(s.exporting, org)
	}
}
