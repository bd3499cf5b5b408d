package message

import (
	"context"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// MarkRead empties a conversation's count of unread messages. With tell, whoever
// wrote what was not read before is told so, if the client tells such things: it
// is written down here, and whoever holds the client does it (see Tell).
func (s *Service) MarkRead(ctx context.Context, by wa.Actor, id wa.ChatID, tell bool) (wa.Chat, error) {
	return s.markChat(ctx, by, id, func(tx *store.Tx, ctx context.Context, org wa.OrgID, id wa.ChatID) (bool, error) {
		unread, err := tx.MarkRead(ctx, org, id)
		if err != nil || unread == 0 {
			return false, err
		}
		toTell, err := tx.ReadInbound(ctx, org, id, unread, tell)
		if err != nil || toTell == 0 {
			return true, err
		}
		return true, ringOwner(ctx, tx, org, id)
	})
}

// ringOwner announces a conversation's work to whoever holds its client. Without
// a holder there is nobody to wake: whoever takes the client finds the work.
func ringOwner(ctx context.Context, tx *store.Tx, org wa.OrgID, id wa.ChatID) error {
	chat, err := tx.Chat(ctx, org, id)
	if err != nil {
		return err
	}
	c, err := tx.Client(ctx, org, chat.ClientID)
	if err == nil && c.Slot != nil {
		tx.Ring(wa.ControlTicket{Version: 1, Client: c.ID, Slot: *c.Slot})
	}
	if wa.CodeOf(err) == wa.NotFound { // it is about to be deleted
		return nil
	}
	return err
}

// MarkUnread has a conversation count as unread, until somebody reads it.
func (s *Service) MarkUnread(ctx context.Context, by wa.Actor, id wa.ChatID) (wa.Chat, error) {
	return s.markChat(ctx, by, id, (*store.Tx).MarkUnread)
}

// markChat changes a conversation's count, and tells so if anything changed.
func (s *Service) markChat(ctx context.Context, by wa.Actor, id wa.ChatID, mark func(*store.Tx, context.Context, wa.OrgID, wa.ChatID) (bool, error)) (c wa.Chat, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		changed, err := mark(tx, ctx, by.Org, id)
		if err != nil {
			return err
		}
		if c, err = tx.Chat(ctx, by.Org, id); err != nil || !changed {
			return err
		}
		return tx.Emit(by.Org, c.ClientID, wa.ChatUpdated, c.Event())
	})
	return c, err
}
