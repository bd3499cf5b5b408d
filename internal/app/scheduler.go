package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/robfig/cron/v3"

	"chasqui/internal/queue"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// job is one line of the cron table.
type job struct {
	spec string // seconds first, UTC
	name string
	run  func(ctx context.Context) error
}

// table is everything the clock sets in motion. All of it may run twice or late
// without harm: effects are behind guarded updates, and what is missed is found
// by the next run. The codes are those of the reconcilers in docs/operations.md.
func (s *scheduler) table() []job {
	return []job{
		{"* * * * * *", "promote-due", s.promoteDue},           // R3
		{"*/10 * * * * *", "expire-due", s.expireDue},          // R4
		{"*/15 * * * * *", "find-unowned", s.findUnowned},      // R5
		{"*/15 * * * * *", "ring-late", s.k.Messages.RingLate}, // R6
		{"3-59/10 * * * * *", "count-figures", s.countFigures},
		{"*/15 * * * * *", "measure-waiting", s.measure},
		{"5-59/30 * * * * *", "measure-platform", s.measurePlatform},
		{"*/20 * * * * *", "count-tickets", s.census.Collect},
		{"*/15 * * * * *", "measure-webhooks", s.k.Webhooks.Measure},
		{"*/15 * * * * *", "watch-security", s.k.Audit.Watch},
		{"20 * * * * *", "anchor-audit", s.k.Audit.Anchor},
		{"7-59/15 * * * * *", "verify-audit", s.verifyAudit},
		{"0 57 * * * *", "forget-audit", s.forgetAudit},
		{"0 27 * * * *", "sweep-security", s.k.Audit.Sweep},
		{"0 */5 * * * *", "sweep-slots", s.sweepSlots}, // R10
		{"0 17 * * * *", "sweep-webhooks", s.k.Webhooks.Sweep},
		{"0 47 * * * *", "sweep-hosts", s.k.Webhooks.SweepHosts},
		{"0 37 * * * *", "sweep-history", s.sweepHistory},
		{"0 7 * * * *", "sweep", s.sweep}, // R11
		{"0 37 * * * *", "forget", s.forget},
		{"9-59/10 * * * * *", "erase-people", s.k.Messages.GoOnErasing},
		{"0 47 * * * *", "sweep-erased", s.k.Messages.SweepErased},
		{"9-59/15 * * * * *", "erase-orgs", s.eraseOrgs},
	}
}

// jobLimit bounds one run of a job.
const jobLimit = 30 * time.Second

// unownedGrace is how long a client may be without a live owner before that is
// worth an alert; unownedMost bounds how many are counted.
const (
	unownedGrace = 15 * time.Second
	unownedMost  = 1000
)

// deadSlotAge is how long a slot must be dead before its bells are swept.
const deadSlotAge = 10 * time.Minute

// scheduler turns the clock into work while it leads.
type scheduler struct {
	k      *Kit
	leader *leader
	census *queue.Census
	unring func(ctx context.Context, slots []int) error
	walked map[wa.OrgID]int64 // see orgErasing
}

// Scheduler builds the parts that turn the clock into work.
func Scheduler(ctx context.Context, k *Kit) ([]Part, error) {
	metrics, err := k.metricsPart(ctx, k.redisNote)
	if err != nil {
		return nil, err
	}
	rdb, err := queue.OpenRedis(k.Config.RedisURL.Reveal(), false)
	if err != nil {
		return nil, err
	}
	k.onClose(rdb.Close)
	s := &scheduler{k: k, census: queue.NewCensus(rdb), walked: map[wa.OrgID]int64{}}
	s.unring = func(ctx context.Context, slots []int) error {
		n, err := queue.SweepDeadSlots(ctx, rdb, slots)
		if n > 0 {
			k.Log.InfoContext(ctx, "bells of dead workers removed", "bells", n)
		}
		return err
	}
	s.leader = newLeader(k.DB, k.Log, s.leading)
	beat, err := k.newPulse(wa.RunsScheduler, nil)
	if err != nil {
		return nil, err
	}
	return []Part{metrics, k.keys(), k.bells(), {Name: "leader", Run: s.run}, beat.part(), k.readiness()}, nil
}

// leading takes back what only a leader may claim to know.
func (s *scheduler) leading(leads bool) {
	if !leads {
		forgetFigures()
		s.census.Forget()
		s.k.Audit.Forget()
	}
}

// run keeps the table going and takes part in the election until ctx ends.
func (s *scheduler) run(ctx context.Context) error {
	log := cronLog{s.k.Log}
	c := cron.New(cron.WithSeconds(), cron.WithLocation(time.UTC), cron.WithLogger(log),
		cron.WithChain(cron.Recover(log), cron.SkipIfStillRunning(log)))
	for _, j := range s.table() {
		if _, err := c.AddFunc(j.spec, func() { s.do(ctx, j) }); err != nil {
			return fmt.Errorf("cron table: %s: %w", j.name, err)
		}
	}
	c.Start()
	s.leader.campaign(ctx)
	<-c.Stop().Done()
	return nil
}

// do runs a job if this process leads.
func (s *scheduler) do(ctx context.Context, j job) {
	if !s.leader.leads() {
		return
	}
	ctx, cancel := context.WithTimeout(wa.WithLog(ctx, slog.String("job", j.name)), jobLimit)
	defer cancel()
	began := time.Now()
	err := j.run(ctx)
	result := "ok"
	if err != nil {
		result = "failed"
	}
	jobSeconds.WithLabelValues(j.name, result).Observe(time.Since(began).Seconds())
	if err == nil {
		jobSucceeded.WithLabelValues(j.name).SetToCurrentTime()
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.k.Log.WarnContext(ctx, "job failed; it comes again", "code", wa.CodeOf(err), "error", err)
	}
}

// promoteDue goes on while there is a full batch, so that a flood that is due
// at one moment does not take minutes.
func (s *scheduler) promoteDue(ctx context.Context) error {
	return whileFull(ctx, s.k.Messages.PromoteDue)
}

func (s *scheduler) expireDue(ctx context.Context) error {
	return whileFull(ctx, s.k.Messages.ExpireDue)
}

// wholeSlice is for how long the round over all audit logs goes on at a time: a
// third of the time at most, so that it takes no more than that of a processor.
const wholeSlice = 5 * time.Second

func (s *scheduler) verifyAudit(ctx context.Context) error {
	return s.k.Audit.Whole(ctx, wholeSlice)
}

// expireSlice is for how long old lines of audit logs are forgotten in an hour.
const expireSlice = 20 * time.Second

func (s *scheduler) forgetAudit(ctx context.Context) error {
	return s.k.Audit.Expire(ctx, s.k.Config.AuditDays, expireSlice)
}

func (s *scheduler) sweepHistory(ctx context.Context) error {
	return whileFull(ctx, s.k.Fleet.SweepHistory)
}

// fullBatch is a number of rows from which another pass is worth its while.
const fullBatch = 1000

func whileFull(ctx context.Context, pass func(context.Context) (int, error)) error {
	for {
		n, err := pass(ctx)
		if err != nil || n < fullBatch {
			return err
		}
	}
}

// findUnowned tells of clients that nobody holds, and asks the workers to take
// them.
func (s *scheduler) findUnowned(ctx context.Context) error {
	var ids []wa.ClientID
	err := s.k.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		if ids, err = tx.Unowned(ctx, unownedGrace, unownedMost); err != nil {
			return err
		}
		for _, id := range ids {
			tx.Ring(wa.AssignTicket{Version: 1, Client: id})
		}
		return nil
	})
	if err != nil {
		return err
	}
	clientsUnowned.Set(float64(len(ids)))
	if len(ids) > 0 {
		s.k.Log.ErrorContext(ctx, "clients have no worker: start workers, or raise WORKER_CAPACITY", "clients", len(ids), "first", ids[0].String())
	}
	return nil
}

func (s *scheduler) sweepSlots(ctx context.Context) error {
	var slots []int
	err := s.k.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		slots, err = tx.DeadSlots(ctx, deadSlotAge)
		return err
	})
	if err != nil || len(slots) == 0 {
		return err
	}
	return s.unring(ctx, slots)
}

func (s *scheduler) sweep(ctx context.Context) error {
	stuck, err := s.k.Messages.Sweep(ctx)
	if err != nil {
		return err
	}
	messagesStuck.Set(float64(stuck))
	if stuck > 0 {
		s.k.Log.ErrorContext(ctx, "messages should have ended by now", "messages", stuck)
	}
	return nil
}

// cronLog writes what cron says.
type cronLog struct{ log *slog.Logger }

// Info is cron's chatter.
func (l cronLog) Info(msg string, kv ...any) {
	l.log.Debug("cron says", append([]any{"text", msg}, kv...)...)
}

// Error is a job that panicked.
func (l cronLog) Error(err error, msg string, kv ...any) {
	l.log.Error("cron has trouble", append([]any{"text", msg, "error", err}, kv...)...)
}
