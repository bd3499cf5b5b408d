package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

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

type known struct {
	id    wa.EndpointID
	until time.Time
}

const (
	callbackKnown = time.Minute
	callbackMost  = 10_000 // hosts that are remembered
	// callbackRest is how long a host stays off that said it wants nothing.
	callbackRest = time.Hour
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
	host := callbackHost{by.Org, u.Scheme + "://" + u.Host}
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
	key, err := s.callbackKey(host.org)
	if err != nil {
		return id, err
	}
	secret := store.SealedSecret{ID: wa.NewSecretID()}
	secret.Sealed = s.seal.Seal(secretPlace(host.org, secret.ID), key)
	for range 2 { // another process may be making it at this moment
		err = s.db.InOrg(ctx, host.org, func(tx *store.Tx) error {
			id, err = tx.CallbackEndpoint(ctx, host.org, host.base, callbackRest)
			if wa.CodeOf(err) == wa.NotFound {
				id = e.ID
				return tx.InsertEndpoint(ctx, store.EndpointRow{Endpoint: e}, secret)
			}
			return err
		})
		if wa.CodeOf(err) != wa.Conflict {
			break
		}
	}
	return id, err
}

func (s *Service) callbackKey(org wa.OrgID) ([]byte, error) {
	return s.seal.Derive("webhook callbacks|" + org.UUID())
}

// CallbackSecret gives the secret that signs what an org's messages' own
// addresses get: all of them have the same.
func (s *Service) CallbackSecret(by wa.Actor) (wa.Secret, error) {
	key, err := s.callbackKey(by.Org)
	return wa.NewSecret(secretPrefix + encodeSecret(key)), err
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
