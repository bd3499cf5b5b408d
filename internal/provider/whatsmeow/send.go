package whatsmeow

import (
	"context"
	"errors"
	"fmt"
	"time"

	wm "go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// preparing is how long the questions before a message may take: who the
// recipient's devices are, and their keys.
const preparing = 25 * time.Second

// Send hands one message to WhatsApp and waits for its server's answer.
func (s *session) Send(ctx context.Context, m provider.Outgoing) (provider.Ack, error) {
	ack, encrypted, err := s.send(ctx, m)
	if err == nil {
		return ack, nil
	}
	return provider.Ack{}, s.failure(m, err, encrypted)
}

func (s *session) send(ctx context.Context, m provider.Outgoing) (ack provider.Ack, encrypted bool, err error) {
	if err := enter(ctx, s.gate); err != nil {
		return ack, false, err
	}
	defer leave(s.gate)
	l, err := s.online()
	if err != nil {
		return ack, false, err
	}
	to, err := jidOf(m.To)
	if err != nil {
		return ack, false, err
	}
	own := l.cli.Store.GetJID().ToNonAD()
	poison(m)
	message, err := encode(m, own)
	if err != nil {
		return ack, false, err
	}
	if present, known := s.p.registry.get(m.To.Phone, time.Now()); known && !present {
		return ack, false, errNotOnNetwork
	}
	payload, err := payloadOf(to, message)
	if err != nil {
		return ack, false, fmt.Errorf("encode: %w", err)
	}
	at, encrypted, err := l.transmit(ctx, to, m, message)
	if errors.Is(err, errNoCiphertext) {
		err = l.whyNoKeys(ctx, m.To, to, err)
	}
	return provider.Ack{At: at, Payload: payload}, encrypted, err
}

// transmit runs the library's send with the session lock's mark in its context.
func (l *line) transmit(ctx context.Context, to types.JID, m provider.Outgoing, message *waE2E.Message) (time.Time, bool, error) {
	limit := l.s.p.opts.SendTimeout
	ctx, cancel := context.WithTimeout(ctx, limit+preparing)
	defer cancel()
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	mark := &sending{abort: abort, isRecipient: func(string) bool { return true }}
	if to.Server != types.GroupServer {
		mark.isRecipient = func(user string) bool { return l.isRecipient(ctx, to, user) }
	}
	resp, err := func() (wm.SendResponse, error) {
		defer mark.end()
		return l.cli.SendMessage(withSending(ctx, mark), to, message, wm.SendRequestExtra{ID: m.WireID, Timeout: limit})
	}()
	if err != nil && errors.Is(context.Cause(ctx), errNoCiphertext) {
		err = errNoCiphertext
	}
	return resp.Timestamp.UTC(), mark.end(), err
}

// isRecipient compares the person's part of a Signal address with a recipient.
func (l *line) isRecipient(ctx context.Context, to types.JID, user string) bool {
	for _, jid := range bothJIDs(knownPeer(ctx, l.device, to, types.EmptyJID)) {
		if jid.SignalAddressUser() == user {
			return true
		}
	}
	return to.SignalAddressUser() == user
}

// whyNoKeys finds out why nothing could be encrypted for a recipient. The usual
// reason is that the account is gone.
func (l *line) whyNoKeys(ctx context.Context, peer provider.Peer, to types.JID, err error) error {
	l.forgetDevices(ctx, to)
	phone := knownPeer(ctx, l.device, to, types.EmptyJID).Phone
	if phone == "" {
		phone = peer.Phone
	}
	if phone == "" {
		return err
	}
	present, known := l.s.p.registry.get(phone, time.Now())
	if !known {
		ctx, cancel := context.WithTimeout(ctx, preparing)
		defer cancel()
		found, askErr := l.cli.IsOnWhatsApp(ctx, []string{string(phone)})
		if askErr != nil {
			return err
		}
		present = len(found) > 0 && found[0].IsIn
		l.s.p.registry.put(phone, present, time.Now())
	}
	if !present {
		return errNotOnNetwork
	}
	return err
}

// forgetDevices makes the library ask anew which devices a person has. It has
// no call for that, but it does so when WhatsApp tells of a change.
func (l *line) forgetDevices(ctx context.Context, to types.JID) {
	for _, jid := range bothJIDs(knownPeer(ctx, l.device, to, types.EmptyJID)) {
		l.cli.DangerousInternals().HandleDeviceNotification(ctx, &waBinary.Node{ //nolint:staticcheck // "dangerous" is the library's word for what it may rename
			Tag:   "notification",
			Attrs: waBinary.Attrs{"from": jid},
			Content: []waBinary.Node{{
				Tag: "update", Attrs: waBinary.Attrs{"device_hash": "unknown"},
				Content: []waBinary.Node{{Tag: "device", Attrs: waBinary.Attrs{"jid": jid}}},
			}},
		})
	}
}

// failure reads an error and does what follows from it on this side.
func (s *session) failure(m provider.Outgoing, err error, encrypted bool) *provider.Failure {
	s.mu.Lock()
	locked, l := s.lockedUntil, s.line
	s.mu.Unlock()
	f := classify(err, attempt{encrypted: encrypted, lockedUntil: locked, now: time.Now()})
	switch f.Code {
	case wa.FailNotOnWhatsApp:
		s.p.registry.put(m.To.Phone, false, time.Now())
	case wa.FailSessionInvalid:
		if to, jidErr := jidOf(m.To); jidErr == nil && l != nil {
			ctx, cancel := context.WithTimeout(s.ctx, takeLimit)
			defer cancel()
			l.forgetDevices(ctx, to)
		}
	}
	return f
}
