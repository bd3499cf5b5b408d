package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// DeleteOrg begins to delete the actor's org, whose name they must give: from
// then on nothing leaves, keys and webhooks are closed and nobody changes
// anything. It can be taken back for Options.Grace; afterwards all of it is
// erased. Asking twice is the same as once. Admins are mailed.
func (s *Service) DeleteOrg(ctx context.Context, by wa.Actor, name string) (wa.OrgDeletion, error) {
	box, err := s.mailBox(ctx, by.Org)
	if err != nil {
		return wa.OrgDeletion{}, err
	}
	var d wa.OrgDeletion
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		org, now, err := s.orgForDeletion(ctx, tx, by)
		if err != nil {
			return err
		}
		if strings.TrimSpace(name) != org.Name {
			return wa.InvalidField("name", "must be the name of the organisation that is to be deleted")
		}
		if org.Deletion != nil {
			d = *org.Deletion
			return nil
		}
		if d, err = s.beginDeletion(ctx, tx, now); err != nil {
			return err
		}
		return s.mailAdmins(ctx, tx, box, by.Org, func(to string) wa.Letter { return s.leavingLetter(to, org.Name, now, d) })
	})
	s.forgetKeys()
	s.forgetSeats()
	s.nudge()
	return d, err
}

// beginDeletion holds and closes everything of an org, in one transaction.
func (s *Service) beginDeletion(ctx context.Context, tx *store.Tx, by wa.Actor) (wa.OrgDeletion, error) {
	stopped, err := tx.Halt(ctx, wa.Halt{OrgID: by.Org, Reason: wa.EndedByDeletion, By: by.Name})
	if err != nil {
		return wa.OrgDeletion{}, err
	}
	who := ""
	if !by.User.IsZero() {
		who = by.User.String()
	}
	d, err := tx.AskDeletion(ctx, by.Org, who, s.opt.Grace, stopped)
	if err != nil {
		return d, err
	}
	if err := tx.Audit(by, wa.AuditOrgLeaving, by.Org.String(), nil, d); err != nil {
		return d, err
	}
	return d, tx.Emit(by.Org, wa.ClientID{}, wa.OrgIsLeaving, wa.EventOrgDeletion{DueAt: &d.DueAt})
}

// KeepOrg takes the deletion of the actor's org back: it is as it was. Of an org
// that is not being deleted it does nothing; once erasing has begun it is a
// Conflict.
func (s *Service) KeepOrg(ctx context.Context, by wa.Actor) error {
	box, err := s.mailBox(ctx, by.Org)
	if err != nil {
		return err
	}
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		org, now, err := s.orgForDeletion(ctx, tx, by)
		if err != nil || org.Deletion == nil {
			return err
		}
		kept, err := tx.TakeDeletionBack(ctx, by.Org)
		if err != nil {
			return err
		}
		if !kept {
			return wa.Errorf(wa.Conflict, "the organisation is being erased: it cannot be kept any more")
		}
		if err := tx.Audit(now, wa.AuditOrgKept, by.Org.String(), org.Deletion, nil); err != nil {
			return err
		}
		if err := tx.Emit(by.Org, wa.ClientID{}, wa.OrgIsKept, wa.EventOrgDeletion{}); err != nil {
			return err
		}
		return s.mailAdmins(ctx, tx, box, by.Org, func(to string) wa.Letter { return keptLetter(to, org.Name, now) })
	})
	s.forgetKeys()
	s.forgetSeats()
	s.nudge()
	return err
}

// orgForDeletion is the actor's org, held until the transaction ends, and the
// actor as they are now.
func (s *Service) orgForDeletion(ctx context.Context, tx *store.Tx, by wa.Actor) (wa.Org, wa.Actor, error) {
	now, err := s.asNow(ctx, tx, by, wa.DeleteOrg)
	if err != nil {
		return wa.Org{}, now, err
	}
	if err := tx.LockOrg(ctx, by.Org); err != nil { // the operator holds nothing yet
		return wa.Org{}, now, err
	}
	org, err := tx.Org(ctx, by.Org)
	return org, now, err
}

// LeavingOrgs lists the orgs that are being deleted, for an operator.
func (s *Service) LeavingOrgs(ctx context.Context) (all []store.Leaving, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		all, err = tx.LeavingOrgs(ctx)
		return err
	})
	return all, err
}

// DeleteOrgOf is DeleteOrg for an operator.
func (s *Service) DeleteOrgOf(ctx context.Context, org wa.OrgID, name string) (wa.OrgDeletion, error) {
	return s.DeleteOrg(ctx, operator(org), name)
}

// KeepOrgOf is KeepOrg for an operator.
func (s *Service) KeepOrgOf(ctx context.Context, org wa.OrgID) error {
	return s.KeepOrg(ctx, operator(org))
}

// mailAdmins has every active admin of an org mailed, when the transaction
// stands. Without a box nobody is.
func (s *Service) mailAdmins(ctx context.Context, tx *store.Tx, box Box, org wa.OrgID, letter func(to string) wa.Letter) error {
	if box == nil {
		return nil
	}
	p, err := store.ParsePage("", store.MaxPage)
	if err != nil {
		return err
	}
	admins, err := tx.Users(ctx, org, store.UserFilter{Role: wa.Admin, Status: wa.UserActive}, p)
	if err != nil {
		return err
	}
	for _, u := range admins {
		m, err := s.letter(box, org, letter(u.Email), s.now().Add(alertWorth))
		if err != nil {
			return err
		}
		if err := tx.InsertMail(ctx, m, s.now()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) leavingLetter(to, org string, by wa.Actor, d wa.OrgDeletion) wa.Letter {
	return wa.Letter{To: to, Subject: org + " is being deleted", Body: fmt.Sprintf(
		"%s has asked to delete the organisation %s.\n\nSince then nothing is sent, and API keys and webhooks are closed. "+
			"At %s everything in it is erased: numbers are unlinked, messages, contacts, people and settings are gone for good.\n\n"+
			"Until then an admin can sign in and choose \"Keep the organisation\":\n\n%s\n", personOf(by), org, d.DueAt.UTC().Format(time.RFC1123), s.home())}
}

func keptLetter(to, org string, by wa.Actor) wa.Letter {
	return wa.Letter{To: to, Subject: org + " is kept", Body: fmt.Sprintf(
		"%s has taken the deletion of the organisation %s back. What waited is sent, and API keys and webhooks are open as before.\n", personOf(by), org)}
}

// personOf says in a letter who did something.
func personOf(by wa.Actor) string {
	if by.User.IsZero() {
		return "The operator of this installation"
	}
	return by.Name
}

// home is where people sign in, as far as it is known.
func (s *Service) home() string {
	if s.opt.PublicURL == "" {
		return "(sign in where you always do)"
	}
	return s.opt.PublicURL
}
