package fleet

import (
	"context"
	"encoding/json"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// maxPasskeyAnswer bounds what a person's browser may hand in.
const maxPasskeyAnswer = 64 << 10

// Pair starts linking a client with a phone, by QR or by an eight-character
// code for the given number. An attempt under way is dropped for the new one.
func (s *Service) Pair(ctx context.Context, by wa.Actor, id wa.ClientID, method wa.PairMethod, phone wa.Phone) (wa.Client, error) {
	if err := checkMethod(method, phone); err != nil {
		return wa.Client{}, err
	}
	return s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		if c.JID != "" {
			return wa.Errorf(wa.Conflict, "the client is linked with a phone already: log it out first")
		}
		if c.Status == wa.ClientBanned && c.Until != nil && c.Until.After(time.Now()) {
			return wa.Errorf(wa.Conflict, "WhatsApp banned this number; pairing is possible again after %s", c.Until.UTC().Format(time.RFC3339))
		}
		if err := tx.StartPairing(ctx, by.Org, id, method, phone); err != nil {
			return err
		}
		return s.want(ctx, tx, c, wa.WantPairing)
	})
}

func checkMethod(method wa.PairMethod, phone wa.Phone) error {
	switch {
	case method != wa.PairQR && method != wa.PairCode:
		return wa.InvalidField("method", "is one of qr, code")
	case method == wa.PairCode && phone == "":
		return wa.InvalidField("phone", "is required for the code method")
	}
	return nil
}

// Pairing reads the attempt under way; NotFound when there is none.
func (s *Service) Pairing(ctx context.Context, by wa.Actor, id wa.ClientID) (wa.Pairing, error) {
	var p store.PairingRow
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		p, err = tx.Pairing(ctx, by.Org, id)
		return err
	})
	return p.Pairing, err
}

// AnswerPasskey passes on what the phone owner's passkey answered: the JSON of
// a browser's navigator.credentials.get.
func (s *Service) AnswerPasskey(ctx context.Context, by wa.Actor, id wa.ClientID, response json.RawMessage) error {
	if len(response) == 0 || len(response) > maxPasskeyAnswer || !json.Valid(response) {
		return wa.InvalidField("response", "must be the JSON that the browser's passkey gave")
	}
	return s.passkey(ctx, by, id, response, false)
}

// ConfirmPasskey says that the codes on both screens agree.
func (s *Service) ConfirmPasskey(ctx context.Context, by wa.Actor, id wa.ClientID) error {
	return s.passkey(ctx, by, id, nil, true)
}

func (s *Service) passkey(ctx context.Context, by wa.Actor, id wa.ClientID, answer []byte, confirmed bool) error {
	_, err := s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		err := tx.AnswerPasskey(ctx, by.Org, id, answer, confirmed)
		if wa.CodeOf(err) == wa.NotFound {
			return wa.Errorf(wa.Conflict, "no passkey is asked for now")
		}
		if err != nil {
			return err
		}
		return s.want(ctx, tx, c, wa.WantPairing)
	})
	return err
}
