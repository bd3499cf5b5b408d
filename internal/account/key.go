package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// CreateKey makes an API key for an org and gives its text, which is not kept.
// It is the installation's own doing: nobody's scopes bound it. An org that is
// not there is NotFound.
func (s *Service) CreateKey(ctx context.Context, org wa.OrgID, name string, scopes []wa.Permission) (wa.APIKey, wa.Secret, error) {
	k := wa.APIKey{OrgID: org, Name: strings.TrimSpace(name), Scopes: scopes}
	if err := k.Validate(s.now()); err != nil {
		return wa.APIKey{}, wa.Secret{}, err
	}
	return s.insertKey(ctx, wa.Actor{Org: org, Name: "command line"}, k)
}

// MakeKey makes an API key as somebody wants it, with no more scopes than they
// have themselves, and gives its text, which is not kept.
func (s *Service) MakeKey(ctx context.Context, by wa.Actor, k wa.APIKey) (wa.APIKey, wa.Secret, error) {
	k.OrgID, k.Name = by.Org, strings.TrimSpace(k.Name)
	if err := k.Validate(s.now()); err != nil {
		return wa.APIKey{}, wa.Secret{}, err
	}
	if err := grantable(by, k.Scopes); err != nil {
		return wa.APIKey{}, wa.Secret{}, err
	}
	return s.insertKey(ctx, by, k)
}

func (s *Service) insertKey(ctx context.Context, by wa.Actor, k wa.APIKey) (wa.APIKey, wa.Secret, error) {
	text, public := wa.NewKeyText()
	k.ID, k.PublicID, k.Hash, k.MadeBy = wa.NewKeyID(), public, wa.HashKey(s.pepper, text), by.Name
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if _, err := tx.Org(ctx, by.Org); err != nil {
			return err
		}
		if err := s.mayStillGrant(ctx, tx, by, k.Scopes); err != nil {
			return err
		}
		if n, err := tx.CountKeys(ctx, by.Org); err != nil || n >= wa.MaxKeys {
			return orTooMany(err, n)
		}
		if err := tx.InsertKey(ctx, k); err != nil {
			return err
		}
		made, err := tx.Key(ctx, by.Org, k.ID)
		if err != nil {
			return err
		}
		k = made
		return tx.Audit(by, wa.AuditKeyMade, k.ID.String(), nil, k)
	})
	return k, text, err
}

func orTooMany(err error, n int) error {
	if err != nil {
		return err
	}
	return wa.Errorf(wa.Conflict, "there are %d API keys, which is the most there may be: revoke some", n)
}

// mayStillGrant refuses whoever may not any more give keys scopes. The command
// line is nobody, and nothing bounds it.
func (s *Service) mayStillGrant(ctx context.Context, tx *store.Tx, by wa.Actor, scopes []wa.Permission) error {
	if by.User.IsZero() {
		return nil
	}
	now, err := s.asNow(ctx, tx, by, wa.WriteKeys)
	if err != nil {
		return err
	}
	return grantable(now, scopes)
}

// grantable refuses scopes that go beyond what somebody may do themselves.
func grantable(by wa.Actor, scopes []wa.Permission) error {
	for _, scope := range scopes {
		means := []wa.Permission{scope}
		if scope == wa.Everything {
			means = slices.DeleteFunc(wa.Scopes(), func(p wa.Permission) bool { return p == wa.Everything })
		}
		for _, p := range means {
			if by.Reach(p) != wa.All {
				return &wa.Error{Code: wa.Forbidden, Reason: "scope_beyond_yours", Field: "scopes", Message: fmt.Sprintf("%s is more than you may do yourself", scope)}
			}
		}
	}
	return nil
}

// Keys pages through an org's API keys, newest first.
func (s *Service) Keys(ctx context.Context, by wa.Actor, p store.Page) (keys []wa.APIKey, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		keys, err = tx.Keys(ctx, by.Org, p)
		return err
	})
	return keys, err
}

// Key reads one API key.
func (s *Service) Key(ctx context.Context, by wa.Actor, id wa.KeyID) (k wa.APIKey, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		k, err = tx.Key(ctx, by.Org, id)
		return err
	})
	return k, err
}

// ChangeKey changes what change changes. New scopes are bounded by those of who
// gives them.
func (s *Service) ChangeKey(ctx context.Context, by wa.Actor, id wa.KeyID, change func(*wa.APIKey)) (k wa.APIKey, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if err := s.mayStillGrant(ctx, tx, by, nil); err != nil {
			return err
		}
		before, err := s.lockKey(ctx, tx, by, id)
		if err != nil {
			return err
		}
		k = before
		k.Scopes, k.Networks = slices.Clone(k.Scopes), slices.Clone(k.Networks)
		change(&k)
		k.Name = strings.TrimSpace(k.Name)
		if err := k.Validate(s.now()); err != nil {
			return err
		}
		added := slices.DeleteFunc(slices.Clone(k.Scopes), func(p wa.Permission) bool { return slices.Contains(before.Scopes, p) })
		if err := grantable(by, added); err != nil {
			return err
		}
		if err := tx.UpdateKey(ctx, k); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditKeyChanged, id.String(), before, k)
	})
	s.forgetKeys()
	return k, err
}

// lockKey is a live key, held until the transaction ends.
func (s *Service) lockKey(ctx context.Context, tx *store.Tx, by wa.Actor, id wa.KeyID) (wa.APIKey, error) {
	k, err := tx.LockKey(ctx, by.Org, id)
	if err == nil && k.RevokedAt != nil {
		return k, wa.Errorf(wa.Conflict, "this API key is revoked")
	}
	return k, err
}

// RotateKey gives a key another text, which is not kept. The former text opens
// too for overlap (up to 30 days); nil means a day, 0 ends it at once.
func (s *Service) RotateKey(ctx context.Context, by wa.Actor, id wa.KeyID, overlap *time.Duration) (k wa.APIKey, text wa.Secret, err error) {
	grace := wa.KeyOverlap
	if overlap != nil {
		grace = *overlap
	}
	if grace < 0 || grace > wa.MaxKeyOverlap {
		return k, text, wa.InvalidField("overlap_seconds", "must be 0 to %d", int(wa.MaxKeyOverlap.Seconds()))
	}
	text, public := wa.NewKeyText()
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if err := s.mayStillGrant(ctx, tx, by, nil); err != nil {
			return err
		}
		before, err := s.lockKey(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := tx.RotateKey(ctx, by.Org, id, public, wa.HashKey(s.pepper, text), grace); err != nil {
			return err
		}
		if k, err = tx.Key(ctx, by.Org, id); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditKeyRotated, id.String(), before, k)
	})
	s.forgetKeys()
	return k, text, err
}

// RevokeKey ends a key, and the text from before its rotation with it. All
// processes feel it within keyMemory. One that is revoked already is no error.
func (s *Service) RevokeKey(ctx context.Context, by wa.Actor, id wa.KeyID) error {
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		k, err := tx.LockKey(ctx, by.Org, id)
		if err != nil {
			return err
		}
		revoked, err := tx.RevokeKey(ctx, by.Org, id)
		if err != nil || !revoked {
			return err
		}
		return tx.Audit(by, wa.AuditKeyRevoked, id.String(), k, nil)
	})
	s.forgetKeys()
	return err
}

// forgetKeys has this process look again at once; others do within keyMemory.
func (s *Service) forgetKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.keys)
}
