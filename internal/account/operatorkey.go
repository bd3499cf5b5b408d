package account

import (
	"context"
	"crypto/hmac"
	"strings"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// CreateOperator makes somebody who runs the installation and gives their key,
// which is not kept. A name in use is a Conflict.
func (s *Service) CreateOperator(ctx context.Context, name string) (wa.Operator, wa.Secret, error) {
	if name = strings.TrimSpace(name); name == "" {
		return wa.Operator{}, wa.Secret{}, wa.InvalidField("name", "must not be empty")
	}
	text, public := wa.NewOperatorText()
	o := wa.Operator{ID: wa.NewOperatorID(), Name: name, PublicID: public, Hash: wa.HashKey(s.pepper, text)}
	err := s.db.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.InsertOperator(ctx, o); err != nil {
			return err
		}
		return tx.Audit(operator(wa.OrgID{}), wa.AuditOperatorMade, o.ID.String(), nil, o)
	})
	if wa.CodeOf(err) == wa.Conflict {
		err = &wa.Error{Code: wa.Conflict, Field: "name", Message: "is an operator's already", Err: err}
	}
	return o, text, err
}

// RenewOperator gives an operator another key; the former one ends.
func (s *Service) RenewOperator(ctx context.Context, name string) (wa.Secret, error) {
	text, public := wa.NewOperatorText()
	err := s.db.InTx(ctx, func(tx *store.Tx) error {
		name := strings.TrimSpace(name)
		if err := tx.RenewOperator(ctx, name, public, wa.HashKey(s.pepper, text)); err != nil {
			return err
		}
		return tx.Audit(operator(wa.OrgID{}), wa.AuditOperatorRenewed, name, nil, nil)
	})
	return text, noOperator(err)
}

// RevokeOperator ends an operator's key.
func (s *Service) RevokeOperator(ctx context.Context, name string) error {
	return s.db.InTx(ctx, func(tx *store.Tx) error {
		found, err := tx.RevokeOperator(ctx, strings.TrimSpace(name))
		if err == nil && !found {
			return wa.Errorf(wa.NotFound, "there is no such operator")
		}
		if err != nil {
			return err
		}
		return tx.Audit(operator(wa.OrgID{}), wa.AuditOperatorRevoked, strings.TrimSpace(name), nil, nil)
	})
}

func noOperator(err error) error {
	if wa.CodeOf(err) == wa.NotFound {
		return wa.Errorf(wa.NotFound, "there is no such operator")
	}
	return err
}

// Operators lists all operators, newest first.
func (s *Service) Operators(ctx context.Context) (all []wa.Operator, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		all, err = tx.Operators(ctx)
		return err
	})
	return all, err
}

// AuthenticateOperator finds the operator behind a key. Operators come seldom,
// so nothing is remembered: a revoked key is shut at once.
func (s *Service) AuthenticateOperator(ctx context.Context, text wa.Secret) (o wa.Operator, err error) {
	public, err := wa.OperatorPublicID(text)
	if err != nil {
		return o, err
	}
	hash := wa.HashKey(s.pepper, text)
	err = s.db.InTxRelaxed(ctx, func(tx *store.Tx) error {
		if o, err = tx.OperatorByPublicID(ctx, public); err != nil || !hmac.Equal(o.Hash, hash) {
			return err
		}
		return tx.TouchOperator(ctx, o.ID)
	})
	if wa.CodeOf(err) == wa.NotFound || (err == nil && !hmac.Equal(o.Hash, hash)) {
		return wa.Operator{}, wa.Errorf(wa.Unauthorized, "this key opens nothing here: it may be revoked or mistyped, or not be an operator's")
	}
	return o, err
}
