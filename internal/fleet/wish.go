package fleet

import (
	"bytes"
	"context"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// wish turns to what people want of the client. It may be called at any time
// and as often as one likes: it only does what the facts still ask for.
func (h *Hold) wish() {
	c := h.Client()
	switch c.Desire {
	case wa.WantConnected:
		h.wantOnline(c)
	case wa.WantOffline:
		h.wantOffline()
	case wa.WantPairing:
		h.wantPairing()
	case wa.WantLoggedOut:
		h.wantLoggedOut(c)
	case wa.WantDeleted:
		h.wantDeleted(c)
	case wa.WantNothing:
		h.letGo()
	}
}

func (h *Hold) wantOnline(c wa.Client) {
	h.mu.Lock()
	online := !h.online.IsZero()
	h.mu.Unlock()
	if c.JID == "" {
		h.settle(wa.WantConnected) // it was unlinked while somebody asked for this
		return
	}
	if online || h.sup.connecting || h.sup.halted {
		return
	}
	if !h.sup.connectAt.IsZero() {
		return // the next attempt has its time
	}
	h.sup.connectAt = time.Now()
	if h.sup.bannedTill.After(h.sup.connectAt) {
		h.sup.connectAt = h.sup.bannedTill
		return
	}
	switch c.Status {
	case wa.ClientTempBanned, wa.ClientOutdated, wa.ClientConnecting:
	default:
		h.setStatus(wa.ClientConnecting, "On its way to WhatsApp.")
	}
}

func (h *Hold) setStatus(s wa.ClientStatus, reason string) {
	h.persist(func(tx *store.Tx) error {
		_, err := tx.SetStatus(h.ctx, h.org, h.id, h.epoch.Load(), wa.Standing{Status: s, Reason: reason, Until: h.until(s, time.Time{})})
		return err
	})
	h.noteStatus(s, reason)
}

func (h *Hold) noteStatus(s wa.ClientStatus, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.client.Status, h.client.StatusReason = s, reason
}

func (h *Hold) wantOffline() {
	h.closeSession()
	const reason = "Disconnected on request. Messages wait until somebody connects it again."
	h.persist(func(tx *store.Tx) error {
		moved, err := tx.SetStatus(h.ctx, h.org, h.id, h.epoch.Load(), wa.Standing{
			Status: wa.ClientDisconnected, Reason: reason, Until: h.until(wa.ClientDisconnected, time.Time{}), Event: wa.ClientIsDisconnected,
		})
		if err != nil || !moved {
			return err
		}
		return h.emit(tx, wa.ClientIsDisconnected, "", reason)
	})
	h.noteStatus(wa.ClientDisconnected, reason)
	h.sup.later = nil
}

// wantPairing starts the attempt that the pairing row describes, or passes on
// what a person answered to it.
func (h *Hold) wantPairing() {
	var p store.PairingRow
	err := h.w.db.InOrg(h.ctx, h.org, func(tx *store.Tx) (err error) {
		p, err = tx.Pairing(h.ctx, h.org, h.id)
		return err
	})
	if err != nil {
		h.tryWishAgain(err)
		return
	}
	session := h.currentSession()
	pairer, able := session.(provider.Pairer)
	if session == (closedSession{}) {
		h.tryWishAgain(errNoSession)
		return
	}
	started := p.StartedAt.UnixNano()
	if !able {
		h.sup.pairing = started
		h.onState(provider.StateChanged{Signal: provider.PairFailed, Reason: "this provider does not pair with phones"})
		return
	}
	if h.sup.pairing == started {
		h.passOn(pairer, p)
		return
	}
	h.sup.pairing, h.sup.answered, h.sup.confirmed = started, nil, ""
	h.setStatus(wa.ClientPairing, "Waiting for the phone to be linked.")
	// Linking dials out: it must not hold up the supervisor.
	go func() {
		ctx, cancel := context.WithTimeout(h.ctx, h.w.opt.Login)
		defer cancel()
		if err := pairer.Pair(ctx, p.Method, p.Phone); err != nil && h.ctx.Err() == nil {
			h.log.WarnContext(h.ctx, "pairing not started", "error", err)
			h.signals.put(provider.StateChanged{Signal: provider.PairFailed, Reason: "WhatsApp could not be reached"})
		}
	}()
}

// passOn hands a person's passkey answers to the session, once each. WhatsApp
// is asked, which must not hold up the supervisor; what comes of it the session
// tells by itself.
func (h *Hold) passOn(pairer provider.Pairer, p store.PairingRow) {
	var steps []func() error
	if p.Answer != nil && !bytes.Equal(p.Answer, h.sup.answered) {
		h.sup.answered = p.Answer
		steps = append(steps, func() error { return pairer.AnswerPasskey(h.ctx, p.Answer) })
	}
	if p.Confirmed && p.Confirm != h.sup.confirmed {
		h.sup.confirmed = p.Confirm
		steps = append(steps, func() error { return pairer.ConfirmPasskey(h.ctx) })
	}
	if len(steps) == 0 {
		return
	}
	go func() {
		for _, step := range steps {
			if err := step(); err != nil && h.ctx.Err() == nil {
				h.log.WarnContext(h.ctx, "passkey not passed on", "error", err)
				h.signals.put(provider.StateChanged{Signal: provider.PairFailed, Code: "passkey_error", Reason: "The passkey was not accepted. Ask for new codes."})
				return
			}
		}
	}()
}

// settle ends what somebody wanted of a client that has it, or cannot have it,
// already.
func (h *Hold) settle(met wa.Desire) {
	h.persist(func(tx *store.Tx) error { return tx.Desired(h.ctx, h.org, h.id, met, wa.WantNothing) })
	h.reload()
}

// wantLoggedOut unlinks the number from its phone.
func (h *Hold) wantLoggedOut(c wa.Client) {
	if c.JID == "" && c.Status != wa.ClientPairing {
		h.settle(wa.WantLoggedOut)
		return
	}
	if err := h.unlink(c); err != nil {
		h.tryWishAgain(err)
		return
	}
	const reason = "Logged out on request. Pair it again to go on; waiting messages keep until they expire."
	h.closeSession()
	h.persist(func(tx *store.Tx) error {
		if err := tx.EndPairing(h.ctx, h.org, h.id); err != nil {
			return err
		}
		status := wa.ClientLoggedOut
		if c.Phone == "" {
			status = wa.ClientNew
		}
		if _, err := tx.SetUnpaired(h.ctx, h.org, h.id, h.epoch.Load(), wa.Standing{Status: status, Reason: reason}); err != nil || c.JID == "" {
			return err // nobody was logged out; an attempt to link a phone was given up
		}
		return h.emit(tx, wa.ClientIsLoggedOut, "", reason)
	})
	h.reload()
}

// unlinkTries is how often a deletion tries to reach the phone before it goes
// on without: a number that cannot connect must not be undeletable.
const unlinkTries = 3

func (h *Hold) wantDeleted(c wa.Client) {
	if err := h.unlink(c); err != nil && h.sup.wishFailed < unlinkTries {
		h.tryWishAgain(err)
		return
	}
	h.closeSession()
	h.persist(func(tx *store.Tx) error { return remove(h.ctx, tx, c) })
	go h.drop()
}

func (h *Hold) unlink(c wa.Client) error {
	if c.JID == "" {
		return nil
	}
	session := h.currentSession()
	if session == (closedSession{}) {
		return errNoSession // to forget the number now would leave it linked
	}
	out, able := session.(provider.LogOuter)
	if !able {
		return nil
	}
	ctx, cancel := context.WithTimeout(h.ctx, 15*time.Second)
	defer cancel()
	return out.LogOut(ctx)
}

func (h *Hold) tryWishAgain(err error) {
	h.sup.wishFailed++
	h.log.WarnContext(h.ctx, "what is wanted of a client must wait", "desire", h.Client().Desire, "error", err)
	h.sup.retryWish = time.Now().Add(min(time.Duration(h.sup.wishFailed)*2*time.Second, 30*time.Second))
}

// letGo gives back a client that nobody wants anything of.
func (h *Hold) letGo() {
	h.closeSession()
	if h.Client().Status == wa.ClientPairing {
		h.setStatus(unpaired(h.Client()), pairingGivenUp)
	}
	go func() {
		ctx, cancel := h.detached(10 * time.Second)
		defer cancel()
		h.release(ctx)
	}()
}

// afterPairing follows the row that the link with a phone has just changed.
func (h *Hold) afterPairing(to provider.Paired) {
	h.mu.Lock()
	h.client.JID, h.client.Phone, h.client.LID, h.client.Desire = to.JID, to.Phone, to.LID, wa.WantConnected
	h.mu.Unlock()
	h.sup.pairing = 0
	// The session restarts its line by itself; if nothing comes of it, we do.
	h.sup.connecting, h.sup.deadline = true, time.Now().Add(h.w.opt.Login)
	h.reload()
}
