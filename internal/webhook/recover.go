package webhook

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	recoverBatch = 500
	recoverTurns = 20 // batches in a row before others get a turn
	// MaxRecovery is how far back a recovery can go.
	MaxRecovery = 35 * 24 * time.Hour
)

// Deliveries pages through what an endpoint got or shall get, newest first.
func (s *Service) Deliveries(ctx context.Context, by wa.Actor, id wa.EndpointID, f store.DeliveryFilter, p store.Page) (rows []wa.Delivery, err error) {
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		to, err := tx.Endpoint(ctx, by.Org, id)
		if err != nil {
			return err
		}
		rows, err = tx.Deliveries(ctx, by.Org, id, f, p)
		s.tellWaits(rows, to.Enabled, to.Health.OpenUntil)
		return err
	})
	return rows, err
}

// tellWaits says of what is pending that more than its time holds it up: its own
// next attempt may have been due long ago.
func (s *Service) tellWaits(rows []wa.Delivery, enabled bool, openUntil *time.Time) {
	for i := range rows {
		switch d := &rows[i]; {
		case d.Status != wa.DeliveryPending:
		case !enabled:
			d.WaitsFor, d.NextAttemptAt = wa.WaitsForEndpoint, nil
		case openUntil != nil && openUntil.After(s.now()):
			d.WaitsFor = wa.WaitsForCircuit
			if d.NextAttemptAt != nil && d.NextAttemptAt.Before(*openUntil) {
				d.NextAttemptAt = openUntil
			}
		}
	}
}

// Attempts lists the requests that were made for a delivery, oldest first.
func (s *Service) Attempts(ctx context.Context, by wa.Actor, endpoint wa.EndpointID, id wa.DeliveryID) (rows []wa.Attempt, err error) {
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		if _, err := tx.Delivery(ctx, by.Org, endpoint, id); err != nil {
			return err
		}
		rows, err = tx.Attempts(ctx, by.Org, id)
		return err
	})
	return rows, err
}

// Resend sends one delivery again, now, whatever became of it.
func (s *Service) Resend(ctx context.Context, by wa.Actor, endpoint wa.EndpointID, id wa.DeliveryID) (d wa.Delivery, err error) {
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		if err := mustBeOn(ctx, tx, by.Org, endpoint); err != nil {
			return err
		}
		d, err = s.again(ctx, tx, by, endpoint, id)
		return err
	})
	return d, err
}

// again puts a delivery on its way from the start.
func (s *Service) again(ctx context.Context, tx *store.Tx, by wa.Actor, endpoint wa.EndpointID, id wa.DeliveryID) (wa.Delivery, error) {
	if err := tx.BeginAnew(ctx, by.Org, endpoint, id, wa.TriggerManual, s.opt.Ahead()); err != nil {
		return wa.Delivery{}, err
	}
	if err := tx.Audit(by, wa.AuditWebhookResent, endpoint.String(), nil, resent{id}); err != nil {
		return wa.Delivery{}, err
	}
	tx.Ring(wa.DeliverTicket{Endpoint: endpoint})
	return tx.Delivery(ctx, by.Org, endpoint, id)
}

// Test sends an endpoint an event of its own, whatever it is subscribed to.
func (s *Service) Test(ctx context.Context, by wa.Actor, endpoint wa.EndpointID) (d wa.Delivery, err error) {
	event := wa.NewEventID()
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		if err := mustBeOn(ctx, tx, by.Org, endpoint); err != nil {
			return err
		}
		data := wa.EventTest{EndpointID: endpoint, Message: "This is a test. If you can read it and the signature fits, everything works."}
		if err := tx.InsertTest(ctx, by.Org, endpoint, event, data, s.opt.Ahead()); err != nil {
			return err
		}
		if err := tx.Audit(by, wa.AuditWebhookTested, endpoint.String(), nil, nil); err != nil {
			return err
		}
		tx.Ring(wa.DeliverTicket{Endpoint: endpoint})
		d, err = tx.Delivery(ctx, by.Org, endpoint, wa.DeliveryOf(endpoint, event))
		return err
	})
	return d, err
}

// Recover begins the work of sending an endpoint everything of a span that
// failed. A zero until is now.
func (s *Service) Recover(ctx context.Context, by wa.Actor, id wa.EndpointID, since, until time.Time) (wa.Recovery, error) {
	return s.begin(ctx, by, id, wa.RecoverFailed, since, until)
}

// Replay begins the work of sending an endpoint every event of a span that it
// would want and never got: it was made, or switched on, later. A zero until is
// now.
func (s *Service) Replay(ctx context.Context, by wa.Actor, id wa.EndpointID, since, until time.Time) (wa.Recovery, error) {
	return s.begin(ctx, by, id, wa.ReplayMissed, since, until)
}

// span checks what is to be sent again, and gives its end.
func (s *Service) span(since, until time.Time) (time.Time, error) {
	now := s.now()
	switch {
	case since.After(now) || now.Sub(since) > MaxRecovery:
		return until, wa.InvalidField("since", "must lie in the last %d days", int(MaxRecovery.Hours()/24))
	case until.IsZero():
		return now, nil
	case until.After(now) || !until.After(since):
		return until, wa.InvalidField("until", "must lie after since, and not ahead")
	}
	return until, nil
}

func (s *Service) begin(ctx context.Context, by wa.Actor, id wa.EndpointID, kind wa.RecoveryKind, since, until time.Time) (r wa.Recovery, err error) {
	if until, err = s.span(since, until); err != nil {
		return r, err
	}
	r = wa.Recovery{ID: wa.NewRecoveryID(), OrgID: by.Org, EndpointID: id, Kind: kind, Since: since, Until: until}
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		if err := mustBeOn(ctx, tx, by.Org, id); err != nil {
			return err
		}
		row, err := tx.Endpoint(ctx, by.Org, id)
		if err != nil {
			return err
		}
		if err := mayHave(by, row.Endpoint); err != nil {
			return err
		}
		if err := tx.CloseCircuit(ctx, by.Org, id); err != nil {
			return err
		}
		if r, err = tx.InsertRecovery(ctx, r, s.opt.Ahead()); err != nil {
			return err
		}
		action := wa.AuditWebhookRecovered
		if kind == wa.ReplayMissed {
			action = wa.AuditWebhookReplayed
		}
		return tx.Audit(by, action, id.String(), nil, recovered{r.ID, since, until})
	})
	return r, err
}

// Recovery reads how far a recovery has come.
func (s *Service) Recovery(ctx context.Context, by wa.Actor, endpoint wa.EndpointID, id wa.RecoveryID) (r wa.Recovery, err error) {
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		r, err = tx.Recovery(ctx, by.Org, endpoint, id)
		return err
	})
	return r, err
}

func mustBeOn(ctx context.Context, tx *store.Tx, org wa.OrgID, id wa.EndpointID) error {
	row, err := tx.Endpoint(ctx, org, id)
	if err == nil && !row.Enabled {
		return wa.Errorf(wa.Conflict, "the endpoint is switched off: enable it first")
	}
	return err
}

// recover does the work of recoveries, a few batches at a time.
func (d *Dispatcher) recover(ctx context.Context) {
	for range recoverTurns {
		more, err := d.s.RecoverStep(ctx)
		d.complain(ctx, "cannot recover deliveries", err)
		if err != nil || !more {
			return
		}
	}
}

// RecoverStep does one batch of the oldest recovery; false when there is
// nothing to do.
func (s *Service) RecoverStep(ctx context.Context) (more bool, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.NextRecovery(ctx)
		if wa.CodeOf(err) == wa.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		more = true
		moved, finished, err := s.batch(ctx, tx, r)
		if err != nil {
			return err
		}
		if moved > 0 {
			tx.Ring(wa.DeliverTicket{Endpoint: r.EndpointID})
		}
		return tx.ProgressRecovery(ctx, r.ID, moved, finished)
	})
	return more && err == nil, err
}

func (s *Service) batch(ctx context.Context, tx *store.Tx, r wa.Recovery) (moved int64, finished bool, err error) {
	if r.Kind == wa.RecoverFailed {
		moved, err = tx.RecoverBatch(ctx, r, s.opt.Ahead(), recoverBatch)
		return moved, moved < recoverBatch, err
	}
	seen, made, err := tx.ReplayBatch(ctx, r, optIn(), s.opt.Ahead(), recoverBatch)
	return made, seen < recoverBatch, err
}

func optIn() []wa.EventType {
	var out []wa.EventType
	for _, i := range wa.EventTypes() {
		if i.OptIn {
			out = append(out, i.Type)
		}
	}
	return out
}

// Measure counts what operators watch; one process at a time should do it.
func (s *Service) Measure(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *store.Tx) error {
		open, dead, err := tx.HookFigures(ctx)
		if err == nil {
			openCircuits.Set(float64(open))
			deadDeliveries.Set(float64(dead))
		}
		return err
	})
}

// Keep is how long deliveries and their attempts are kept.
const Keep = 30 * 24 * time.Hour

const (
	sweepBatch = 10_000
	sweepTurns = 500 // in an hour; the rest waits for the next
)

// Sweep forgets what is older than Keep, some at a time.
func (s *Service) Sweep(ctx context.Context) error {
	for range sweepTurns {
		var gone int64
		err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
			gone, err = tx.SweepDeliveries(ctx, Keep, sweepBatch)
			return err
		})
		if err != nil || gone < sweepBatch {
			return err
		}
	}
	return nil
}
