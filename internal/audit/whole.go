package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	// nightly is the hour (UTC) after which a round over all logs begins.
	nightly = time.Hour
	// roundLease is by which name a process walks, and roundSpare for how much
	// longer than it means to: another one takes over then, if it died.
	roundLease = "audit-round"
	roundSpare = 30 * time.Second
)

// The parts of the logs in which a round finds something.
const (
	partLines   = "lines"
	partAnchors = "anchors"
)

// Whole takes the round over all logs on, for about that long and by one step
// at least: every night it verifies all anchors and every line of every log from
// the first one on. How far it is stands in Postgres, so whoever is called next
// goes on. What it finds is kept until a round does not find it again, told to
// the org's admins once, and counted in chasqui_audit_whole_broken_logs. Of two
// processes one walks, and the other does nothing.
func (s *Service) Whole(ctx context.Context, within time.Duration) error {
	key, err := s.opt.Key(ctx)
	if err != nil {
		return fmt.Errorf("get the key of anchors: %w", err)
	}
	walks, err := s.takeRound(ctx, within+roundSpare)
	if err == nil && walks {
		err = s.walkRound(ctx, key, time.Now().Add(within))
		err = errors.Join(err, s.leaveRound(context.WithoutCancel(ctx)))
	}
	return errors.Join(err, s.tellRound(ctx, key))
}

func (s *Service) takeRound(ctx context.Context, ttl time.Duration) (walks bool, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		_, walks, err = tx.Lead(ctx, roundLease, s.id, ttl)
		return err
	})
	return walks, err
}

func (s *Service) leaveRound(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, roundSpare)
	defer cancel()
	return s.db.InTx(ctx, func(tx *store.Tx) error { return tx.Resign(ctx, roundLease, s.id) })
}

// walkRound goes step by step until a time, or until the round is over.
func (s *Service) walkRound(ctx context.Context, key []byte, until time.Time) error {
	r, err := s.roundNow(ctx, key)
	for err == nil && (r.place.Under || r.due(s.opt.Now())) {
		if err = s.stepRound(ctx, key, &r); err == nil {
			err = s.keep(ctx, key, &r)
		}
		if !time.Now().Before(until) {
			return err
		}
	}
	return err
}

// round is a place with the version of its row and what is found on the way.
type round struct {
	place
	version int64
	found   []store.AuditFinding
}

// due reports whether a round should have begun since the last one did.
func (p place) due(now time.Time) bool {
	night := now.UTC().Truncate(24 * time.Hour).Add(nightly)
	if night.After(now) {
		night = night.Add(-24 * time.Hour)
	}
	return !p.Under && p.Began.Before(night)
}

// roundNow reads the place. One that is not as it was written counts as none,
// and as a finding: nobody but us writes it.
func (s *Service) roundNow(ctx context.Context, key []byte) (r round, err error) {
	var row store.AuditPlace
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		row, err = tx.AuditPlace(ctx)
		return err
	})
	if wa.CodeOf(err) == wa.NotFound {
		return round{}, nil
	}
	if err != nil {
		return r, err
	}
	r.version = row.Version
	p, ours := readPlace(key, row)
	if !ours {
		r.note(wa.OrgID{}, partAnchors, &Finding{0, Forged, "how far the round over all logs is was changed"})
		return r, nil
	}
	r.place = p
	return r, nil
}

func (r *round) note(org wa.OrgID, part string, f *Finding) {
	r.found = append(r.found, store.AuditFinding{Org: org, Part: part, Seq: f.Sequence, What: f.What, Detail: f.Detail})
}

// stepRound does the next piece of work, of a bounded size.
func (s *Service) stepRound(ctx context.Context, key []byte, r *round) error {
	switch {
	case !r.Under:
		r.begin(s.opt.Now())
		return nil
	case !r.Anchored:
		return s.stepAnchors(ctx, key, r)
	}
	return s.stepLog(ctx, r)
}

func (r *round) begin(now time.Time) {
	first := r.First
	if first.IsZero() {
		first = now
	}
	r.place = place{Round: r.Round + 1, Under: true, First: first, Began: now, Ended: r.Ended}
}

func (s *Service) stepAnchors(ctx context.Context, key []byte, r *round) error {
	last := r.Anchor.anchor()
	var chunk []store.AuditAnchor
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		chunk, err = tx.Anchors(ctx, last.Number, chainChunk)
		return err
	})
	if err != nil {
		return err
	}
	r.Anchored = len(chunk) < chainChunk
	for _, a := range chunk {
		if f := judge(key, last, a); f != nil { // what follows cannot be judged
			r.note(f.Org, partAnchors, &f.Finding)
			r.Anchored = true
			return nil
		}
		last = a
	}
	r.Anchor = &anchorPlace{last.Number, last.Mac}
	return nil
}

// stepLog reads the next lines of the log that it is at; at its end it goes to
// the next log, and after the last one the round is over.
func (s *Service) stepLog(ctx context.Context, r *round) error {
	if r.Walk == nil {
		end, err := s.end(ctx, r.Org)
		if err != nil {
			return err
		}
		r.Walk = placeOf(s.walkTo(end), end)
	}
	w := r.walk(s)
	if w.under() {
		if err := w.step(ctx); err != nil {
			return err
		}
	}
	if w.under() {
		r.Walk = placeOf(w, r.end())
		return nil
	}
	if err := w.finish(ctx, r.end()); err != nil {
		return err
	}
	if w.broken != nil {
		r.note(r.Org, partLines, w.broken)
	}
	return s.nextLog(ctx, r)
}

func (s *Service) nextLog(ctx context.Context, r *round) error {
	var next wa.OrgID
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		next, err = tx.NextAudited(ctx, r.Org)
		return err
	})
	if wa.CodeOf(err) == wa.NotFound {
		r.place = place{Round: r.Round, First: r.First, Began: r.Began, Ended: s.opt.Now()}
		return nil
	}
	r.Org, r.Walk = next, nil
	return err
}

// keep writes the place together with what was found before it, so that neither
// is there without the other.
func (s *Service) keep(ctx context.Context, key []byte, r *round) error {
	row, err := r.write(key, r.version)
	if err != nil {
		return err
	}
	var fresh []store.AuditFinding
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		moved, err := tx.MoveAuditPlace(ctx, row)
		if err == nil && !moved {
			err = wa.Errorf(wa.Conflict, "another process reads the audit logs")
		}
		if err != nil {
			return err
		}
		if fresh, err = noteFindings(ctx, tx, r); err != nil || r.Under {
			return err
		}
		_, err = tx.HealAudit(ctx, r.Round)
		return err
	})
	if err != nil {
		return err
	}
	r.version, r.found = r.version+1, nil
	for _, f := range fresh {
		err = errors.Join(err, s.tellFinding(ctx, f))
	}
	return err
}

// tellRound sets the metrics by what Postgres knows, whoever walked.
func (s *Service) tellRound(ctx context.Context, key []byte) error {
	var broken int64
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		broken, err = tx.AuditBroken(ctx)
		return err
	})
	if err != nil {
		return err
	}
	r, err := s.roundNow(ctx, key)
	if err != nil {
		return err
	}
	wholeBroken.Set(float64(broken))
	if ended := r.Ended; !ended.IsZero() {
		lastWhole.Set(float64(ended.Unix()))
	} else if !r.First.IsZero() {
		lastWhole.Set(float64(r.First.Unix()))
	}
	return nil
}

// Forget takes back what only the leader may say.
func (s *Service) Forget() {
	brokenLogs.Set(0)
	wholeBroken.Set(0)
	lastWhole.Set(0)
}
