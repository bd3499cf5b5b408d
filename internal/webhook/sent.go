package webhook

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// maxSent is how much of a body is shown, in bytes. Only batches are longer.
const maxSent = 64 << 10

// Sent shows what an attempt of a delivery sent; number 0 stands for the last
// one, or, before the first, for what that will send. Bodies are not kept: this
// one is made again, from the event and from what is known now of its client,
// chat and contact, and held against the signature of the request, which is
// kept. Who may not read what is in it gets Forbidden.
func (s *Service) Sent(ctx context.Context, by wa.Actor, endpoint wa.EndpointID, id wa.DeliveryID, number int) (wa.SentRequest, error) {
	var v past
	err := s.inOrg(ctx, by, func(tx *store.Tx) error {
		row, err := tx.Endpoint(ctx, by.Org, endpoint)
		if err != nil {
			return err
		}
		if _, err := tx.Delivery(ctx, by.Org, endpoint, id); err != nil {
			return err
		}
		v, err = s.past(ctx, tx, row, id, number)
		return err
	})
	if err != nil {
		return wa.SentRequest{}, err
	}
	return s.shownAs(ctx, by, v)
}

// CallbackSent is Sent for a delivery to a message's own address.
func (s *Service) CallbackSent(ctx context.Context, by wa.Actor, message wa.MessageID, id wa.DeliveryID, number int) (wa.SentRequest, error) {
	var v past
	err := s.inOrg(ctx, by, func(tx *store.Tx) error {
		d, err := s.callbackOf(ctx, tx, by.Org, message, id)
		if err != nil {
			return err
		}
		row, err := tx.LineEndpoint(ctx, by.Org, d.EndpointID)
		if err != nil {
			return err
		}
		if v, err = s.past(ctx, tx, row, id, number); err != nil {
			return err
		}
		v.to, err = v.to.of(v.due)
		return err
	})
	if err != nil {
		return wa.SentRequest{}, err
	}
	return s.shownAs(ctx, by, v)
}

// shownAs makes a request again, for somebody who may read what is in it.
func (s *Service) shownAs(ctx context.Context, by wa.Actor, v past) (wa.SentRequest, error) {
	f, err := v.form()
	if err != nil {
		return wa.SentRequest{}, err
	}
	if err := mayRead(by, f.to.Payload, v.due); err != nil {
		return wa.SentRequest{}, err
	}
	body := string(f.text)
	if len(body) > maxSent {
		body = clip(body, maxSent)
	}
	headers, err := s.sentHeaders(ctx, v, f)
	return wa.SentRequest{
		Attempt: v.made.Number, Same: f.same, Events: f.events(v.due), Headers: headers, Body: body, Bytes: len(f.text),
	}, err
}

// past is an attempt with all that its request is made of. Of one that was not
// made yet only to and due say something.
type past struct {
	to   target // with the secrets that signed it and are still there
	made wa.Attempt
	due  store.Due
}

// past reads an attempt of a delivery to an endpoint.
func (s *Service) past(ctx context.Context, tx *store.Tx, row store.EndpointRow, id wa.DeliveryID, number int) (v past, err error) {
	org := row.OrgID
	if v.to.Endpoint, err = s.show(ctx, row); err != nil {
		return v, err
	}
	v.to.headers = v.to.Headers
	v.made, err = tx.AttemptMade(ctx, org, id, number)
	if number == 0 && wa.CodeOf(err) == wa.NotFound {
		err = nil
	}
	if err != nil {
		return v, err
	}
	if v.to.keys, err = s.signedThen(ctx, tx, org, row.ID, v.made.At); err != nil {
		return v, err
	}
	v.due, err = parcel(ctx, tx, org, row, id, v.made)
	return v, err
}

// signedThen opens the secrets that sign now and did so at a time.
func (s *Service) signedThen(ctx context.Context, tx *store.Tx, org wa.OrgID, id wa.EndpointID, at time.Time) ([]key, error) {
	sealed, err := tx.Secrets(ctx, org, id, s.opt.Ahead())
	if err != nil {
		return nil, err
	}
	younger := func(v store.SealedSecret) bool { return v.ID.Time().After(at) }
	return s.opened(ctx, org, slices.DeleteFunc(sealed, younger))
}

// parcel reads what went in the request of an attempt, in order.
func parcel(ctx context.Context, tx *store.Tx, org wa.OrgID, e store.EndpointRow, id wa.DeliveryID, made wa.Attempt) (d store.Due, err error) {
	ids := []wa.DeliveryID{id}
	if e.Ordered && made.Signature != "" {
		if ids, err = tx.SentTogether(ctx, made); err != nil {
			return d, err
		}
	}
	all, err := tx.Parcels(ctx, org, e.ID, ids)
	if err != nil {
		return d, err
	}
	if len(all) == 0 || slices.ContainsFunc(all, func(d store.Due) bool { return d.Gone }) {
		return d, wa.Errorf(wa.NotFound, "the event is not kept any more")
	}
	d, d.Rest = all[0], all[1:]
	return d, nil
}

// form is one way in which a request may have been made.
type form struct {
	to   target
	id   string // webhook-id
	text []byte
	same wa.Sameness
}

func (f form) events(d store.Due) int {
	if f.to.Batch <= 1 {
		return 1
	}
	return 1 + len(d.Rest)
}

// form finds how a request was made: as the endpoint is set now, or, because it
// may have been set otherwise, in the first way that its signature fits.
func (v past) form() (now form, err error) {
	var made bodies
	for i, to := range forms(v.to, len(v.due.Rest) > 0) {
		f := form{to: to, same: wa.IsSame}
		if f.id, f.text, err = made.request(v.due, to); err != nil {
			return f, fmt.Errorf("make body again: %w", err)
		}
		if fits(to.keys, v.made, f) {
			return f, nil
		}
		if i == 0 {
			now = f
		}
	}
	now.same = wa.IsNotSame
	if len(v.to.keys) == 0 || v.made.Signature == "" {
		now.same = wa.SameUnknown
	}
	return now, nil
}

// forms are the ways an endpoint may have been set, as it is now first.
func forms(now target, several bool) (all []target) {
	payloads := []wa.Payload{wa.FullPayload, wa.ThinPayload}
	if now.Payload == wa.ThinPayload {
		slices.Reverse(payloads)
	}
	batches := []int{1, wa.MaxHookBatch}
	if now.Batch > 1 {
		slices.Reverse(batches)
	}
	if several {
		batches = []int{wa.MaxHookBatch}
	}
	for _, p := range payloads {
		for _, n := range batches {
			to := now
			to.Payload, to.Batch = p, n
			all = append(all, to)
		}
	}
	return all
}

// fits reports whether one of the secrets signs a form as the attempt was signed.
func fits(keys []key, made wa.Attempt, f form) bool {
	kept := strings.Fields(made.Signature)
	return slices.ContainsFunc(strings.Fields(sign(keys, f.id, made.At, f.text)), func(s string) bool { return slices.Contains(kept, s) })
}

// mayRead refuses to show somebody in a request what they may not read elsewhere.
func mayRead(by wa.Actor, p wa.Payload, d store.Due) error {
	need := []wa.Permission{wa.ReadWebhooks, wa.ReadEvents}
	said := func(d store.Due) bool { return aboutMessages(string(d.Event.Type)) }
	if p != wa.ThinPayload && (said(d) || slices.ContainsFunc(d.Rest, said)) {
		need = append(need, wa.ReadMessages)
	}
	for _, p := range need {
		if !by.May(p) {
			return wa.Errorf(wa.Forbidden, "what was sent is for those who may read it elsewhere: this needs %s", p)
		}
	}
	return nil
}

// sentHeaders are those of the request, with the signature that was kept.
func (s *Service) sentHeaders(ctx context.Context, v past, f form) (http.Header, error) {
	req, err := s.request(ctx, f.to, f.id, v.made.At, f.text)
	if err != nil {
		return nil, fmt.Errorf("make headers again: %w", err)
	}
	h := req.Header
	h.Del("Traceparent") // of who asks, not of the attempt
	if v.made.Number == 0 {
		h.Del("Webhook-Timestamp")
	}
	if h.Set("Webhook-Signature", v.made.Signature); v.made.Signature == "" {
		h.Del("Webhook-Signature")
	}
	return h, nil
}
