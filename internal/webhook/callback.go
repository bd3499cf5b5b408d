package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// callbackHost is what messages' callback addresses share an endpoint by: it
// keeps one host's circuit, cap and order apart from another's, while
// addresses that differ for every message stay few endpoints.
type callbackHost struct {
	org  wa.OrgID
	base string // "https://example.com:8443"
}

func hostOf(org wa.OrgID, u *url.URL) callbackHost {
	return callbackHost{org, u.Scheme + "://" + u.Host}
}

type known struct {
	id    wa.EndpointID
	until time.Time
}

const (
	callbackKnown = time.Minute
	callbackMost  = 10_000 // hosts that are remembered
	// MaxCallbackHosts is how many hosts the messages of an org may name: each has
	// a line, a circuit and a secret of its own. Ports and schemes count apart.
	MaxCallbackHosts = 200
)

// Callback makes sure that a message's own address can be told what becomes of
// it. The address is looked at again when it is called. An empty one is none.
func (s *Service) Callback(ctx context.Context, by wa.Actor, text string) (wa.Callback, error) {
	if text == "" {
		return wa.Callback{}, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return wa.Callback{}, wa.InvalidField("callback_url", "is not an address like https://example.com/hook")
	}
	host := hostOf(by.Org, u)
	id, found := s.recall(host)
	if err := s.checkCallback(ctx, by, text, found); err != nil { // plain http was allowed when it was found
		return wa.Callback{}, err
	}
	if !found {
		if id, err = s.callbackEndpoint(ctx, host); err != nil {
			return wa.Callback{}, err
		}
		s.remember(host, id)
	}
	return wa.Callback{ID: id, URL: text}, nil
}

// CheckCallback is Callback without making anything.
func (s *Service) CheckCallback(ctx context.Context, by wa.Actor, text string) error {
	if text == "" {
		return nil
	}
	return s.checkCallback(ctx, by, text, false)
}

func (s *Service) checkCallback(ctx context.Context, by wa.Actor, text string, allowHTTP bool) error {
	err := s.out.CheckForm(text, allowHTTP)
	if err == nil || s.httpAllowed(ctx, by, text) {
		return nil
	}
	return asCallback(err)
}

// httpAllowed reports whether an address is fine but for being plain http, and
// the org allows that.
func (s *Service) httpAllowed(ctx context.Context, by wa.Actor, text string) bool {
	if s.out.CheckForm(text, true) != nil {
		return false
	}
	allowed := false
	err := s.inOrg(ctx, by, func(tx *store.Tx) (err error) {
		allowed, err = tx.AllowsHTTP(ctx, by.Org)
		return err
	})
	return err == nil && allowed
}

func asCallback(err error) error {
	var e *wa.Error
	if errors.As(err, &e) && e.Field == "url" {
		moved := *e
		moved.Field = "callback_url"
		return &moved
	}
	return err
}

func (s *Service) recall(host callbackHost) (wa.EndpointID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.callbacks[host]
	return k.id, ok && time.Now().Before(k.until)
}

func (s *Service) remember(host callbackHost, id wa.EndpointID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.callbacks) >= callbackMost {
		clear(s.callbacks)
	}
	s.callbacks[host] = known{id, time.Now().Add(callbackKnown)}
}

// callbackEndpoint finds or makes the endpoint that stands for a host.
func (s *Service) callbackEndpoint(ctx context.Context, host callbackHost) (id wa.EndpointID, err error) {
	e := wa.Endpoint{ID: wa.NewEndpointID(), OrgID: host.org, URL: host.base, Events: []string{}, Callback: true, Payload: wa.FullPayload}
	e.MaxInFlight, e.TimeoutMS = wa.DefaultInFlight, int(wa.DefaultHookWait.Milliseconds())
	for range 2 { // another process may be making it at this moment
		err = s.db.InOrg(ctx, host.org, func(tx *store.Tx) error {
			if err := tx.LockLasting(ctx, host.org); err != nil {
				return err
			}
			id, err = tx.CallbackEndpoint(ctx, host.org, host.base)
			if wa.CodeOf(err) == wa.NotFound {
				id = e.ID
				return s.insertCallback(ctx, tx, e)
			}
			return err
		})
		if wa.CodeOf(err) != wa.Conflict {
			break
		}
	}
	return id, err
}

// insertCallback keeps an endpoint for a host. It signs as the org's others do.
func (s *Service) insertCallback(ctx context.Context, tx *store.Tx, e wa.Endpoint) error {
	ids, err := tx.CallbackEndpoints(ctx, e.OrgID)
	if err != nil {
		return err
	}
	if len(ids) >= MaxCallbackHosts {
		return wa.InvalidField("callback_url", "names one host too many: the messages of an organisation may name %d; give the addresses one host, or use a webhook", MaxCallbackHosts)
	}
	keys, err := s.callbackKeys(ctx, tx, e.OrgID)
	if err != nil {
		return err
	}
	for i, k := range keys {
		sealed, err := s.sealKey(ctx, e.OrgID, k)
		if err != nil {
			return err
		}
		insert := func() error { return tx.InsertSecret(ctx, e.OrgID, e.ID, sealed) }
		if i == 0 {
			insert = func() error { return tx.InsertEndpoint(ctx, store.EndpointRow{Endpoint: e}, sealed) }
		}
		if err := insert(); err != nil {
			return err
		}
	}
	return nil
}

// callbackKeys gives what signs an org's callbacks now, the one in use first.
// The first of all is drawn, so that it can be told before any message has
// named an address.
func (s *Service) callbackKeys(ctx context.Context, tx *store.Tx, org wa.OrgID) ([]key, error) {
	ids, err := tx.CallbackEndpoints(ctx, org)
	if err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		return s.signing(ctx, tx, org, ids[0])
	}
	raw, err := s.keys.Derive(ctx, "chasqui derived|webhook callbacks|"+org.UUID())
	return []key{{raw: raw}}, err
}

// CallbackSecret gives the secret that signs what an org's messages' own
// addresses get: all of them have the same.
func (s *Service) CallbackSecret(ctx context.Context, by wa.Actor) (secret wa.Secret, err error) {
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		keys, err := s.callbackKeys(ctx, tx, by.Org)
		if err != nil {
			return err
		}
		secret = wa.NewSecret(secretPrefix + encodeSecret(keys[0].raw))
		return tx.Audit(by, wa.AuditWebhookRevealed, auditedCallbacks, nil, nil)
	})
	return secret, err
}

// RotateCallbackSecret is Rotate for the secret of all callbacks of an org.
func (s *Service) RotateCallbackSecret(ctx context.Context, by wa.Actor, grace *time.Duration) (wa.Secret, error) {
	overlap, err := overlapOf(grace)
	if err != nil {
		return wa.Secret{}, err
	}
	fresh := key{raw: seal.Random(secretLength)}
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		ids, err := tx.CallbackEndpoints(ctx, by.Org)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return wa.Errorf(wa.Conflict, "no message has named a callback_url yet: the secret was never used")
		}
		for _, id := range ids {
			sealed, err := s.sealKey(ctx, by.Org, fresh)
			if err != nil {
				return err
			}
			if err := s.rotate(ctx, tx, by.Org, id, overlap, sealed); err != nil {
				return err
			}
		}
		return tx.Audit(by, wa.AuditWebhookRotated, auditedCallbacks, nil, rotated{int(overlap.Seconds())})
	})
	return wa.NewSecret(secretPrefix + encodeSecret(fresh.raw)), err
}

// CallbackDelivery is an event on its way to a message's own address, with the
// requests that were made.
type CallbackDelivery struct {
	wa.Delivery
	Requests []wa.Attempt `json:"requests" nullable:"false" doc:"Oldest first"`
}

// callbacksMost is more events than a message can have.
const callbacksMost = 50

// Callbacks lists what a message's own address got or shall get, newest first.
func (s *Service) Callbacks(ctx context.Context, by wa.Actor, id wa.MessageID) (all []CallbackDelivery, err error) {
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		rows, err := s.callbacksOf(ctx, tx, by.Org, id)
		for _, d := range rows {
			requests, err := tx.Attempts(ctx, by.Org, d.ID)
			if err != nil {
				return err
			}
			all = append(all, CallbackDelivery{d, append([]wa.Attempt{}, requests...)})
		}
		return err
	})
	return all, err
}

func (s *Service) callbacksOf(ctx context.Context, tx *store.Tx, org wa.OrgID, id wa.MessageID) ([]wa.Delivery, error) {
	m, err := tx.Message(ctx, org, id)
	if err != nil || m.CallbackID.IsZero() {
		return nil, err
	}
	page, err := store.ParsePage("", callbacksMost)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Deliveries(ctx, org, m.CallbackID, store.DeliveryFilter{Message: id}, page)
	if err != nil {
		return nil, err
	}
	to, err := tx.LineEndpoint(ctx, org, m.CallbackID)
	if wa.CodeOf(err) == wa.NotFound { // switched off by an earlier version
		err = nil
	}
	s.tellWaits(rows, to.Enabled, to.Health.OpenUntil)
	return rows, err
}

// ResendCallback sends one of them again, now.
func (s *Service) ResendCallback(ctx context.Context, by wa.Actor, message wa.MessageID, id wa.DeliveryID) (d wa.Delivery, err error) {
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		if d, err = s.callbackOf(ctx, tx, by.Org, message, id); err != nil {
			return err
		}
		d, err = s.again(ctx, tx, by, d.EndpointID, id)
		return err
	})
	return d, err
}

// callbackOf finds one of what a message's own address got or shall get.
func (s *Service) callbackOf(ctx context.Context, tx *store.Tx, org wa.OrgID, message wa.MessageID, id wa.DeliveryID) (wa.Delivery, error) {
	rows, err := s.callbacksOf(ctx, tx, org, message)
	if err != nil {
		return wa.Delivery{}, err
	}
	i := slices.IndexFunc(rows, func(d wa.Delivery) bool { return d.ID == id })
	if i < 0 {
		return wa.Delivery{}, wa.Errorf(wa.NotFound, "there is no such delivery")
	}
	return rows[i], nil
}

// of gives the target of one delivery: a message's own address where the
// endpoint only stands for its host.
func (t target) of(d store.Due) (target, error) {
	if !t.Callback {
		return t, nil
	}
	var data struct {
		Message struct {
			URL string `json:"callback_url"`
		} `json:"message"`
	}
	if err := json.Unmarshal(d.Event.Data, &data); err != nil || data.Message.URL == "" {
		return t, fmt.Errorf("event %s has no address of its own", d.EventID)
	}
	t.URL = data.Message.URL
	return t, nil
}
