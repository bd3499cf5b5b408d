package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type pairIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Body   struct {
		Method wa.PairMethod `json:"method,omitempty" enum:"qr,code" default:"qr"`
		Phone  string        `json:"phone,omitempty" doc:"For the code method: the number to link"`
	} `nameHint:"PairRequest"`
}

func (a *api) pair(ctx context.Context, by wa.Actor, in *pairIn) (*clientOut, error) {
	var phone wa.Phone
	if in.Body.Phone != "" {
		var err error
		if phone, err = wa.ParsePhone(in.Body.Phone); err != nil {
			return nil, renamed(err, "to", "phone")
		}
	}
	c, err := a.Fleet.Pair(ctx, by, in.Client.ID, in.Body.Method, phone)
	return &clientOut{wholeClient(c)}, err
}

func (a *api) stopPairing(ctx context.Context, by wa.Actor, in *clientIn) (*struct{}, error) {
	return nil, a.Fleet.StopPairing(ctx, by, in.Client.ID)
}

type passkeyIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Body   struct {
		Response json.RawMessage `json:"response" doc:"What navigator.credentials.get gave on web.whatsapp.com, as its toJSON writes it: id, rawId, type and response (clientDataJSON, authenticatorData, signature, userHandle), bytes as base64url without padding"`
	} `nameHint:"PasskeyResponse"`
}

func (a *api) answerPasskey(ctx context.Context, by wa.Actor, in *passkeyIn) (*struct{}, error) {
	return nil, a.Fleet.AnswerPasskey(ctx, by, in.Client.ID, in.Body.Response)
}

func (a *api) confirmPasskey(ctx context.Context, by wa.Actor, in *clientIn) (*struct{}, error) {
	return nil, a.Fleet.ConfirmPasskey(ctx, by, in.Client.ID)
}

// attempt is a client and its pairing, read together. Without a pairing under
// way Pairing is nil.
type attempt struct {
	Client  wa.Client
	Pairing *wa.Pairing
}

func (a *api) attempt(ctx context.Context, by wa.Actor, id wa.ClientID) (t attempt, err error) {
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		// The pairing first: when it has gone, the client tells how it ended.
		p, err := tx.Pairing(ctx, by.Org, id)
		if err == nil {
			t.Pairing = &p.Pairing
		} else if wa.CodeOf(err) != wa.NotFound {
			return err
		}
		t.Client, err = tx.Client(ctx, by.Org, id)
		return err
	})
	return t, err
}

// attemptAgain is attempt for an answer that is held.
func (a *api) attemptAgain(ctx context.Context, by wa.Actor, id wa.ClientID) (t attempt, err error) {
	err = a.inTurn(ctx, by.Org, func() (err error) { t, err = a.attempt(ctx, by, id); return err })
	return t, err
}

// ended is why there is nothing to show, or nil.
func (t attempt) ended() error {
	switch {
	case t.Pairing == nil && t.Client.Status.Unpaired():
		return wa.Errorf(wa.NotFound, "no pairing is under way; start one with POST …/pair")
	case t.Pairing == nil:
		return wa.Errorf(wa.NotFound, "no pairing is under way: the client is %s", t.Client.Status)
	case t.Pairing.Error != "":
		return wa.Errorf(wa.Conflict, "pairing failed: %s; start again with POST …/pair", t.Pairing.Error)
	}
	return nil
}

// shows reports whether there is something for a person to act on.
func (t attempt) shows() bool {
	return t.Pairing.Code != "" || len(t.Pairing.Passkey) > 0 || t.Pairing.Confirm != ""
}

// pairingView is a pairing as people see it.
type pairingView struct {
	Method    wa.PairMethod   `json:"method" enum:"qr,code"`
	Status    wa.ClientStatus `json:"status" doc:"The client's status"`
	QR        string          `json:"qr,omitempty" doc:"For the qr method: the text to show as a QR code"`
	Code      string          `json:"code,omitempty" doc:"For the code method: the eight characters to enter on the phone"`
	ExpiresAt *time.Time      `json:"expires_at,omitempty" doc:"When what is shown is over: the next code takes over, or, when there is none, the attempt ends"`
	Passkey   json.RawMessage `json:"passkey,omitempty" doc:"What the phone's passkey shall sign, when WhatsApp asks for it: publicKey of navigator.credentials.get, its bytes as base64url. It works on web.whatsapp.com only"`
	Confirm   string          `json:"confirm_code,omitempty" doc:"The code to compare with the phone's, when asked for"`
}

func (t attempt) view() pairingView {
	v := pairingView{
		Method: t.Pairing.Method, Status: t.Client.Status, ExpiresAt: t.Pairing.ExpiresAt, Passkey: t.Pairing.Passkey, Confirm: t.Pairing.Confirm,
	}
	if t.Pairing.Method == wa.PairCode {
		v.Code = t.Pairing.Code
	} else {
		v.QR = t.Pairing.Code
	}
	return v
}

type qrIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Accept string           `header:"Accept"`
	Raw    bool             `query:"raw" doc:"text/plain: the code's text instead of a drawing for terminals"`
	Size   int              `query:"size" minimum:"128" maximum:"1024" default:"384" doc:"image/png: width in pixels"`
}

type qrOut struct{ Body func(huma.Context) }

const (
	firstCodeWithin = 15 * time.Second
	pairingTick     = 250 * time.Millisecond
)

// qr shows a pairing's code in the form that the caller accepts. While there is
// none yet it waits.
func (a *api) qr(ctx context.Context, by wa.Actor, in *qrIn) (*qrOut, error) {
	media := preferred(in.Accept, mediaJSON, mediaPNG, mediaText, mediaStream)
	if media == mediaStream {
		return a.qrStream(ctx, by, in.Client.ID)
	}
	if err := waits(ctx); err != nil {
		return nil, err
	}
	t, err := a.firstCode(ctx, by, in.Client.ID)
	if err != nil {
		return nil, err
	}
	body, err := t.show(media, in.Raw, in.Size)
	if err != nil {
		return nil, err
	}
	return &qrOut{func(c huma.Context) {
		c.SetHeader("Content-Type", contentType(media))
		c.SetStatus(http.StatusOK)
		_, _ = c.BodyWriter().Write(body) // a caller that has gone needs no code
	}}, nil
}

// firstCode reads the attempt, and waits a while for its first code.
func (a *api) firstCode(ctx context.Context, by wa.Actor, id wa.ClientID) (attempt, error) {
	tick := time.NewTicker(pairingTick)
	defer tick.Stop()
	for deadline := time.After(firstCodeWithin); ; {
		t, err := a.attemptAgain(ctx, by, id)
		if err == nil {
			err = t.ended()
		}
		if err != nil || t.shows() {
			return t, err
		}
		select {
		case <-tick.C:
		case <-deadline:
			return t, noCodeYet()
		case <-a.Closing:
			return t, noCodeYet()
		case <-ctx.Done():
			return t, ctx.Err()
		}
	}
}

func noCodeYet() error {
	return &wa.Error{Code: wa.NotFound, Message: "there is no code yet", RetryAfter: 2 * time.Second}
}
