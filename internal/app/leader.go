package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"chasqui/internal/store"
)

// The lease by which one scheduler leads. A leader trusts its lease for less
// time than the database grants it, counted by its own monotonic clock from
// before it asked: when it is cut off it stops before another may begin.
const (
	leaseName  = "scheduler"
	leaseTTL   = 6 * time.Second
	leaseRenew = 1500 * time.Millisecond
	leaseTrust = 4 * time.Second
)

// leader takes part in the election.
type leader struct {
	db     *store.DB
	log    *slog.Logger
	holder uuid.UUID
	change func(leads bool) // told when leading begins and ends

	mu    sync.Mutex
	epoch int64
	until time.Time // leading is certain before
	last  bool      // what change was told last
}

func newLeader(db *store.DB, log *slog.Logger, change func(bool)) *leader {
	return &leader{db: db, log: log, holder: uuid.New(), change: change}
}

// leads reports whether this process surely leads.
func (l *leader) leads() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until)
}

// campaign asks for the lease and prolongs it until ctx ends, then gives it
// back, so that the next one need not wait for it to run out.
func (l *leader) campaign(ctx context.Context) {
	tick := time.NewTicker(leaseRenew)
	defer tick.Stop()
	for {
		l.ask(ctx)
		l.tell(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			l.resign(context.WithoutCancel(ctx))
			return
		}
	}
}

func (l *leader) ask(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, leaseRenew)
	defer cancel()
	asked := time.Now()
	var epoch int64
	var held bool
	err := l.db.InTx(within, func(tx *store.Tx) (err error) {
		epoch, held, err = tx.Lead(within, leaseName, l.holder, leaseTTL)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			l.log.WarnContext(ctx, "cannot ask for the lead", "error", err)
		}
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Time{}
	if held {
		l.epoch, l.until = epoch, asked.Add(leaseTrust)
	}
}

// tell notes when leading begins or ends.
func (l *leader) tell(ctx context.Context) {
	now := l.leads()
	l.mu.Lock()
	epoch, changed := l.epoch, now != l.last
	l.last = now
	l.mu.Unlock()
	if !changed {
		return
	}
	l.change(now)
	if now {
		leaderEpoch.Set(float64(epoch))
		l.log.InfoContext(ctx, "this scheduler leads", "epoch", epoch)
		return
	}
	leaderEpoch.Set(0)
	l.log.WarnContext(ctx, "this scheduler no longer leads", "epoch", epoch)
}

func (l *leader) resign(ctx context.Context) {
	l.mu.Lock()
	l.until = time.Time{}
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := l.db.InTx(ctx, func(tx *store.Tx) error { return tx.Resign(ctx, leaseName, l.holder) })
	if err != nil {
		l.log.WarnContext(ctx, "lead not given back; it runs out by itself", "error", err)
	}
	leaderEpoch.Set(0)
}
