package account

import (
	"context"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Users pages through the org's people, newest first.
func (s *Service) Users(ctx context.Context, by wa.Actor, f store.UserFilter, p store.Page) (rows []wa.User, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		rows, err = tx.Users(ctx, by.Org, f, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return rows, s.markLocked(ctx, by.Org, rows)
}

// User reads one of the org's people.
func (s *Service) User(ctx context.Context, by wa.Actor, id wa.UserID) (wa.User, error) {
	var m store.Member
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		m, err = tx.Member(ctx, by.Org, id)
		return err
	})
	if err != nil {
		return wa.User{}, err
	}
	one := []wa.User{m.User}
	err = s.markLocked(ctx, by.Org, one)
	return one[0], err
}

// markLocked tells of each until when nobody may sign in as them.
func (s *Service) markLocked(ctx context.Context, org wa.OrgID, users []wa.User) error {
	subjects := make([][]byte, len(users))
	for i, u := range users {
		subjects[i] = s.addressSubject(u.Email)
	}
	return s.db.InOrg(ctx, org, func(tx *store.Tx) error {
		until, err := tx.Locked(ctx, subjects, s.now())
		for i := range until {
			users[i].LockedUntil = until[i]
		}
		return err
	})
}

// UserChange is what may be changed of somebody; nil leaves it.
type UserChange struct {
	Name   *string
	Role   *wa.Role
	Status *wa.UserStatus
}

// ChangeUser changes somebody of the org. Nobody changes their own role or
// status; managers change agents and viewers only, and make nobody more than
// that; the last active admin stays one.
func (s *Service) ChangeUser(ctx context.Context, by wa.Actor, id wa.UserID, c UserChange) (wa.User, error) {
	if c.Status != nil && !c.Status.Valid() {
		return wa.User{}, wa.InvalidField("status", "is active or disabled")
	}
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		by, err := s.asNow(ctx, tx, by, wa.WriteUsers)
		if err != nil {
			return err
		}
		m, err := tx.LockMember(ctx, by.Org, id)
		if err != nil {
			return err
		}
		after, err := changed(by, m.User, c)
		if err != nil {
			return err
		}
		if ok, err := tx.ChangeUser(ctx, after); err != nil || !ok {
			return orConflict(err, "this is the last admin: make somebody else one first")
		}
		if err := s.withdraw(ctx, tx, m, after); err != nil {
			return err
		}
		return auditChange(tx, by, m.User, after)
	})
	s.forgetSeats()
	if err != nil {
		return wa.User{}, err
	}
	return s.User(ctx, by, id)
}

// withdraw takes back what somebody leaves behind who may less than before:
// sessions of whoever is disabled, and invitations of whoever may not have made
// them now.
func (s *Service) withdraw(ctx context.Context, tx *store.Tx, m store.Member, after wa.User) error {
	if after.Role != m.Role || after.Status != m.Status {
		if _, err := tx.RevokeInvitationsBy(ctx, m.OrgID, m.Email, s.now()); err != nil {
			return err
		}
	}
	if after.Status == wa.UserDisabled && m.Status == wa.UserActive {
		return s.expel(ctx, tx, m, "disabled")
	}
	return nil
}

// changed applies a change that the actor may make.
func changed(by wa.Actor, u wa.User, c UserChange) (wa.User, error) {
	after := u
	if c.Name != nil {
		name, err := wa.CleanName("name", *c.Name)
		if err != nil {
			return u, err
		}
		after.Name = name
	}
	if c.Role != nil {
		after.Role = *c.Role
	}
	if c.Status != nil {
		after.Status = *c.Status
	}
	if u.ID == by.User && (after.Role != u.Role || after.Status != u.Status) {
		return u, wa.Errorf(wa.Forbidden, "nobody changes their own role or status: ask another admin")
	}
	if err := mayGive(by, u.Role); err != nil {
		return u, err
	}
	return after, mayGive(by, after.Role)
}

func auditChange(tx *store.Tx, by wa.Actor, before, after wa.User) error {
	type shown struct {
		Name   string        `json:"name"`
		Role   wa.Role       `json:"role"`
		Status wa.UserStatus `json:"status"`
	}
	action := wa.AuditUserChanged
	switch {
	case before == after:
		return nil
	case before.Role != after.Role:
		action = wa.AuditUserRole
	case before.Status != after.Status && after.Status == wa.UserDisabled:
		action = wa.AuditUserDisabled
	case before.Status != after.Status:
		action = wa.AuditUserEnabled
	}
	return tx.Audit(by, action, after.ID.String(), shown{initial(before.Name), before.Role, before.Status}, shown{initial(after.Name), after.Role, after.Status})
}

// expel ends everything that somebody has open.
func (s *Service) expel(ctx context.Context, tx *store.Tx, m store.Member, why string) error {
	if err := tx.ExpelUser(ctx, m.OrgID, m.ID); err != nil {
		return err
	}
	_, err := tx.EndSessions(ctx, m.OrgID, m.ID, wa.SessionID{}, why, s.now())
	return err
}

// ExpelUser signs somebody out everywhere.
func (s *Service) ExpelUser(ctx context.Context, by wa.Actor, id wa.UserID) error {
	err := s.onUser(ctx, by, id, func(tx *store.Tx, m store.Member) error {
		if err := s.expel(ctx, tx, m, "signed out by an admin"); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditSessionEnded, id.String(), nil, nil)
	})
	s.forgetSeats()
	return err
}

// ResetFactors takes somebody's second factors away, who lost them. They are
// signed out everywhere.
func (s *Service) ResetFactors(ctx context.Context, by wa.Actor, id wa.UserID) error {
	err := s.onUser(ctx, by, id, func(tx *store.Tx, m store.Member) error {
		if _, err := tx.DropFactors(ctx, by.Org, id); err != nil {
			return err
		}
		if err := s.expel(ctx, tx, m, "second factor reset"); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditTOTPReset, id.String(), nil, nil)
	})
	s.forgetSeats()
	return err
}

// UnlockUser lets somebody try again who failed too often.
func (s *Service) UnlockUser(ctx context.Context, by wa.Actor, id wa.UserID) error {
	return s.onUser(ctx, by, id, func(tx *store.Tx, m store.Member) error { return s.unlockAll(ctx, tx, m, by) })
}

// onUser does something to somebody of the org, who is not the actor.
func (s *Service) onUser(ctx context.Context, by wa.Actor, id wa.UserID, fn func(*store.Tx, store.Member) error) error {
	return s.onOther(ctx, by, wa.ResetUsers, id, func(tx *store.Tx, _ wa.Actor, m store.Member) error { return fn(tx, m) })
}

// onOther is onUser for those who may do a certain thing; fn is told of the
// actor as they are now.
func (s *Service) onOther(ctx context.Context, by wa.Actor, may wa.Permission, id wa.UserID, fn func(*store.Tx, wa.Actor, store.Member) error) error {
	return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		by, err := s.asNow(ctx, tx, by, may)
		if err != nil {
			return err
		}
		m, err := tx.LockMember(ctx, by.Org, id)
		if err != nil {
			return err
		}
		if m.ID == by.User {
			return wa.Errorf(wa.Forbidden, "this is for others: your own account is under /api/v1/me")
		}
		return fn(tx, by, m)
	})
}

// Rename changes what the actor is called.
func (s *Service) Rename(ctx context.Context, by wa.Actor, name string) (wa.User, error) {
	name, err := wa.CleanName("name", name)
	if err != nil {
		return wa.User{}, err
	}
	if err := onlyPeople(by); err != nil {
		return wa.User{}, err
	}
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		m, err := tx.LockMember(ctx, by.Org, by.User)
		if err != nil {
			return err
		}
		after := m.User
		after.Name = name
		if _, err := tx.ChangeUser(ctx, after); err != nil {
			return err
		}
		return auditChange(tx, by, m.User, after)
	})
	if err != nil {
		return wa.User{}, err
	}
	return s.User(ctx, by, by.User)
}

func orConflict(err error, message string) error {
	if err != nil {
		return err
	}
	return wa.Errorf(wa.Conflict, "%s", message)
}
