package whatsmeow

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/provider"
)

// succeed makes the device the session's own. It is noted by the sink before
// the restart that brings it online: whatever happens then, the keys are found
// again.
func (p *pairing) succeed(e *events.PairSuccess) {
	p.paired.Store(true)
	defer p.cancel(nil) // nobody listens to the attempt from here on
	ctx, cancel := context.WithTimeout(p.s.ctx, storeWait)
	defer cancel()
	if err := p.s.out.tellAndWait(ctx, pairedOf(e)); err != nil {
		p.line.forget()
		p.fail("not_stored", "The new device could not be stored. Ask for new codes.")
		return
	}
	if dropped := p.adopt(e.ID.String()); dropped {
		p.line.hangUp()
		return
	}
	p.awaitRestart()
	p.line.hangUp()
	p.s.reconnect()
}

func pairedOf(e *events.PairSuccess) provider.Paired {
	peer := peerOf(e.ID, e.LID)
	return provider.Paired{
		JID: e.ID.String(), Phone: peer.Phone, LID: peer.LID,
		Platform: cleanName(e.Platform), Name: cleanName(e.BusinessName),
	}
}

// adopt replaces the session's line by the new one. dropped tells that
// somebody wanted the number offline in the meantime; it stays so.
func (p *pairing) adopt(jid string) (dropped bool) {
	s := p.s
	s.mu.Lock()
	old, oldJID := s.line, s.jid
	s.jid, s.line = jid, p.line
	dropped = s.pairing != p
	if !dropped {
		s.pairing = nil
	}
	s.mu.Unlock()
	if oldJID != "" && oldJID != jid {
		s.forgetDevice(old, oldJID)
	}
	return dropped
}

// awaitRestart waits for WhatsApp to ask for the restart.
func (p *pairing) awaitRestart() {
	timer := time.NewTimer(restartWait)
	defer timer.Stop()
	for {
		select {
		case evt := <-p.events:
			if _, ok := evt.(*events.ManualLoginReconnect); ok {
				return
			}
		case <-timer.C:
			return
		case <-p.ctx.Done():
			return
		}
	}
}

// reconnect is the one time that a session connects by itself.
func (s *session) reconnect() {
	err := s.Connect(s.ctx)
	if err != nil && s.ctx.Err() == nil {
		s.tell(provider.StateChanged{Signal: provider.Disconnected, Reason: "Linked, but the line could not be restarted."})
	}
}
