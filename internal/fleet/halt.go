package fleet

import (
	"context"
	"errors"
	"fmt"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Halt throws the kill switch for a client, or, with the zero id, for all of the
// actor's org: from two seconds later on nothing leaves, whoever holds the
// numbers. What was under way at that moment ends; everything else waits where
// it is. Throwing it twice is the same as once.
func (s *Service) Halt(ctx context.Context, by wa.Actor, client wa.ClientID, reason string) error {
	reason, err := wa.CleanHaltReason(reason)
	if err != nil {
		return err
	}
	return s.turn(ctx, by, client, reason, true)
}

// Release takes one throw of the kill switch back: of a client, or, with the
// zero id, of the org. Wider ones stay in force. Releasing what is not held does
// nothing.
func (s *Service) Release(ctx context.Context, by wa.Actor, client wa.ClientID) error {
	return s.turn(ctx, by, client, "", false)
}

// turn throws or releases one of an org's switches.
func (s *Service) turn(ctx context.Context, by wa.Actor, client wa.ClientID, reason string, on bool) error {
	h := wa.Halt{Scope: wa.HaltOrg, OrgID: by.Org, ClientID: client, Reason: reason, By: by.Name}
	if !client.IsZero() {
		h.Scope = wa.HaltClient
	}
	return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if !client.IsZero() {
			if _, err := tx.Client(ctx, by.Org, client); err != nil {
				return err
			}
		}
		var moved bool
		var err error
		if on {
			moved, err = tx.Halt(ctx, h)
		} else {
			moved, err = release(ctx, tx, by.Org, client)
		}
		if err != nil || !moved {
			return err
		}
		if err := auditTurn(tx, by, h, on); err != nil {
			return err
		}
		return tell(ctx, tx, h, on)
	})
}

// release takes a throw back. That of an org which is being deleted stays: it is
// taken back with the deletion.
func release(ctx context.Context, tx *store.Tx, org wa.OrgID, client wa.ClientID) (bool, error) {
	if client.IsZero() {
		o, err := tx.Org(ctx, org)
		if err != nil {
			return false, err
		}
		if o.Deletion != nil {
			return false, wa.OrgLeaving()
		}
	}
	return tx.Unhalt(ctx, org, client)
}

// HaltAll throws the kill switch for the whole installation. Only its operator
// may: the actor belongs to no org.
func (s *Service) HaltAll(ctx context.Context, by wa.Actor, reason string) error {
	reason, err := wa.CleanHaltReason(reason)
	if err != nil {
		return err
	}
	return s.turnAll(ctx, by, reason, true)
}

// ReleaseAll takes HaltAll back. What orgs and clients are held by themselves
// stays held.
func (s *Service) ReleaseAll(ctx context.Context, by wa.Actor) error {
	return s.turnAll(ctx, by, "", false)
}

// turnAll throws or releases the installation's switch. That stands, audited,
// before any org is told: in an emergency nothing may undo or delay it. The
// error of an org that could not be told comes after the switch has moved.
func (s *Service) turnAll(ctx context.Context, by wa.Actor, reason string, on bool) error {
	h := wa.Halt{Scope: wa.HaltAll, Reason: reason, By: by.Name}
	var moved bool
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		if on {
			moved, err = tx.HaltAll(ctx, h)
		} else {
			moved, err = tx.UnhaltAll(ctx)
		}
		if err != nil || !moved {
			return err
		}
		return auditTurn(tx, by, h, on)
	})
	if err != nil || !moved {
		return err
	}
	if err := s.tellAll(ctx, h, on); err != nil {
		return fmt.Errorf("the switch has moved, but not every organisation could be told: %w", err)
	}
	return nil
}

// Halts lists what holds the actor's org or clients of it, the widest first.
func (s *Service) Halts(ctx context.Context, by wa.Actor) (all []wa.Halt, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		all, err = tx.OrgHalts(ctx, by.Org)
		return err
	})
	return all, err
}

func auditTurn(tx *store.Tx, by wa.Actor, h wa.Halt, on bool) error {
	target := map[wa.HaltScope]string{wa.HaltClient: h.ClientID.String(), wa.HaltOrg: h.OrgID.String()}[h.Scope]
	if h.Scope == wa.HaltAll {
		target = string(h.Scope)
	}
	if on {
		return tx.Audit(by, wa.AuditStopped, target, nil, h)
	}
	return tx.Audit(by, wa.AuditReleased, target, nil, nil)
}

// tell emits the event of a client, or of an org.
func tell(ctx context.Context, tx *store.Tx, h wa.Halt, on bool) error {
	if h.ClientID.IsZero() {
		kind := wa.OrgIsReleased
		if on {
			kind = wa.OrgIsHalted
		}
		return tx.Emit(h.OrgID, wa.ClientID{}, kind, wa.EventHalt{Scope: h.Scope, Reason: h.Reason})
	}
	c, err := tx.Client(ctx, h.OrgID, h.ClientID)
	if err != nil {
		return err
	}
	kind := wa.ClientIsReleased
	if on {
		kind = wa.ClientIsHalted
	}
	return tx.Emit(h.OrgID, h.ClientID, kind, wa.EventClient{Client: c, Reason: h.Reason})
}

// tellAll emits the event of the installation, to every org that it can.
func (s *Service) tellAll(ctx context.Context, h wa.Halt, on bool) error {
	var orgs []wa.OrgID
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		orgs, err = tx.OrgIDs(ctx)
		return err
	})
	for _, org := range orgs {
		h.OrgID = org
		err = errors.Join(err, s.db.InOrg(ctx, org, func(tx *store.Tx) error { return tell(ctx, tx, h, on) }))
	}
	return err
}
