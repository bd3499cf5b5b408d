package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// orgErasing is how orgs are erased. All of it goes on where it was when a process
// ends in the middle: what is done is what is gone.
type orgErasing struct {
	// Settle is how old a deletion must be before anything is erased: until then
	// processes may take keys and people at their former word, and mails go out.
	Settle time.Duration
	// Last is how long after an org's own row went it is looked for the last time
	// for what came late: longer than any alert looks back.
	Last time.Duration
	// Phones is how long numbers may take to be unlinked before they are removed as
	// they are.
	Phones time.Duration
	Batch  int           // rows in a transaction
	For    time.Duration // for how long one run goes on
	// Walked is up to where the attempts of webhooks were walked through for each
	// org. Another process begins anew.
	Walked map[wa.OrgID]int64
}

// strayPage is in how many attempts, in batches, those of one org are looked for
// in a transaction.
const strayPage = 20

func usualErasing() orgErasing {
	return orgErasing{Settle: 30 * time.Second, Last: 15 * time.Minute, Phones: 15 * time.Minute, Batch: 1000, For: 20 * time.Second}
}

func (s *scheduler) eraseOrgs(ctx context.Context) error {
	e := usualErasing()
	e.Walked = s.walked
	return e.run(ctx, s.k.DB, s.k.Fleet, s.k.Log)
}

// run takes the erasure of every org further that is due. One that fails does not
// keep the others from it.
func (e orgErasing) run(ctx context.Context, db *store.DB, numbers *fleet.Service, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, e.For)
	defer cancel()
	var all []store.Leaving
	err := db.InTx(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.LeavingOrgs(ctx)
		return err
	})
	for _, l := range all {
		failed := e.one(ctx, db, numbers, log, l)
		if ctx.Err() != nil {
			return err // the time is over: the next run goes on
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("erase %s: %w", l.Org, failed))
		}
	}
	return err
}

func (e orgErasing) one(ctx context.Context, db *store.DB, numbers *fleet.Service, log *slog.Logger, l store.Leaving) error {
	if l.Erasing == nil {
		begun := false
		err := db.InOrg(ctx, l.Org, func(tx *store.Tx) (err error) {
			begun, err = tx.BeginErasing(ctx, l.Org, e.Settle)
			return err
		})
		if err != nil || !begun {
			return err
		}
		log.InfoContext(ctx, "an organisation is being erased", "org", l.Org.String())
		now := time.Now()
		l.Erasing = &now
	}
	if l.GoneAt == nil {
		done, err := e.unlink(ctx, numbers, log, l)
		if err != nil || !done {
			return err
		}
	}
	if err := e.rows(ctx, db, l.Org); err != nil {
		return err
	}
	if l.GoneAt == nil {
		return db.InOrg(ctx, l.Org, func(tx *store.Tx) error { return tx.EraseOrg(ctx, l.Org) })
	}
	return e.finish(ctx, db, log, l.Org)
}

// unlink has the org's numbers logged out and removed; false while some are left.
func (e orgErasing) unlink(ctx context.Context, numbers *fleet.Service, log *slog.Logger, l store.Leaving) (bool, error) {
	force := time.Since(*l.Erasing) > e.Phones
	left, forced, err := numbers.RemoveAll(ctx, l.Org, force)
	if forced > 0 {
		log.WarnContext(ctx, "numbers of an organisation that is erased were removed without telling WhatsApp: no worker did in time", "org", l.Org.String(), "numbers", forced)
	}
	return left == 0, err
}

// rows erases what there is, table by table, in short transactions.
func (e orgErasing) rows(ctx context.Context, db *store.DB, org wa.OrgID) error {
	for _, kind := range store.OrgErasures() {
		for {
			var n int64
			err := db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
				n, err = tx.EraseSome(ctx, org, kind, e.Batch)
				return err
			})
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	return e.strays(ctx, db, org)
}

// strays erases attempts whose deliveries are gone. At its end it looks at the
// last ones only.
func (e orgErasing) strays(ctx context.Context, db *store.DB, org wa.OrgID) error {
	for more := true; more; {
		err := db.InTx(ctx, func(tx *store.Tx) (err error) {
			e.Walked[org], more, err = tx.EraseStrayAttempts(ctx, org, e.Walked[org], strayPage*e.Batch)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// finish writes the receipt, once nothing can come any more: into the log of the
// program, and into the installation's audit log.
func (e orgErasing) finish(ctx context.Context, db *store.DB, log *slog.Logger, org wa.OrgID) error {
	var l store.Leaving
	done := false
	err := db.InTx(ctx, func(tx *store.Tx) (err error) {
		if l, done, err = tx.FinishErasing(ctx, org, e.Last); err != nil || !done {
			return err
		}
		return tx.Audit(wa.Actor{Name: "system"}, wa.AuditOrgErased, org.String(), nil, map[string]any{
			"asked_by": l.By, "asked_at": l.AskedAt, "begun_at": l.Erasing, "rows": l.Counts,
		})
	})
	if err != nil || !done {
		return err
	}
	delete(e.Walked, org)
	counts := []any{"org", org.String()}
	for _, table := range slices.Sorted(maps.Keys(l.Counts)) {
		counts = append(counts, slog.Int64(table, l.Counts[table]))
	}
	log.InfoContext(ctx, "an organisation is erased", counts...)
	return nil
}
