package fleet

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// maxPasskeyAnswer bounds what a person's browser may hand in.
const maxPasskeyAnswer = 64 << 10

// AnswerPasskey passes on what the phone owner's passkey answered: the JSON of
// a browser's navigator.credentials.get. An answer that cannot fit the request
// is refused here, where whoever pasted it can still mend it: WhatsApp's own
// refusal ends the attempt.
func (s *Service) AnswerPasskey(ctx context.Context, by wa.Actor, id wa.ClientID, response json.RawMessage) error {
	if len(response) == 0 || len(response) > maxPasskeyAnswer || !json.Valid(response) {
		return wa.InvalidField("response", "must be the JSON that the browser's passkey gave")
	}
	return s.passkey(ctx, by, id, func(tx *store.Tx, p store.PairingRow) error {
		if p.Passkey == nil {
			return errNotAsked()
		}
		if err := fits(p.Passkey, response); err != nil {
			return err
		}
		return tx.AnswerPasskey(ctx, by.Org, id, response, false)
	})
}

// ConfirmPasskey says that the codes on both screens agree.
func (s *Service) ConfirmPasskey(ctx context.Context, by wa.Actor, id wa.ClientID) error {
	return s.passkey(ctx, by, id, func(tx *store.Tx, p store.PairingRow) error {
		if p.Passkey == nil {
			return errNotAsked()
		}
		if p.Confirm == "" {
			return wa.Errorf(wa.Conflict, "there is no code to compare yet")
		}
		return tx.AnswerPasskey(ctx, by.Org, id, nil, true)
	})
}

func errNotAsked() error { return wa.Errorf(wa.Conflict, "no passkey is asked for now") }

func (s *Service) passkey(ctx context.Context, by wa.Actor, id wa.ClientID, answer func(*store.Tx, store.PairingRow) error) error {
	_, err := s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		p, err := tx.Pairing(ctx, by.Org, id)
		if wa.CodeOf(err) == wa.NotFound {
			return errNotAsked()
		}
		if err != nil {
			return err
		}
		if err := answer(tx, p); err != nil {
			return err
		}
		return s.want(ctx, tx, c, wa.WantPairing)
	})
	return err
}

// assertion is the part of a passkey's answer that we look at.
type assertion struct {
	RawID    string `json:"rawId"`
	Type     string `json:"type"`
	Response struct {
		ClientData        string `json:"clientDataJSON"`
		AuthenticatorData string `json:"authenticatorData"`
		Signature         string `json:"signature"`
	} `json:"response"`
}

// clientData is what the browser says of the page that asked.
type clientData struct {
	Type      string `json:"type"`
	Challenge string `json:"challenge"`
	Origin    string `json:"origin"`
}

// fits tells why an answer cannot be one to the request, or nil. Whether the
// signature is right, only WhatsApp knows.
func fits(request, response []byte) error {
	var a assertion
	if err := json.Unmarshal(response, &a); err != nil {
		return wa.InvalidField("response", "must be an object with id, rawId, type and response, as the browser's passkey gave it")
	}
	if a.Type != "public-key" || !isBytes(a.RawID) || !isBytes(a.Response.AuthenticatorData) || !isBytes(a.Response.Signature) {
		return wa.InvalidField("response", "lacks a part: rawId, authenticatorData, clientDataJSON and signature are base64url without padding, type is public-key")
	}
	raw, err := base64.RawURLEncoding.DecodeString(a.Response.ClientData)
	var said clientData
	if err != nil || json.Unmarshal(raw, &said) != nil || said.Type != "webauthn.get" {
		return wa.InvalidField("response", "has a clientDataJSON that is not the one of navigator.credentials.get")
	}
	var asked struct {
		Challenge string `json:"challenge"`
		Host      string `json:"rpId"`
	}
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil // not ours to judge
	}
	switch {
	case said.Challenge != asked.Challenge:
		return wa.InvalidField("response", "answers another request: ask the browser again, with what is asked for now")
	case !servedBy(said.Origin, asked.Host):
		return wa.InvalidField("response", "was not given on https://web.whatsapp.com")
	}
	return nil
}

func isBytes(text string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(raw) > 0
}

// servedBy tells whether a page belongs to a host, as browsers decide where a
// passkey may be used. A request without a host leaves it to the browser.
func servedBy(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || host == "" {
		return err == nil
	}
	return u.Scheme == "https" && (u.Hostname() == host || strings.HasSuffix(u.Hostname(), "."+host))
}
