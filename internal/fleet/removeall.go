package fleet

import (
	"context"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// removeAtOnce bounds how many clients RemoveAll looks at in one call.
const removeAtOnce = 200

// RemoveAll has clients of an org unlinked and removed, as Delete does, some at a
// time. With force it waits for no phone any more: what could not be unlinked is
// removed as it is. It gives how many are left, as far as it looked, and how many
// were forced.
func (s *Service) RemoveAll(ctx context.Context, org wa.OrgID, force bool) (left, forced int, err error) {
	var all []wa.Client
	err = s.db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
		all, err = tx.ClientsLeft(ctx, org, removeAtOnce)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	for _, c := range all {
		gone, err := s.removeOne(ctx, c, force)
		if err != nil {
			return 0, forced, err
		}
		if !gone {
			left++
		} else if c.JID != "" {
			forced++
		}
	}
	if left == 0 && len(all) == removeAtOnce {
		left = 1 // at least: who asks again is told
	}
	return left, forced, nil
}

// removeOne asks for a client's removal, or sees to it where nobody holds it or
// nobody is waited for. True: it is removed.
func (s *Service) removeOne(ctx context.Context, c wa.Client, force bool) (gone bool, err error) {
	by := itself(c.OrgID)
	err = s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) error {
		asked := c.Desire == wa.WantDeleted
		if !asked {
			if err := tx.Audit(by, wa.AuditClientDeleted, c.ID.String(), audited(c), nil); err != nil {
				return err
			}
		}
		if !force && (c.JID != "" || c.Slot != nil) {
			if asked {
				ringOwner(tx, c)
				return nil
			}
			return s.want(ctx, tx, c, wa.WantDeleted)
		}
		gone = true
		return remove(ctx, tx, c)
	})
	return gone, err
}
