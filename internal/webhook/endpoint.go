package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// MaxEndpoints is how many endpoints an org may have.
const MaxEndpoints = 100

// Made is a new endpoint with its secret, which is shown once.
type Made struct {
	wa.Endpoint
	Secret wa.Secret
}

// Create makes an endpoint and the secret that signs what it gets.
func (s *Service) Create(ctx context.Context, by wa.Actor, e wa.Endpoint) (Made, error) {
	e.ID, e.OrgID = wa.NewEndpointID(), by.Org
	e.Normalize()
	if err := e.Validate(); err != nil {
		return Made{}, err
	}
	if err := mayHave(by, e); err != nil {
		return Made{}, err
	}
	if err := s.checkURL(ctx, by, e.URL); err != nil {
		return Made{}, err
	}
	text, sealed, err := s.newSecret(ctx, e.OrgID)
	if err != nil {
		return Made{}, err
	}
	row, err := s.row(ctx, e)
	if err != nil {
		return Made{}, err
	}
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		if err := tx.LockLasting(ctx, by.Org); err != nil {
			return err
		}
		n, err := tx.CountEndpoints(ctx, by.Org)
		if err != nil {
			return err
		}
		if n >= MaxEndpoints {
			return wa.Errorf(wa.Conflict, "there are %d endpoints, which is the most there may be", n)
		}
		if err := checkClients(ctx, tx, by.Org, e.Clients); err != nil {
			return err
		}
		if err := tx.InsertEndpoint(ctx, row, sealed); err != nil {
			return err
		}
		if row, err = tx.Endpoint(ctx, by.Org, e.ID); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditWebhookCreated, e.ID.String(), nil, audited(row))
	})
	return Made{Endpoint: shown(row, e.Headers), Secret: text}, err
}

// mayHave refuses to let somebody have sent to them what they may not read.
func mayHave(by wa.Actor, e wa.Endpoint) error {
	need := []wa.Permission{wa.ReadEvents}
	if e.Payload != wa.ThinPayload && slices.ContainsFunc(e.Events, aboutMessages) {
		need = append(need, wa.ReadMessages)
	}
	for _, p := range need {
		if !by.May(p) {
			return wa.Errorf(wa.Forbidden, "an endpoint gets no more than whoever makes it may read: this needs %s", p)
		}
	}
	return nil
}

// aboutMessages reports whether a pattern takes in what is said in messages.
func aboutMessages(pattern string) bool {
	return pattern == "*" || strings.HasPrefix(pattern, "message.")
}

// checkURL looks at an address before it is kept; it is looked at again
// whenever it is dialled.
func (s *Service) checkURL(ctx context.Context, by wa.Actor, url string) error {
	var plain bool
	err := s.inOrg(ctx, by, func(tx *store.Tx) (err error) {
		plain, err = tx.AllowsHTTP(ctx, by.Org)
		return err
	})
	if err != nil {
		return err
	}
	return s.out.CheckURL(ctx, url, plain)
}

func checkClients(ctx context.Context, tx *store.Tx, org wa.OrgID, clients []wa.ClientID) error {
	for _, c := range clients {
		_, err := tx.Client(ctx, org, c)
		if wa.CodeOf(err) == wa.NotFound {
			return wa.InvalidField("clients", "names a client that does not exist: %s", c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Get reads an endpoint.
func (s *Service) Get(ctx context.Context, by wa.Actor, id wa.EndpointID) (wa.Endpoint, error) {
	var row store.EndpointRow
	err := s.inOrg(ctx, by, func(tx *store.Tx) (err error) {
		if row, err = tx.Endpoint(ctx, by.Org, id); err != nil {
			return err
		}
		n, err := tx.PendingDeliveries(ctx, id, 10_000)
		row.Health.Pending = &n
		return err
	})
	if err != nil {
		return wa.Endpoint{}, err
	}
	return s.show(ctx, row)
}

// List pages through an org's endpoints, newest first.
func (s *Service) List(ctx context.Context, by wa.Actor, p store.Page) ([]wa.Endpoint, error) {
	var rows []store.EndpointRow
	err := s.inOrg(ctx, by, func(tx *store.Tx) (err error) {
		rows, err = tx.Endpoints(ctx, by.Org, p)
		return err
	})
	out := make([]wa.Endpoint, len(rows))
	for i, row := range rows {
		if out[i], err = s.show(ctx, row); err != nil {
			return nil, err
		}
	}
	return out, err
}

// Update changes what change changes. Headers are kept where it leaves them nil.
func (s *Service) Update(ctx context.Context, by wa.Actor, id wa.EndpointID, change func(*wa.Endpoint)) (wa.Endpoint, error) {
	before, err := s.Get(ctx, by, id)
	if err != nil {
		return before, err
	}
	after := before
	change(&after)
	if after.URL != before.URL {
		if err := s.checkURL(ctx, by, after.URL); err != nil {
			return before, err
		}
	}
	var row store.EndpointRow
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		if row, err = tx.LockEndpoint(ctx, by.Org, id); err != nil {
			return err
		}
		was := audited(row)
		if row, err = s.changed(ctx, row, change); err != nil {
			return err
		}
		if err := mayHave(by, row.Endpoint); err != nil {
			return err
		}
		if !slices.Equal(row.Clients, before.Clients) {
			if err := checkClients(ctx, tx, by.Org, row.Clients); err != nil {
				return err
			}
		}
		if err := tx.UpdateEndpoint(ctx, row); err != nil {
			return err
		}
		if row.URL != before.URL {
			if err := tx.CloseCircuit(ctx, by.Org, id); err != nil {
				return err
			}
		}
		if row, err = tx.Endpoint(ctx, by.Org, id); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditWebhookChanged, id.String(), was, audited(row))
	})
	if err != nil {
		return wa.Endpoint{}, err
	}
	return s.show(ctx, row)
}

// changed applies a change to a row as it is now.
func (s *Service) changed(ctx context.Context, row store.EndpointRow, change func(*wa.Endpoint)) (store.EndpointRow, error) {
	headers, err := s.headers(ctx, row)
	if err != nil {
		return row, err
	}
	e := row.Endpoint
	e.Headers = nil
	change(&e)
	if e.Headers == nil {
		e.Headers = headers
	}
	e.Normalize()
	if err := e.Validate(); err != nil {
		return row, err
	}
	return s.row(ctx, e)
}

// Delete takes an endpoint away. What was on its way is not sent any more.
func (s *Service) Delete(ctx context.Context, by wa.Actor, id wa.EndpointID) error {
	return s.inOrg(ctx, by, func(tx *store.Tx) error {
		row, err := tx.Endpoint(ctx, by.Org, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteEndpoint(ctx, by.Org, id); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditWebhookDeleted, id.String(), audited(row), nil)
	})
}

// Enable switches an endpoint on. What was on its way goes on; what happened
// meanwhile is brought by Replay.
func (s *Service) Enable(ctx context.Context, by wa.Actor, id wa.EndpointID) (wa.Endpoint, error) {
	err := s.inOrg(ctx, by, func(tx *store.Tx) error {
		if err := tx.LockLasting(ctx, by.Org); err != nil {
			return err
		}
		if _, err := tx.LockEndpoint(ctx, by.Org, id); err != nil {
			return err
		}
		if _, err := tx.EnableEndpoint(ctx, by.Org, id); err != nil {
			return err
		}
		tx.Ring(wa.DeliverTicket{Endpoint: id})
		return tx.Audit(by, wa.AuditWebhookEnabled, id.String(), nil, nil)
	})
	if err != nil {
		return wa.Endpoint{}, err
	}
	return s.Get(ctx, by, id)
}

// Disable switches an endpoint off: it gets nothing, and no event waits for it.
func (s *Service) Disable(ctx context.Context, by wa.Actor, id wa.EndpointID) (wa.Endpoint, error) {
	err := s.inOrg(ctx, by, func(tx *store.Tx) error {
		row, err := tx.LockEndpoint(ctx, by.Org, id)
		if err != nil {
			return err
		}
		const reason = "switched off by a person"
		was, err := tx.DisableEndpoint(ctx, by.Org, id, reason)
		if err != nil || !was {
			return err
		}
		if err := tx.Audit(by, wa.AuditWebhookDisabled, id.String(), nil, nil); err != nil {
			return err
		}
		return tx.Emit(by.Org, wa.ClientID{}, wa.EndpointDisabled, wa.EventEndpoint{EndpointID: id, URL: row.URL, Reason: reason})
	})
	if err != nil {
		return wa.Endpoint{}, err
	}
	return s.Get(ctx, by, id)
}

// Rotate makes a new secret. For grace (up to seven days) both sign; nil means
// a day, 0 ends the old ones at once.
func (s *Service) Rotate(ctx context.Context, by wa.Actor, id wa.EndpointID, grace *time.Duration) (wa.Secret, error) {
	overlap, err := overlapOf(grace)
	if err != nil {
		return wa.Secret{}, err
	}
	text, sealed, err := s.newSecret(ctx, by.Org)
	if err != nil {
		return wa.Secret{}, err
	}
	err = s.inOrg(ctx, by, func(tx *store.Tx) error {
		if _, err := tx.LockEndpoint(ctx, by.Org, id); err != nil {
			return err
		}
		if err := tx.Audit(by, wa.AuditWebhookRotated, id.String(), nil, rotated{int(overlap.Seconds())}); err != nil {
			return err
		}
		return s.rotate(ctx, tx, by.Org, id, overlap, sealed)
	})
	return text, err
}

func overlapOf(grace *time.Duration) (time.Duration, error) {
	if grace == nil {
		return wa.SecretOverlap, nil
	}
	if *grace < 0 || *grace > wa.MaxSecretOverlap {
		return 0, wa.InvalidField("overlap_seconds", "must be 0 to %d", int(wa.MaxSecretOverlap.Seconds()))
	}
	return *grace, nil
}

func (s *Service) rotate(ctx context.Context, tx *store.Tx, org wa.OrgID, id wa.EndpointID, overlap time.Duration, fresh store.SealedSecret) error {
	live, err := tx.Secrets(ctx, org, id, s.opt.Ahead())
	if err != nil {
		return err
	}
	if overlap > 0 && len(live) > wa.MaxRunningSecrets {
		return wa.Errorf(wa.Conflict, "%d old secrets still sign, which is the most there may be: revoke them, or rotate with overlap_seconds 0", len(live)-1)
	}
	if err := tx.RetireSecret(ctx, org, id, overlap, s.opt.Ahead()); err != nil {
		return err
	}
	if overlap == 0 {
		if err := tx.RevokeOldSecrets(ctx, org, id); err != nil {
			return err
		}
	}
	return tx.InsertSecret(ctx, org, id, fresh)
}

// Revoke ends every secret but the newest.
func (s *Service) Revoke(ctx context.Context, by wa.Actor, id wa.EndpointID) error {
	return s.inOrg(ctx, by, func(tx *store.Tx) error {
		if _, err := tx.LockEndpoint(ctx, by.Org, id); err != nil {
			return err
		}
		if err := tx.RevokeOldSecrets(ctx, by.Org, id); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditWebhookRevoked, id.String(), nil, nil)
	})
}

// row makes a row of an endpoint: its headers are sealed.
func (s *Service) row(ctx context.Context, e wa.Endpoint) (store.EndpointRow, error) {
	row := store.EndpointRow{Endpoint: e}
	if len(e.Headers) == 0 {
		return row, nil
	}
	raw, err := json.Marshal(e.Headers)
	if err != nil {
		return row, fmt.Errorf("encode headers: %w", err)
	}
	row.SealedHeaders, err = s.seal(ctx, e.OrgID, headersPlace(e.OrgID, e.ID), raw)
	return row, err
}

// headers opens a row's own headers; nil when there are none.
func (s *Service) headers(ctx context.Context, row store.EndpointRow) (map[string]string, error) {
	if len(row.SealedHeaders) == 0 {
		return nil, nil
	}
	raw, err := s.open(ctx, row.OrgID, headersPlace(row.OrgID, row.ID), row.SealedHeaders)
	if err != nil {
		return nil, fmt.Errorf("open headers of %s: %w", row.ID, err)
	}
	var out map[string]string
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("decode headers of %s: %w", row.ID, err)
	}
	return out, nil
}

func (s *Service) show(ctx context.Context, row store.EndpointRow) (wa.Endpoint, error) {
	headers, err := s.headers(ctx, row)
	return shown(row, headers), err
}

// shown gives an endpoint with the names of its headers only: their values may
// be credentials.
func shown(row store.EndpointRow, headers map[string]string) wa.Endpoint {
	e := row.Endpoint
	e.Headers = nil
	for name := range headers {
		if e.Headers == nil {
			e.Headers = map[string]string{}
		}
		e.Headers[name] = hidden
	}
	return e
}

const hidden = "***"
