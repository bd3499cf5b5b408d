package store_test

import (
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// TestAStepOfTheLastMoment has a receipt write its step while the message is
// deleted already: the deletion waits for the receipt, and takes the step along.
func TestAStepOfTheLastMoment(t *testing.T) {
	t.Parallel()
	for name, del := range map[string]func(tx *store.Tx, s shop, who wa.ContactID) (int64, error){
		"forgetting": func(tx *store.Tx, s shop, _ wa.ContactID) (int64, error) {
			return tx.ForgetMessages(t.Context(), s.org, 30, 10)
		},
		"erasing": func(tx *store.Tx, s shop, who wa.ContactID) (int64, error) {
			return tx.DeleteErased(t.Context(), store.Erasing{Erasure: wa.Erasure{OrgID: s.org, ContactID: who}}, 10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			contact, chat := s.person()
			m := s.draft(contact, chat)
			s.accept(m)
			s.exec(`UPDATE messages SET status = 'sent', sent_at = now(), created_at = now() - interval '40 days' WHERE id = $1`, m.ID)
			deleted := make(chan int64)
			s.in(func(tx *store.Tx) error { // the receipt
				if _, err := tx.Exec(t.Context(), `UPDATE messages SET status = 'read' WHERE org_id = $1 AND id = $2`, s.org, m.ID); err != nil {
					return err
				}
				go func() {
					var n int64
					defer func() { deleted <- n }()
					s.in(func(tx *store.Tx) (err error) {
						n, err = del(tx, s, contact)
						return err
					})
				}()
				s.waits("%messages%FOR UPDATE%")
				return tx.Step(s.org, m.ID, wa.Read, "read", nil)
			})
			if n := <-deleted; n != 1 {
				t.Errorf("%d messages deleted", n)
			}
			if left := s.count("message_events"); left != 0 {
				t.Errorf("%d steps of nothing stay", left)
			}
		})
	}
}
