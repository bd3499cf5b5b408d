package whatsmeow

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	wm "go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

const (
	// maxCodes is how many QR codes are shown before a person must ask again.
	// The library gets six; WhatsApp closes the line after the last.
	maxCodes = 5
	// firstWord is how long WhatsApp may take to answer a new device.
	firstWord = 30 * time.Second
	// restartWait is how long WhatsApp may take to ask for the restart that
	// follows a pairing; after that we restart unasked.
	restartWait = 5 * time.Second
	// storeWait is how long the store may take to note a new device.
	storeWait = 2 * time.Minute
)

// What is said to people who took too long.
const (
	lateCodes   = "The codes were not used in time. Ask for new ones."
	latePasskey = "The passkey was not used in time. Ask for new codes."
)

// pairing is one attempt to link a phone: a fresh device that is thrown away
// unless the attempt succeeds. The library's own QR channel is not used because
// it cannot be mixed with codes and passkeys.
type pairing struct {
	s      *session
	line   *line
	method wa.PairMethod
	phone  wa.Phone
	events chan any
	ctx    context.Context
	cancel context.CancelCauseFunc
	paired atomic.Bool

	codes []string
	timer *time.Timer
	late  string // why the attempt failed when the timer runs out
}

// Pair starts a fresh attempt and drops one under way.
func (s *session) Pair(ctx context.Context, method wa.PairMethod, phone wa.Phone) error {
	if method == wa.PairCode && len(phone.Digits()) < 7 {
		return errors.New("pairing by code needs the phone's number")
	}
	s.Disconnect()
	if err := enter(ctx, s.dial); err != nil {
		return err
	}
	defer leave(s.dial)
	if s.ctx.Err() != nil {
		return errClosed
	}
	p := &pairing{s: s, method: method, phone: phone, events: make(chan any, 16), timer: time.NewTimer(firstWord), late: lateCodes}
	p.ctx, p.cancel = context.WithCancelCause(s.ctx)
	p.line = newPairingLine(p)
	s.mu.Lock()
	s.pairing = p
	s.mu.Unlock()
	if err := p.line.connect(ctx); err != nil {
		p.finish()
		return err
	}
	go p.run()
	return nil
}

func newPairingLine(p *pairing) *line {
	l := newLine(p.s, p.s.p.devices.Fresh(p.s.owner()))
	l.pairing = p
	return l
}

// over reports whether the phone was linked.
func (p *pairing) over() bool { return p.paired.Load() }

// stop drops the attempt without a word.
func (p *pairing) stop() {
	p.cancel(errHungUp)
	if !p.over() {
		p.line.hangUp()
	}
}

// hear hands an event of the library to the attempt. A phone that was linked
// just after the attempt was dropped is linked in vain: its keys go.
func (p *pairing) hear(evt any) {
	if p.ctx.Err() == nil {
		select {
		case p.events <- evt:
			return
		case <-p.ctx.Done():
		}
	}
	if _, late := evt.(*events.PairSuccess); late && !p.over() {
		p.line.forget()
	}
}

func (p *pairing) run() {
	defer p.timer.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.timer.C:
			if !p.next() {
				p.fail("", p.late)
				return
			}
		case evt := <-p.events:
			if p.done(evt) {
				return
			}
		}
	}
}

// done follows one event and reports whether it was the last.
func (p *pairing) done(evt any) bool {
	switch e := evt.(type) {
	case *events.QR:
		return p.show(e.Codes)
	case *events.PairSuccess:
		p.succeed(e)
		return true
	case *events.PairError:
		p.fail("pair_error", "Linking failed: "+pairErrorText(e.Error)+" Ask for new codes.")
		return true
	case *events.QRScannedWithoutMultidevice:
		p.s.tell(provider.StateChanged{Signal: provider.PairHint, Reason: "Switch on linked devices on the phone, then scan the code again."})
	case *events.PairPasskeyRequest:
		return p.askPasskey(e)
	case *events.PairPasskeyConfirmation:
		return p.askConfirmation(e)
	case *events.PairPasskeyError:
		p.fail("passkey_error", passkeyRefused)
		return true
	case *events.ManualLoginReconnect:
		return false
	case *events.Disconnected:
		p.fail("disconnected", "WhatsApp ended the attempt. Ask for new codes.")
		return true
	default:
		p.fail("refused", "WhatsApp refused the new device. Ask for new codes.")
		return true
	}
	return false
}

func pairErrorText(err error) string {
	var database *wm.PairDatabaseError
	switch {
	case errors.As(err, &database):
		return "the new device could not be stored."
	case errors.Is(err, wm.ErrPairInvalidDeviceIdentityHMAC), errors.Is(err, wm.ErrPairInvalidDeviceSignature):
		return "the phone's signature does not fit."
	}
	return "the phone's answer could not be used."
}

// show starts with the codes: the first QR, or eight characters.
func (p *pairing) show(codes []string) (over bool) {
	if p.codes != nil {
		return false // the codes of this attempt are on their way already
	}
	p.codes = codes[:min(len(codes), maxCodes)]
	if p.method == wa.PairCode {
		return p.showPhoneCode()
	}
	if len(p.codes) == 0 {
		p.fail("", "WhatsApp gave no codes. Ask for new ones.")
		return true
	}
	p.reveal(p.codes[0], p.s.p.opts.FirstCode)
	p.codes = p.codes[1:]
	return false
}

// next shows the next QR code, if there is one.
func (p *pairing) next() bool {
	if p.method != wa.PairQR || len(p.codes) == 0 {
		return false
	}
	p.reveal(p.codes[0], p.s.p.opts.NextCode)
	p.codes = p.codes[1:]
	return true
}

func (p *pairing) reveal(code string, life time.Duration) {
	p.timer.Reset(life)
	p.s.tell(provider.PairingCode{Method: p.method, Code: code, ExpiresAt: time.Now().Add(life).UTC()})
}

func (p *pairing) showPhoneCode() (over bool) {
	look := p.s.number.Device
	code, err := p.line.cli.PairPhone(p.ctx, p.phone.Digits(), true, platformOf(look).code, codeName(look))
	if err != nil {
		p.fail("code_refused", phoneCodeText(err))
		return true
	}
	opts := p.s.p.opts
	p.reveal(code, opts.FirstCode+(maxCodes-1)*opts.NextCode)
	return false
}

func phoneCodeText(err error) string {
	switch {
	case errors.Is(err, wm.ErrIQRateOverLimit):
		return "WhatsApp gave out too many codes for this phone. Wait an hour, or pair by QR."
	case errors.Is(err, wm.ErrIQBadRequest), errors.Is(err, wm.ErrPhoneNumberTooShort), errors.Is(err, wm.ErrPhoneNumberIsNotInternational):
		return "WhatsApp does not give codes for this phone number. Check it, or pair by QR."
	}
	return "WhatsApp gave no code. Ask for a new one."
}

// fail ends the attempt and throws the device away.
func (p *pairing) fail(code, reason string) {
	p.line.hangUp()
	if p.finish() {
		p.s.tell(provider.StateChanged{Signal: provider.PairFailed, Code: code, Reason: reason})
	}
}

// finish takes the attempt off the session; false when it was dropped before.
func (p *pairing) finish() bool {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.cancel(nil)
	if p.s.pairing != p {
		return false
	}
	p.s.pairing = nil
	return true
}
