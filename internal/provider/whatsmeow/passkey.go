package whatsmeow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	wm "go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/provider"
)

// What is said when a passkey leads nowhere.
const (
	passkeyRefused = "The passkey was not accepted. Ask for new codes."
	passkeyUnheard = "WhatsApp did not answer to the passkey. Ask for new codes."
)

// askPasskey shows what WhatsApp wants signed. The codes have served by then:
// the library has thrown their secret away.
func (p *pairing) askPasskey(e *events.PairPasskeyRequest) (over bool) {
	request, err := json.Marshal(e.PublicKey)
	if err != nil {
		p.fail("passkey_error", "The passkey request could not be read. Ask for new codes.")
		return true
	}
	p.codes = p.codes[len(p.codes):]
	p.s.tell(provider.PasskeyWanted{Request: request, ExpiresAt: p.waitForPasskey()})
	return false
}

// askConfirmation shows the code to compare, or goes on at once when the phone
// shows none: the library has proved to it that we showed the code it read.
func (p *pairing) askConfirmation(e *events.PairPasskeyConfirmation) (over bool) {
	expires := p.waitForPasskey()
	if !e.SkipHandoffUX {
		p.s.tell(provider.PasskeyWanted{Confirm: e.Code, ExpiresAt: expires})
		return false
	}
	return p.refused(p.line.cli.SendPasskeyConfirmation(p.ctx))
}

// waitForPasskey gives the person time, and tells until when.
func (p *pairing) waitForPasskey() time.Time {
	wait := p.s.p.opts.PasskeyWait
	p.timer.Reset(wait)
	p.late = latePasskey
	return time.Now().Add(wait).UTC()
}

// refused ends the attempt when a step with the passkey did not succeed.
func (p *pairing) refused(err error) (over bool) {
	if err == nil || p.over() {
		return false
	}
	p.s.log.Warn("passkey not accepted", "error", scrub(err.Error()))
	var answer *wm.IQError
	if errors.As(err, &answer) {
		p.fail("passkey_error", passkeyRefused)
	} else {
		p.fail("passkey_error", passkeyUnheard)
	}
	return true
}

// AnswerPasskey passes on what a person's passkey answered.
func (s *session) AnswerPasskey(ctx context.Context, response []byte) error {
	p, err := s.underWay()
	if err != nil {
		return err
	}
	var answer types.WebAuthnResponse
	if err := json.Unmarshal(response, &answer); err != nil {
		return fmt.Errorf("passkey response: %w", err)
	}
	p.refused(p.line.cli.SendPasskeyResponse(ctx, &answer))
	return nil
}

// ConfirmPasskey finishes after a person has compared the codes.
func (s *session) ConfirmPasskey(ctx context.Context) error {
	p, err := s.underWay()
	if err != nil {
		return err
	}
	p.refused(p.line.cli.SendPasskeyConfirmation(ctx))
	return nil
}

func (s *session) underWay() (*pairing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pairing == nil {
		return nil, errors.New("no pairing is under way")
	}
	return s.pairing, nil
}
