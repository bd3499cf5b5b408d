package whatsmeow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/provider"
)

func (p *pairing) askPasskey(e *events.PairPasskeyRequest) (over bool) {
	request, err := json.Marshal(e.PublicKey)
	if err != nil {
		p.fail("passkey_error", "The passkey request could not be read. Ask for new codes.")
		return true
	}
	p.timer.Reset(passkeyWait)
	p.codes = p.codes[len(p.codes):]
	p.s.tell(provider.PasskeyWanted{Request: request})
	return false
}

func (p *pairing) askConfirmation(e *events.PairPasskeyConfirmation) (over bool) {
	p.timer.Reset(passkeyWait)
	if !e.SkipHandoffUX {
		p.s.tell(provider.PasskeyWanted{Confirm: e.Code})
		return false
	}
	if err := p.line.cli.SendPasskeyConfirmation(p.ctx); err != nil {
		p.fail("passkey_error", "WhatsApp did not accept the passkey. Ask for new codes.")
		return true
	}
	return false
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
	return p.line.cli.SendPasskeyResponse(ctx, &answer)
}

// ConfirmPasskey finishes after a person has compared the codes.
func (s *session) ConfirmPasskey(ctx context.Context) error {
	p, err := s.underWay()
	if err != nil {
		return err
	}
	return p.line.cli.SendPasskeyConfirmation(ctx)
}

func (s *session) underWay() (*pairing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pairing == nil {
		return nil, errors.New("no pairing is under way")
	}
	return s.pairing, nil
}
