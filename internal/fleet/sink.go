package fleet

import (
	"context"
	"sync"

	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// sink takes what one session tells. What concerns messages and people is
// durable when it returns; what concerns the line goes to the supervisor, in
// order.
type sink struct{ h *Hold }

// heard is what a session told about its line. By the time it is read, the
// session may have been given up.
type heard struct {
	from  *sink
	state provider.StateChanged
}

// Take keeps one update.
func (s *sink) Take(ctx context.Context, u provider.Update) error {
	h := s.h
	switch u := u.(type) {
	case provider.StateChanged:
		h.signals.put(heard{from: s, state: u})
		return nil
	case provider.PairingCode:
		return h.inOrg(ctx, func(tx *store.Tx) error { return tx.SetPairingCode(ctx, h.org, h.id, u.Code, u.ExpiresAt) })
	case provider.PasskeyWanted:
		return h.passkeyWanted(ctx, u)
	case provider.Paired:
		return h.paired(ctx, u)
	case provider.CaughtUp:
		h.mu.Lock()
		h.caughtUp = true
		h.mu.Unlock()
		h.nudge(nudge("change"))
		return nil
	case provider.OwnName:
		return h.inOrg(ctx, func(tx *store.Tx) error { return tx.SetPushName(ctx, h.org, h.id, u.Name) })
	}
	return h.w.opt.Inbox.Receive(ctx, h.Client(), u)
}

// Recall gives what was sent under a wire id; nothing while the kill switch
// holds the client, because it is asked for in order to be sent again.
func (s *sink) Recall(ctx context.Context, wireID string) ([]byte, error) {
	if s.h.w.stopped(s.h) != wa.NotHalted {
		return nil, nil
	}
	return s.h.w.opt.Inbox.Recall(ctx, s.h.Client(), wireID)
}

func (h *Hold) inOrg(ctx context.Context, fn func(*store.Tx) error) error {
	return h.w.db.InOrg(ctx, h.org, fn)
}

func (h *Hold) passkeyWanted(ctx context.Context, u provider.PasskeyWanted) error {
	return h.inOrg(ctx, func(tx *store.Tx) error {
		if err := tx.SetPasskey(ctx, h.org, h.id, u.Request, u.Confirm, u.ExpiresAt); err != nil {
			return err
		}
		row, err := tx.ClientRow(ctx, h.org, h.id)
		if err != nil {
			return err
		}
		return tx.Emit(h.org, h.id, wa.ClientPairingStep, wa.EventClient{
			Client: row.Client, Code: "passkey", Reason: "WhatsApp wants the phone's owner to confirm with a passkey.",
		})
	})
}

// paired writes down which phone is behind the client before pairing goes on:
// keys that nobody can find again would be keys lost.
func (h *Hold) paired(ctx context.Context, u provider.Paired) error {
	err := h.inOrg(ctx, func(tx *store.Tx) error {
		moved, err := tx.SetPaired(ctx, h.org, h.id, h.epoch.Load(), u.JID, u.Phone, u.LID)
		if err != nil {
			return err
		}
		if !moved {
			return wa.Errorf(wa.Conflict, "the client has another owner")
		}
		if err := tx.EndPairing(ctx, h.org, h.id); err != nil {
			return err
		}
		row, err := tx.ClientRow(ctx, h.org, h.id)
		if err != nil {
			return err
		}
		if err := tx.Audit(itself(h.org), wa.AuditClientPaired, h.id.String(), nil, pairedBy{Phone: u.Phone, Platform: u.Platform}); err != nil {
			return err
		}
		return tx.Emit(h.org, h.id, wa.ClientPaired, wa.EventClient{Client: row.Client, Reason: "Linked with a phone (" + u.Platform + ")."})
	})
	if err == nil {
		h.signals.put(pairedNow{to: u})
	}
	return err
}

// pairedNow tells the supervisor that a phone was linked.
type pairedNow struct{ to provider.Paired }

// inbox hands updates to the supervisor in order. It never blocks the session,
// which may be waiting for the supervisor at that moment.
type inbox struct {
	ready chan struct{}
	mu    sync.Mutex
	items []any
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

func (b *inbox) put(u any) {
	b.mu.Lock()
	b.items = append(b.items, u)
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

func (b *inbox) drain() []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items = nil
	return items
}
