package fleet

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

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
		if err := tx.Audit(by, wa.AuditClientPairing, id.String(), nil, pairedBy{Method: method, Phone: phone}); err != nil {
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

// StopPairing gives up the attempt under way; Conflict when there is none.
func (s *Service) StopPairing(ctx context.Context, by wa.Actor, id wa.ClientID) error {
	_, err := s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		p, err := tx.Pairing(ctx, by.Org, id)
		if wa.CodeOf(err) == wa.NotFound || err == nil && (p.Error != "" || c.Desire != wa.WantPairing) {
			return wa.Errorf(wa.Conflict, "no pairing is under way")
		}
		if err != nil {
			return err
		}
		if err := tx.Audit(by, wa.AuditClientUnpairing, id.String(), pairedBy{Method: p.Method, Phone: p.Phone}, nil); err != nil {
			return err
		}
		return s.giveUp(ctx, tx, c)
	})
	return err
}

// giveUp ends a client's pairing. The status is set here and not left to the
// owner, who may never have begun.
func (s *Service) giveUp(ctx context.Context, tx *store.Tx, c wa.Client) error {
	if err := tx.EndPairing(ctx, c.OrgID, c.ID); err != nil {
		return err
	}
	if c.Status == wa.ClientPairing {
		back := wa.Standing{Status: unpaired(c), Reason: pairingGivenUp, Event: wa.ClientPairingFailed}
		if _, err := tx.SetStatus(ctx, c.OrgID, c.ID, c.Epoch, back); err != nil {
			return err
		}
	}
	if err := s.want(ctx, tx, c, wa.WantNothing); err != nil {
		return err
	}
	now, err := tx.ClientRow(ctx, c.OrgID, c.ID)
	if err != nil {
		return err
	}
	return tx.Emit(c.OrgID, c.ID, wa.ClientPairingFailed, wa.EventClient{Client: now.Client, Reason: pairingGivenUp})
}

const pairingGivenUp = "Pairing was given up."

// unpaired is the status of a client without a phone: whether it ever had one.
func unpaired(c wa.Client) wa.ClientStatus {
	if c.Phone != "" {
		return wa.ClientLoggedOut
	}
	return wa.ClientNew
}
