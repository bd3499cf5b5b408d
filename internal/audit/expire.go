package audit

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	// expireSpan is how many lines are verified and said to be forgotten at a
	// time, expireBatch how many are deleted in a transaction, and expirePage how
	// many logs are looked for at a time.
	expireSpan  = 20_000
	expireBatch = 1000
	expirePage  = 100
)

// Forgetting is what the log says of lines that were forgotten.
type Forgetting struct {
	Log  string `json:"log"`   // whose: an org's id, or "the installation"
	UpTo int64  `json:"up_to"` // the sequence of the last line
	Hash string `json:"hash"`  // of that line, in hexadecimal
	Days int    `json:"days"`  // they were kept for
}

// Expire forgets what is older than it is kept: lines of logs from their first
// one on, up to an anchor. The installation keeps its own log and those of all
// orgs for days at most, 0 meaning for ever; an org may set less for its own. What
// is about to go is verified first: of a log that is broken nothing is forgotten.
// It goes on for about that long; what is left then goes with the next call. Ages
// are counted in whole days, so that a log tells of it once a day.
func (s *Service) Expire(ctx context.Context, days int, within time.Duration) error {
	key, err := s.opt.Key(ctx)
	if err != nil {
		return fmt.Errorf("get the key of anchors: %w", err)
	}
	until, today := time.Now().Add(within), s.opt.Now().UTC().Truncate(24*time.Hour)
	var after *wa.OrgID
	var failed error
	for {
		var page []store.OldAudit
		err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
			page, err = tx.OldAudits(ctx, today, after, days, expirePage)
			return err
		})
		if err != nil {
			return errors.Join(failed, err)
		}
		for _, o := range page {
			if err := s.expireLog(ctx, key, o, today, until); err != nil {
				failed = errors.Join(failed, fmt.Errorf("forget the audit log of %s: %w", LogName(o.Org), err))
			}
			after = &o.Org
			if !time.Now().Before(until) {
				return failed
			}
		}
		if len(page) < expirePage {
			return failed
		}
	}
}

// expireLog forgets piece by piece what is old of one log. What an earlier call
// said to be forgotten and left is deleted first.
func (s *Service) expireLog(ctx context.Context, key []byte, o store.OldAudit, today, until time.Time) error {
	gone, err := s.expireSaid(ctx, o.Org, until)
	for err == nil && time.Now().Before(until) {
		var a store.AuditAnchor
		a, err = s.oldPiece(ctx, key, o, today)
		if err != nil || a.Seq == 0 {
			break
		}
		if err = s.sayForgotten(ctx, key, o, a); err != nil {
			break
		}
		var n int64
		n, err = s.expireSaid(ctx, o.Org, until)
		gone += n
	}
	if gone > 0 {
		s.opt.Log.InfoContext(ctx, "lines of an audit log are forgotten: they are older than it is kept",
			slog.String("log", LogName(o.Org)), slog.Int64("lines", gone), slog.Int("days", o.Days))
	}
	return err
}

// oldPiece is the anchor up to which the log's next lines can be forgotten: they
// are as they were written, and so is the anchor. A zero anchor: nothing can.
func (s *Service) oldPiece(ctx context.Context, key []byte, o store.OldAudit, today time.Time) (a store.AuditAnchor, err error) {
	end, err := s.end(ctx, o.Org)
	if err != nil || end.Last == 0 {
		return a, err
	}
	before := today.AddDate(0, 0, -o.Days)
	var mac []byte
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		if a, err = tx.AnchorBefore(ctx, o.Org, end.First-1, expireSpan, before); err != nil {
			return err
		}
		mac, err = tx.AnchorMac(ctx, a.Number-1)
		if wa.CodeOf(err) == wa.NotFound && a.Number == 1 {
			return nil
		}
		return err
	})
	if wa.CodeOf(err) == wa.NotFound {
		return store.AuditAnchor{}, nil
	}
	if err != nil {
		return a, err
	}
	if !hmac.Equal(a.Mac, sign(key, mac, a)) {
		return a, &errBroken{o.Org, Finding{a.Seq, Forged, fmt.Sprintf("anchor %d is not signed by us", a.Number)}}
	}
	w := &walk{s: s, org: o.Org, prev: wa.AuditGenesis(), upTo: a.Seq}
	if err := w.run(ctx); err != nil {
		return a, err
	}
	if w.broken == nil && w.seq < a.Seq {
		w.broken = &Finding{w.seq + 1, Missing, fmt.Sprintf("anchor %d is of line %d", a.Number, a.Seq)}
	}
	if w.broken != nil {
		return a, &errBroken{o.Org, *w.broken}
	}
	return a, nil
}

// sayForgotten writes the record of a piece and the log's own line about it,
// together with the first deletions: where the database finds lines too young,
// neither is there. The log of an org that is no more does not grow by it, or it
// would never end: the installation's tells.
func (s *Service) sayForgotten(ctx context.Context, key []byte, o store.OldAudit, a store.AuditAnchor) error {
	f := store.AuditForgotten{
		Org: o.Org, Seq: a.Seq, Hash: a.Hash, AnchoredAt: a.At, Days: o.Days, At: s.opt.Now().UTC().Truncate(time.Microsecond), Key: keyName(key),
	}
	f.Mac = signForgotten(key, f)
	by := wa.Actor{Name: "system"}
	if !o.Gone {
		by.Org = o.Org
	}
	return s.db.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.InsertForgotten(ctx, f); err != nil {
			return err
		}
		if _, err := tx.ForgetAudit(ctx, o.Org, expireBatch); err != nil {
			return err
		}
		said := Forgetting{Log: LogName(o.Org), UpTo: f.Seq, Hash: hex.EncodeToString(f.Hash), Days: f.Days}
		return tx.Audit(by, wa.AuditForgotten, LogName(o.Org), nil, said)
	})
}

// expireSaid deletes what is said to be forgotten and still there.
func (s *Service) expireSaid(ctx context.Context, org wa.OrgID, until time.Time) (gone int64, err error) {
	for {
		var n int64
		err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.ForgetAudit(ctx, org, expireBatch)
			return err
		})
		if gone += n; err != nil || n < expireBatch || !time.Now().Before(until) {
			return gone, err
		}
	}
}
