package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// What is suspicious. The numbers are well above what people and programs do by
// mistake; docs/security.md repeats them.
const (
	signInWindow  = 10 * time.Minute
	signInsMost   = 10 // failed ones of an account
	addressMost   = 30 // failed ones from an address, over all accounts
	refusedWindow = 5 * time.Minute
	refusedMost   = 100 // requests of a key or person answered with 403 or 404
	volumeTimes   = 5   // times the usual volume of an hour
	volumeLeast   = 200 // messages an hour below which nothing is unusual

	// quiet is how long an alert is not raised again for the same subject.
	quiet = time.Hour
)

// rule is one way to look suspicious.
type rule struct {
	kind   wa.AlertKind
	window time.Duration
	look   func(context.Context, *store.Tx) ([]store.Suspicion, error)
	words  func(store.Suspicion) string
}

// rules are all that Watch looks for.
func rules() []rule {
	return []rule{
		{wa.AlertSignIns, signInWindow, func(ctx context.Context, tx *store.Tx) ([]store.Suspicion, error) {
			return tx.FailedSignIns(ctx, signInWindow, signInsMost)
		}, func(s store.Suspicion) string {
			return fmt.Sprintf("%d sign-ins of one account failed in %s.", s.Count, signInWindow)
		}},
		{wa.AlertAddress, signInWindow, func(ctx context.Context, tx *store.Tx) ([]store.Suspicion, error) {
			return tx.FailedFromAddress(ctx, signInWindow, addressMost)
		}, func(s store.Suspicion) string {
			return fmt.Sprintf("%d sign-ins from one address failed in %s.", s.Count, signInWindow)
		}},
		{wa.AlertTokenReuse, signInWindow, func(ctx context.Context, tx *store.Tx) ([]store.Suspicion, error) {
			return tx.ReusedTokens(ctx, signInWindow)
		}, func(store.Suspicion) string {
			return "A sign-in's refresh token was used twice: somebody else has it. The sign-in was ended."
		}},
		{wa.AlertProbing, refusedWindow, func(ctx context.Context, tx *store.Tx) ([]store.Suspicion, error) {
			return tx.OverCount(ctx, refused, refusedWindow, refusedMost)
		}, func(s store.Suspicion) string {
			return fmt.Sprintf("%d requests asked for what is not theirs, or not there, in %s: a key may be in wrong hands.", s.Count, refusedWindow)
		}},
		{wa.AlertVolume, time.Hour, func(ctx context.Context, tx *store.Tx) ([]store.Suspicion, error) {
			return tx.OverUsual(ctx, sent, volumeTimes, volumeLeast)
		}, func(s store.Suspicion) string {
			return fmt.Sprintf("%d messages this hour, where %d are usual.", s.Count, s.Usual)
		}},
	}
}

func kinds() []wa.AlertKind { return wa.AlertKinds() }

// Watch looks for suspicious activity of every org and raises an alert for what
// it finds: an event, a line in the org's audit log, a metric, and a notice to
// the admins. The same subject is left in peace for an hour afterwards, whoever
// looks. One process at a time should do it; two do no harm.
func (s *Service) Watch(ctx context.Context) error {
	var failed error
	for _, r := range rules() {
		var found []store.Suspicion
		err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
			found, err = r.look(ctx, tx)
			return err
		})
		failed = errors.Join(failed, err)
		for _, f := range found {
			failed = errors.Join(failed, s.raise(ctx, r, f))
		}
	}
	return failed
}

func (s *Service) raise(ctx context.Context, r rule, f store.Suspicion) error {
	alert := wa.EventAlert{
		Kind: r.kind, Subject: f.Subject, Count: f.Count, Usual: f.Usual, WindowSeconds: int(r.window.Seconds()), Message: r.words(f),
	}
	fresh := false
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		if fresh, err = tx.RaiseAlert(ctx, f.Org, string(r.kind), f.Subject, quiet); err != nil || !fresh {
			return err
		}
		if err := tx.Audit(wa.Actor{Org: f.Org, Name: "system"}, wa.AuditAlert, f.Subject, nil, alert); err != nil || f.Org.IsZero() {
			return err // what concerns no org has nobody to send an event to
		}
		return tx.Emit(f.Org, wa.ClientID{}, wa.SecurityAlert, alert)
	})
	if err != nil || !fresh {
		return err
	}
	alertsTotal.WithLabelValues(string(r.kind)).Inc()
	s.opt.Log.WarnContext(ctx, "suspicious activity", "kind", r.kind, "log", LogName(f.Org), "count", f.Count)
	if err := s.opt.Notify(ctx, f.Org, alert); err != nil {
		return fmt.Errorf("tell admins of an alert: %w", err)
	}
	return nil
}

const (
	keepRefused = 24 * time.Hour
	keepSent    = 8 * 24 * time.Hour
)

// Sweep forgets what was counted long ago.
func (s *Service) Sweep(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.SweepSecurity(ctx, []string{refused}, keepRefused); err != nil {
			return err
		}
		_, err := tx.SweepSecurity(ctx, []string{sent}, keepSent)
		return err
	})
}
