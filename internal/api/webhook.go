package api

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// NewWebhook is an endpoint as callers ask for it.
type NewWebhook struct {
	URL         string            `json:"url" maxLength:"2048" doc:"Where events are sent: an https address on the public internet"`
	Events      []string          `json:"events,omitempty" nullable:"false" minItems:"1" doc:"Event types, with wildcards: *, message.*, client.connected; all if absent"`
	Clients     []string          `json:"clients,omitempty" nullable:"false" doc:"Only events of these clients"`
	Directions  []wa.Direction    `json:"directions,omitempty" nullable:"false" doc:"Of events about messages only inbound or outbound ones"`
	ChatKinds   []wa.ChatKind     `json:"chat_kinds,omitempty" nullable:"false" doc:"Of events about messages only direct or group ones"`
	Description string            `json:"description,omitempty"`
	Payload     wa.Payload        `json:"payload,omitempty" enum:"full,thin" doc:"thin has ids only"`
	Ordered     bool              `json:"ordered,omitempty" doc:"One request at a time per chat, in order; a failure holds up its chat"`
	Batch       int               `json:"batch,omitempty" minimum:"1" maximum:"50" doc:"Events of a chat in one request at most, 1 to 50; more than 1 needs ordered"`
	Headers     map[string]string `json:"headers,omitempty" doc:"Sent with every request; values are not shown again"`
	MaxInFlight int               `json:"max_in_flight,omitempty" minimum:"1" maximum:"64" doc:"Requests at the same time, 1 to 64; 8 if absent"`
	Rate        *int              `json:"rate,omitempty" minimum:"1" maximum:"10000" doc:"Requests a second at most; no limit if absent"`
	TimeoutMS   int               `json:"timeout_ms,omitempty" minimum:"1000" maximum:"30000" doc:"How long one attempt may take, 1,000 to 30,000; 15,000 if absent"`
	Schedule    []int             `json:"schedule,omitempty" nullable:"false" doc:"Seconds before each attempt; 0, 5, 300, 1800, 7200, 18000, 36000, 36000 if absent"`
}

func (n NewWebhook) endpoint() (wa.Endpoint, error) {
	clients, err := clientIDs(n.Clients)
	return wa.Endpoint{
		URL: n.URL, Events: n.Events, Clients: clients, Directions: n.Directions, ChatKinds: n.ChatKinds, Description: n.Description,
		Payload: n.Payload, Ordered: n.Ordered, Batch: n.Batch, Headers: n.Headers, MaxInFlight: n.MaxInFlight, Rate: n.Rate, TimeoutMS: n.TimeoutMS, Schedule: n.Schedule,
	}, err
}

func clientIDs(texts []string) ([]wa.ClientID, error) {
	var ids []wa.ClientID
	for _, t := range texts {
		var id wa.ClientID
		if err := id.UnmarshalText([]byte(t)); err != nil || id.IsZero() {
			return nil, wa.InvalidField("clients", "holds something that is not a client's id")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

type createWebhookIn struct {
	Body NewWebhook
}

type createdWebhookOut struct {
	Location string `header:"Location"`
	Body     struct {
		wa.Endpoint
		Secret string `json:"secret" doc:"Signs what is sent; shown this once"`
	} `nameHint:"CreatedWebhook"`
}

func (a *api) createWebhook(ctx context.Context, by wa.Actor, in *createWebhookIn) (*createdWebhookOut, error) {
	e, err := in.Body.endpoint()
	if err != nil {
		return nil, err
	}
	made, err := a.Webhooks.Create(ctx, by, e)
	if err != nil {
		return nil, err
	}
	out := &createdWebhookOut{Location: v1 + "/webhooks/" + made.ID.String()}
	out.Body.Endpoint, out.Body.Secret = made.Endpoint, made.Secret.Reveal()
	return out, nil
}

type webhookIn struct {
	Webhook ref[wa.EndpointID] `path:"webhook"`
}

type webhookOut struct{ Body wa.Endpoint }

type webhooksIn struct{ Paged }

func (a *api) webhooks(ctx context.Context, by wa.Actor, in *webhooksIn) (*listOut[wa.Endpoint], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.Webhooks.List(ctx, by, p)
	return listed(p, rows, func(e wa.Endpoint) (time.Time, string) { return e.CreatedAt, e.ID.UUID() }), err
}

func (a *api) webhook(ctx context.Context, by wa.Actor, in *webhookIn) (*webhookOut, error) {
	e, err := a.Webhooks.Get(ctx, by, in.Webhook.ID)
	return &webhookOut{e}, err
}

type changeWebhookIn struct {
	Webhook ref[wa.EndpointID] `path:"webhook"`
	Body    struct {
		URL         *string                      `json:"url,omitempty" maxLength:"2048"`
		Events      *[]string                    `json:"events,omitempty" nullable:"false" minItems:"1" doc:"For all of them: [\"*\"]"`
		Clients     clearable[[]string]          `json:"clients,omitempty" doc:"null or an empty list: all"`
		Directions  clearable[[]wa.Direction]    `json:"directions,omitempty" doc:"null or an empty list: both"`
		ChatKinds   clearable[[]wa.ChatKind]     `json:"chat_kinds,omitempty" doc:"null or an empty list: all"`
		Description *string                      `json:"description,omitempty"`
		Payload     *wa.Payload                  `json:"payload,omitempty" enum:"full,thin"`
		Ordered     *bool                        `json:"ordered,omitempty"`
		Batch       *int                         `json:"batch,omitempty" minimum:"1" maximum:"50"`
		Headers     clearable[map[string]string] `json:"headers,omitempty" doc:"Replaces all of them; null or an empty object: none"`
		MaxInFlight *int                         `json:"max_in_flight,omitempty" minimum:"1" maximum:"64"`
		Rate        clearable[*int]              `json:"rate,omitempty" minimum:"1" maximum:"10000" doc:"null takes the limit away"`
		TimeoutMS   *int                         `json:"timeout_ms,omitempty" minimum:"1000" maximum:"30000"`
		Schedule    clearable[[]int]             `json:"schedule,omitempty" doc:"null or an empty list: the usual one"`
	} `nameHint:"WebhookChange"`
}

// changeWebhook changes what is named and leaves the rest.
func (a *api) changeWebhook(ctx context.Context, by wa.Actor, in *changeWebhookIn) (*webhookOut, error) {
	b := in.Body
	ids, err := clientIDs(b.Clients.value)
	if err != nil {
		return nil, err
	}
	clients := clearable[[]wa.ClientID]{b.Clients.named, ids}
	if b.Headers.named && b.Headers.value == nil {
		b.Headers.value = map[string]string{} // nil would keep them
	}
	e, err := a.Webhooks.Update(ctx, by, in.Webhook.ID, func(e *wa.Endpoint) {
		change(&e.URL, b.URL)
		change(&e.Events, b.Events)
		clients.put(&e.Clients)
		b.Directions.put(&e.Directions)
		b.ChatKinds.put(&e.ChatKinds)
		change(&e.Description, b.Description)
		change(&e.Payload, b.Payload)
		change(&e.Ordered, b.Ordered)
		change(&e.Batch, b.Batch)
		b.Headers.put(&e.Headers)
		change(&e.MaxInFlight, b.MaxInFlight)
		b.Rate.put(&e.Rate)
		change(&e.TimeoutMS, b.TimeoutMS)
		b.Schedule.put(&e.Schedule)
	})
	return &webhookOut{e}, err
}

func (a *api) deleteWebhook(ctx context.Context, by wa.Actor, in *webhookIn) (*struct{}, error) {
	return nil, a.Webhooks.Delete(ctx, by, in.Webhook.ID)
}

func (a *api) enableWebhook(ctx context.Context, by wa.Actor, in *webhookIn) (*webhookOut, error) {
	e, err := a.Webhooks.Enable(ctx, by, in.Webhook.ID)
	return &webhookOut{e}, err
}

func (a *api) disableWebhook(ctx context.Context, by wa.Actor, in *webhookIn) (*webhookOut, error) {
	e, err := a.Webhooks.Disable(ctx, by, in.Webhook.ID)
	return &webhookOut{e}, err
}

type secretRotation struct {
	OverlapSeconds *int `json:"overlap_seconds,omitempty" doc:"How long the old secret signs too, 0 to 604,800; 86,400 if absent"`
}

// overlap gives what was asked for; nil when nothing was.
func (r *secretRotation) overlap() *time.Duration {
	if r == nil || r.OverlapSeconds == nil {
		return nil
	}
	d := time.Duration(min(max(*r.OverlapSeconds, -1), 1<<30)) * time.Second
	return &d
}

type rotateIn struct {
	Webhook ref[wa.EndpointID] `path:"webhook"`
	Body    *secretRotation
}

type secretOut struct {
	Body struct {
		ID     wa.EndpointID `json:"id"`
		Secret string        `json:"secret" doc:"Shown this once"`
	} `nameHint:"WebhookSecret"`
}

func (a *api) rotateSecret(ctx context.Context, by wa.Actor, in *rotateIn) (*secretOut, error) {
	secret, err := a.Webhooks.Rotate(ctx, by, in.Webhook.ID, in.Body.overlap())
	out := &secretOut{}
	out.Body.ID, out.Body.Secret = in.Webhook.ID, secret.Reveal()
	return out, err
}

func (a *api) revokeSecrets(ctx context.Context, by wa.Actor, in *webhookIn) (*struct{}, error) {
	return nil, a.Webhooks.Revoke(ctx, by, in.Webhook.ID)
}

type deliveryOut struct{ Body wa.Delivery }

func (a *api) testWebhook(ctx context.Context, by wa.Actor, in *webhookIn) (*deliveryOut, error) {
	d, err := a.Webhooks.Test(ctx, by, in.Webhook.ID)
	return &deliveryOut{d}, err
}

type recoverIn struct {
	Webhook ref[wa.EndpointID] `path:"webhook"`
	Body    struct {
		Since time.Time `json:"since" doc:"Events since this time, 35 days back at most"`
		Until time.Time `json:"until,omitzero" required:"false" doc:"Events before this time; now if absent"`
	} `nameHint:"RecoverySince"`
}

type recoveryOut struct{ Body wa.Recovery }

func (a *api) recoverWebhook(ctx context.Context, by wa.Actor, in *recoverIn) (*recoveryOut, error) {
	r, err := a.Webhooks.Recover(ctx, by, in.Webhook.ID, in.Body.Since, in.Body.Until)
	return &recoveryOut{r}, err
}

func (a *api) replayWebhook(ctx context.Context, by wa.Actor, in *recoverIn) (*recoveryOut, error) {
	r, err := a.Webhooks.Replay(ctx, by, in.Webhook.ID, in.Body.Since, in.Body.Until)
	return &recoveryOut{r}, err
}

type recoveryIn struct {
	Webhook  ref[wa.EndpointID] `path:"webhook"`
	Recovery ref[wa.RecoveryID] `path:"recovery"`
}

func (a *api) recovery(ctx context.Context, by wa.Actor, in *recoveryIn) (*recoveryOut, error) {
	r, err := a.Webhooks.Recovery(ctx, by, in.Webhook.ID, in.Recovery.ID)
	return &recoveryOut{r}, err
}

type deliveriesIn struct {
	Paged
	Webhook    ref[wa.EndpointID] `path:"webhook"`
	Status     string             `query:"status" enum:"pending,delivered,exhausted"`
	Event      wa.EventID         `query:"event"`
	Type       string             `query:"type" maxLength:"60"`
	Message    wa.MessageID       `query:"message" doc:"Of events about this message"`
	LastStatus int                `query:"last_status" minimum:"100" maximum:"599" doc:"HTTP status of the last answer"`
	Since      time.Time          `query:"since" doc:"Made at this time or later"`
	Until      time.Time          `query:"until" doc:"Made before this time"`
}

func (a *api) deliveries(ctx context.Context, by wa.Actor, in *deliveriesIn) (*listOut[wa.Delivery], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.Webhooks.Deliveries(ctx, by, in.Webhook.ID, store.DeliveryFilter{
		Status: wa.DeliveryStatus(in.Status), Event: in.Event, Type: wa.EventType(in.Type), Message: in.Message, LastStatus: in.LastStatus,
		Since: given(in.Since), Until: given(in.Until),
	}, p)
	return listed(p, rows, func(d wa.Delivery) (time.Time, string) { return d.CreatedAt, d.ID.UUID() }), err
}

type deliveryIn struct {
	Webhook  ref[wa.EndpointID] `path:"webhook"`
	Delivery ref[wa.DeliveryID] `path:"delivery"`
}

type attemptsOut struct {
	Body struct {
		Data []wa.Attempt `json:"data" nullable:"false"`
	} `nameHint:"AttemptList"`
}

func (a *api) attempts(ctx context.Context, by wa.Actor, in *deliveryIn) (*attemptsOut, error) {
	rows, err := a.Webhooks.Attempts(ctx, by, in.Webhook.ID, in.Delivery.ID)
	out := &attemptsOut{}
	out.Body.Data = append([]wa.Attempt{}, rows...)
	return out, err
}

type sentIn struct {
	Webhook  ref[wa.EndpointID] `path:"webhook"`
	Delivery ref[wa.DeliveryID] `path:"delivery"`
	Attempt  int                `query:"attempt" minimum:"1" maximum:"32767" doc:"Its number; the last one if absent, or, before the first, what that will send"`
}

type sentOut struct{ Body wa.SentRequest }

func (a *api) sent(ctx context.Context, by wa.Actor, in *sentIn) (*sentOut, error) {
	r, err := a.Webhooks.Sent(ctx, by, in.Webhook.ID, in.Delivery.ID, in.Attempt)
	return &sentOut{r}, err
}

func (a *api) resend(ctx context.Context, by wa.Actor, in *deliveryIn) (*deliveryOut, error) {
	d, err := a.Webhooks.Resend(ctx, by, in.Webhook.ID, in.Delivery.ID)
	return &deliveryOut{d}, err
}

type callbackSecretOut struct {
	Body struct {
		Secret string `json:"secret" doc:"Signs what goes to the callback_url of messages"`
	} `nameHint:"CallbackSecret"`
}

func (a *api) callbackSecret(ctx context.Context, by wa.Actor, _ *nothing) (*callbackSecretOut, error) {
	secret, err := a.Webhooks.CallbackSecret(ctx, by)
	out := &callbackSecretOut{}
	out.Body.Secret = secret.Reveal()
	return out, err
}

type rotateCallbackIn struct {
	Body *secretRotation
}

func (a *api) rotateCallbackSecret(ctx context.Context, by wa.Actor, in *rotateCallbackIn) (*callbackSecretOut, error) {
	secret, err := a.Webhooks.RotateCallbackSecret(ctx, by, in.Body.overlap())
	out := &callbackSecretOut{}
	out.Body.Secret = secret.Reveal()
	return out, err
}

type callbacksIn struct {
	Message ref[wa.MessageID] `path:"message"`
}

type callbacksOut struct {
	Body struct {
		Data []webhook.CallbackDelivery `json:"data" nullable:"false"`
	} `nameHint:"CallbackList"`
}

func (a *api) callbacks(ctx context.Context, by wa.Actor, in *callbacksIn) (*callbacksOut, error) {
	rows, err := a.Webhooks.Callbacks(ctx, by, in.Message.ID)
	out := &callbacksOut{}
	out.Body.Data = append([]webhook.CallbackDelivery{}, rows...)
	return out, err
}

type callbackIn struct {
	Message  ref[wa.MessageID]  `path:"message"`
	Delivery ref[wa.DeliveryID] `path:"delivery"`
}

func (a *api) resendCallback(ctx context.Context, by wa.Actor, in *callbackIn) (*deliveryOut, error) {
	d, err := a.Webhooks.ResendCallback(ctx, by, in.Message.ID, in.Delivery.ID)
	return &deliveryOut{d}, err
}

type callbackSentIn struct {
	Message  ref[wa.MessageID]  `path:"message"`
	Delivery ref[wa.DeliveryID] `path:"delivery"`
	Attempt  int                `query:"attempt" minimum:"1" maximum:"32767" doc:"Its number; the last one if absent, or, before the first, what that will send"`
}

func (a *api) callbackSent(ctx context.Context, by wa.Actor, in *callbackSentIn) (*sentOut, error) {
	r, err := a.Webhooks.CallbackSent(ctx, by, in.Message.ID, in.Delivery.ID, in.Attempt)
	return &sentOut{r}, err
}
