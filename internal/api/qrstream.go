package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"chasqui/internal/wa"
)

// pairingFailed is the data of a failed event.
type pairingFailed struct {
	Reason string `json:"reason"`
}

// qrStream follows a pairing to its end: qr (or code) whenever there is a new
// one, passkey when WhatsApp asks for one, then paired or failed.
func (a *api) qrStream(ctx context.Context, by wa.Actor, id wa.ClientID) (*qrOut, error) {
	t, err := a.attempt(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if t.Pairing == nil {
		return nil, t.ended()
	}
	if err := holds(ctx); err != nil {
		return nil, err
	}
	return &qrOut{func(c huma.Context) {
		tick := time.NewTicker(pairingTick)
		defer tick.Stop()
		woken := func() <-chan struct{} { return ticks(ctx, tick.C) }
		p := &pairingStream{out: a.open(c)}
		if p.out.comment("following the pairing") != nil {
			return
		}
		a.keep(ctx, p.out, wa.WriteClients, woken, func(wa.Actor) (bool, error) {
			t, err := a.attemptAgain(ctx, by, id)
			if err != nil {
				return wa.CodeOf(err) == wa.NotFound, nil // deleted; else the database is away and comes back
			}
			return p.tell(t)
		})
	}}, nil
}

// ticks turns one tick into a closed channel.
func ticks(ctx context.Context, tick <-chan time.Time) <-chan struct{} {
	next := make(chan struct{})
	go func() {
		defer close(next)
		select {
		case <-tick:
		case <-ctx.Done():
		}
	}()
	return next
}

// pairingStream remembers what it told, to tell only what is new.
type pairingStream struct {
	out                    *stream
	code, passkey, confirm string
}

func (p *pairingStream) tell(t attempt) (over bool, err error) {
	switch {
	case t.Pairing == nil && t.Client.Status.Unpaired():
		return true, p.out.send("", "failed", pairingFailed{"the attempt was ended"})
	case t.Pairing == nil:
		return true, p.out.send("", "paired", t.Client)
	case t.Pairing.Error != "":
		return true, p.out.send("", "failed", pairingFailed{t.Pairing.Error})
	}
	if t.Pairing.Code != "" && t.Pairing.Code != p.code {
		p.code = t.Pairing.Code
		if err := p.out.send("", string(t.Pairing.Method), t.view()); err != nil {
			return true, err
		}
	}
	if string(t.Pairing.Passkey) != p.passkey || t.Pairing.Confirm != p.confirm {
		p.passkey, p.confirm = string(t.Pairing.Passkey), t.Pairing.Confirm
		return false, p.out.send("", "passkey", t.view())
	}
	return false, nil
}
