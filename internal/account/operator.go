package account

import (
	"context"
	"crypto/rand"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// What an operator does from the command line, who has the database anyway.

// operator acts for an org from the command line.
func operator(org wa.OrgID) wa.Actor { return wa.Actor{Org: org, Name: "command line"} }

// AddUser makes a user of an org with a password that is shown once.
func (s *Service) AddUser(ctx context.Context, org wa.OrgID, email, name string, role wa.Role) (wa.User, wa.Secret, error) {
	email, err := wa.ParseEmail(email)
	if err != nil {
		return wa.User{}, wa.Secret{}, err
	}
	if name, err = wa.CleanName("name", name); err != nil {
		return wa.User{}, wa.Secret{}, err
	}
	if !role.Valid() {
		return wa.User{}, wa.Secret{}, wa.InvalidField("role", "is not a role")
	}
	password := wa.NewSecret(rand.Text())
	hash, err := s.hash(ctx, password)
	if err != nil {
		return wa.User{}, wa.Secret{}, err
	}
	var m store.Member
	err = s.db.InOrg(ctx, org, func(tx *store.Tx) error {
		if _, err := tx.Org(ctx, org); err != nil {
			return err
		}
		if m, err = s.join(ctx, tx, wa.User{OrgID: org, Email: email, Name: name, Role: role}, hash); err != nil {
			return err
		}
		return tx.Audit(operator(org), wa.AuditUserCreated, m.ID.String(), nil, map[string]any{"role": role})
	})
	return m.User, password, err
}

// ResetLink makes a link for a new password of whoever has an address.
func (s *Service) ResetLink(ctx context.Context, email string) (wa.Secret, error) {
	m, err := s.known(ctx, email)
	if err != nil {
		return wa.Secret{}, err
	}
	token, err := s.newLink(ctx, m, forReset, time.Time{}, operator(m.OrgID), nil)
	return s.link("reset-password", token), err
}

// UnlockAddress lets whoever has an address try again.
func (s *Service) UnlockAddress(ctx context.Context, email string) error {
	m, err := s.known(ctx, email)
	if err != nil {
		return err
	}
	return s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) error { return s.unlockAll(ctx, tx, m, operator(m.OrgID)) })
}

// known finds whose an address is; NotFound when nobody's.
func (s *Service) known(ctx context.Context, email string) (store.Member, error) {
	email, err := wa.ParseEmail(email)
	if err != nil {
		return store.Member{}, err
	}
	m, err := s.member(ctx, email)
	if err == nil && m.ID.IsZero() {
		err = wa.Errorf(wa.NotFound, "nobody has this e-mail address")
	}
	return m, err
}
