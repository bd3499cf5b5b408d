package account

import (
	"context"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// DeleteUser takes somebody of the org away for good: their account, and their
// address wherever it stood beside what they did. The audit log keeps their id.
// The last active admin stays, and nobody takes themselves away here.
func (s *Service) DeleteUser(ctx context.Context, by wa.Actor, id wa.UserID) error {
	err := s.onOther(ctx, by, wa.DeleteUsers, id, func(tx *store.Tx, by wa.Actor, m store.Member) error { return s.erase(ctx, tx, by, m) })
	s.forgetSeats()
	return err
}

// Leave takes the actor's own account away for good. They must have proved just
// now who they are.
func (s *Service) Leave(ctx context.Context, by wa.Actor) error {
	if err := onlyPeople(by); err != nil {
		return err
	}
	if err := needsFresh(by); err != nil {
		return err
	}
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if err := tx.LockOrg(ctx, by.Org); err != nil {
			return err
		}
		m, err := tx.LockMember(ctx, by.Org, by.User)
		if err != nil {
			return err
		}
		return s.erase(ctx, tx, by, m)
	})
	s.forgetSeats()
	return err
}

// DeleteAddress is DeleteUser for an operator, who knows an address.
func (s *Service) DeleteAddress(ctx context.Context, email string) error {
	m, err := s.known(ctx, email)
	if err != nil {
		return err
	}
	err = s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) error {
		if err := tx.LockOrg(ctx, m.OrgID); err != nil {
			return err
		}
		return s.erase(ctx, tx, operator(m.OrgID), m)
	})
	s.forgetSeats()
	return err
}

// erase takes a person away, in a transaction that holds the org's lock. Their
// open invitations go with them: who is not there any more invites nobody.
func (s *Service) erase(ctx context.Context, tx *store.Tx, by wa.Actor, m store.Member) error {
	if _, err := tx.RevokeInvitationsBy(ctx, m.OrgID, m.Email, s.now()); err != nil {
		return err
	}
	gone, err := tx.DeleteUser(ctx, m.OrgID, m.User)
	if err != nil || !gone {
		return orConflict(err, "this is the last admin: make somebody else one first")
	}
	for _, subject := range [][]byte{s.addressSubject(m.Email), s.factorSubject(m.ID)} {
		if err := tx.ForgiveAttempts(ctx, subject); err != nil {
			return err
		}
	}
	return tx.Audit(by, wa.AuditUserDeleted, m.ID.String(), map[string]any{"role": m.Role, "status": m.Status}, nil)
}
