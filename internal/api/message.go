package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Draft is a message as callers write it.
type Draft struct {
	To        string            `json:"to" doc:"A phone number with country code, a contact or chat id, or a WhatsApp address"`
	Type      string            `json:"type,omitempty" default:"text" doc:"Names the one content object"`
	Text      *wa.Text          `json:"text,omitempty"`
	ReplyTo   string            `json:"reply_to,omitempty" doc:"The message that this one answers"`
	Mentions  []string          `json:"mentions,omitempty" nullable:"false" doc:"Phone numbers"`
	SendAt    *time.Time        `json:"send_at,omitempty" doc:"60 seconds to 35 days ahead"`
	ExpiresAt *time.Time        `json:"expires_at,omitempty" doc:"Not sent after this time"`
	Lane      string            `json:"lane,omitempty" enum:"urgent,normal,bulk" default:"normal"`
	Typing    *bool             `json:"typing,omitempty" doc:"Show the typing indicator before; the client's setting if absent"`
	ClientRef string            `json:"client_ref,omitempty" doc:"Your own name for the message"`
	Metadata  map[string]string `json:"metadata,omitempty" doc:"Anything that shall come back in events"`
	Callback  string            `json:"callback_url,omitempty" maxLength:"2048" doc:"Told what becomes of this message, besides the webhooks"`
}

// draft makes a verb's draft of it.
func (d Draft) draft() (wa.Draft, error) {
	out := wa.Draft{
		To: d.To, Type: d.Type, Text: d.Text, Mentions: d.Mentions, SendAt: utc(d.SendAt), ExpiresAt: utc(d.ExpiresAt),
		Typing: d.Typing, ClientRef: d.ClientRef, Metadata: d.Metadata,
	}
	if out.Type == "" {
		out.Type = wa.KindText
	}
	if err := out.Lane.UnmarshalText([]byte(d.Lane)); err != nil {
		return out, err
	}
	if d.ReplyTo != "" {
		out.ReplyTo = new(wa.MessageID)
		if err := out.ReplyTo.UnmarshalText([]byte(d.ReplyTo)); err != nil {
			return out, wa.InvalidField("reply_to", "is not a message's id")
		}
	}
	return out, nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// mayUse refuses a lane that the actor has no permission for.
func mayUse(by wa.Actor, lane wa.Lane) error {
	if lane == wa.Bulk && !by.May(wa.SendBulk) {
		return wa.Errorf(wa.Forbidden, "the bulk lane needs the permission %s", wa.SendBulk)
	}
	return nil
}

// Once is the header that names a request, so that its repeat works once.
type Once struct {
	Key string `header:"Idempotency-Key" maxLength:"255" doc:"Your name for this request: its repeat within a day is answered the same and does nothing"`
}

// Resolve refuses a name that is there and empty: the caller believes in it.
func (o *Once) Resolve(ctx huma.Context) []error {
	if sent := humagin.Unwrap(ctx).Request.Header.Values(headerIdempotencyKey); len(sent) > 0 && strings.TrimSpace(o.Key) == "" {
		return []error{&huma.ErrorDetail{Location: "header." + headerIdempotencyKey, Message: "must not be empty"}}
	}
	return nil
}

var _ huma.Resolver = (*Once)(nil)

// key makes the verbs' key of it. The route keeps different requests apart; the
// hash tells a repeat from another request under the same name. It is made of
// what was understood, so a repeat may be formatted differently.
func (o Once) key(route string, parts ...any) wa.IdempotencyKey {
	if o.Key == "" {
		return wa.IdempotencyKey{}
	}
	sum := sha256.New()
	_ = json.NewEncoder(sum).Encode(parts) // decoded from JSON a moment ago, and a hash takes everything
	return wa.IdempotencyKey{Key: o.Key, Route: route, Hash: sum.Sum(nil)}
}

// placed is a message and, while it waits, its place in line.
type placed struct {
	wa.Message
	Queue *wa.QueuePlace `json:"queue,omitempty"`
}

type messageOut struct{ Body wa.Message }

type sendIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Once
	Prefer string `header:"Prefer" doc:"wait=N holds the answer up to N seconds (1 to 30) for the outcome"`
	DryRun bool   `query:"dry_run" doc:"Check everything and store nothing"`
	Body   struct {
		Draft
		DryRun bool `json:"dry_run,omitempty" doc:"Check everything and store nothing"`
	} `nameHint:"NewMessage"`
}

type sendOut struct {
	Status   int
	Location string `header:"Location"`
	Replayed string `header:"Idempotent-Replayed"`
	Applied  string `header:"Preference-Applied"`
	Body     placed
}

func (a *api) sendMessage(ctx context.Context, by wa.Actor, in *sendIn) (*sendOut, error) {
	if in.DryRun || in.Body.DryRun {
		return a.rehearse(ctx, by, in)
	}
	d, err := a.draftOf(ctx, by, in.Client.ID, in.Body.Draft)
	if err != nil {
		return nil, err
	}
	got, err := a.Messages.Accept(ctx, by, in.Client.ID, d, in.key("messages", in.Client.ID, in.Body.Draft))
	if err != nil {
		return nil, err
	}
	a.countSent(by, in.Client.ID, 1, got.Replayed)
	out := &sendOut{
		Status: http.StatusAccepted, Location: messageAddress(got.ID), Replayed: replayed(got.Replayed), Body: placed{got.Message, &got.Queue},
	}
	return a.waitFor(ctx, by, in.Prefer, out)
}

// draftOf makes a verb's draft of a message that this actor may send, and sees
// to its callback.
func (a *api) draftOf(ctx context.Context, by wa.Actor, client wa.ClientID, m Draft) (wa.Draft, error) {
	d, err := a.mayDraft(ctx, by, client, m)
	if err == nil {
		d.Callback, err = a.Webhooks.Callback(ctx, by, m.Callback)
	}
	return d, err
}

// mayDraft is draftOf without a callback.
func (a *api) mayDraft(ctx context.Context, by wa.Actor, client wa.ClientID, m Draft) (wa.Draft, error) {
	d, err := m.draft()
	d.Origin = originOf(by)
	if err == nil {
		err = mayUse(by, d.Lane)
	}
	if err == nil {
		err = a.mayWrite(ctx, by, client, d)
	}
	return d, err
}

// rehearse checks everything and stores nothing.
func (a *api) rehearse(ctx context.Context, by wa.Actor, in *sendIn) (*sendOut, error) {
	d, err := a.mayDraft(ctx, by, in.Client.ID, in.Body.Draft)
	if err == nil {
		err = a.Webhooks.CheckCallback(ctx, by, in.Body.Callback)
	}
	if err != nil {
		return nil, err
	}
	got, err := a.Messages.Rehearse(ctx, by, in.Client.ID, d)
	return &sendOut{Status: http.StatusOK, Body: placed{got.Message, &got.Queue}}, err
}

// waitFor holds an answer until the outcome is known, as long as the caller
// prefers to wait.
func (a *api) waitFor(ctx context.Context, by wa.Actor, prefer string, out *sendOut) (*sendOut, error) {
	upTo := patience(prefer)
	if upTo == 0 {
		return out, nil
	}
	if waits(ctx) != nil {
		return out, nil // it is accepted; only the waiting is too much
	}
	ctx, done := a.untilClosing(ctx)
	defer done()
	out.Applied = "wait=" + strconv.Itoa(int(upTo.Seconds()))
	m, err := a.Messages.Wait(ctx, by, out.Body.ID, upTo, func(ctx context.Context, look func() error) error {
		return a.inTurn(ctx, by.Org, look)
	})
	if err != nil {
		return out, nil //nolint:nilerr // it is accepted, whatever became of the waiting
	}
	if m.Status.Final() {
		out.Status, out.Body = http.StatusOK, placed{Message: m}
	}
	return out, nil
}

// untilClosing bounds a wait by the server's life.
func (a *api) untilClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-a.Closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

const maxWait = 30 * time.Second

// patience reads "Prefer: wait=N"; 0 means not to wait. What cannot be read is
// ignored, as RFC 7240 has it.
func patience(prefer string) time.Duration {
	for part := range strings.SplitSeq(prefer, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
		if strings.EqualFold(strings.TrimSpace(name), "wait") && err == nil && n > 0 {
			return min(time.Duration(min(n, 3600))*time.Second, maxWait)
		}
	}
	return 0
}

func messageAddress(id wa.MessageID) string { return v1 + "/messages/" + id.String() }

func replayed(yes bool) string {
	if yes {
		return "true"
	}
	return ""
}

type shortIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Once
	Body struct {
		To      string `json:"to" doc:"A phone number with country code"`
		Message string `json:"message" doc:"The words"`
	} `nameHint:"ShortDraft"`
}

type shortOut struct {
	Location string `header:"Location"`
	Replayed string `header:"Idempotent-Replayed"`
	Body     struct {
		MessageID wa.MessageID `json:"messageId"`
		Status    wa.Status    `json:"status"`
	} `nameHint:"ShortAccepted"`
}

// sendShort is sendMessage for integrations that know only a number and words.
func (a *api) sendShort(ctx context.Context, by wa.Actor, in *shortIn) (*shortOut, error) {
	d := wa.Draft{To: in.Body.To, Type: wa.KindText, Text: &wa.Text{Body: in.Body.Message}, Lane: wa.Normal, Origin: originOf(by)}
	if err := a.mayWrite(ctx, by, in.Client.ID, d); err != nil {
		return nil, err
	}
	got, err := a.Messages.Accept(ctx, by, in.Client.ID, d, in.key("send-message", in.Client.ID, in.Body))
	if err != nil {
		return nil, renamed(err, "text.body", "message")
	}
	a.countSent(by, in.Client.ID, 1, got.Replayed)
	out := &shortOut{Location: messageAddress(got.ID), Replayed: replayed(got.Replayed)}
	out.Body.MessageID, out.Body.Status = got.ID, got.Status
	return out, nil
}

// renamed gives the failures that speak of one field another field's name.
func renamed(err error, from, to string) error {
	known := flatten(err)
	for i, e := range known {
		if e.Field == from {
			moved := *e
			moved.Field = to
			known[i] = &moved
		}
	}
	return joined(err, known)
}

type messageIn struct {
	Message ref[wa.MessageID] `path:"message"`
}

type placedOut struct{ Body placed }

func (a *api) message(ctx context.Context, by wa.Actor, in *messageIn) (*placedOut, error) {
	var m wa.Message
	err := a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		m, err = tx.Message(ctx, by.Org, in.Message.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &placedOut{Body: placed{Message: m}}
	switch m.Status {
	case wa.Queued, wa.Scheduled, wa.RetryWait:
		place, err := a.Messages.Place(ctx, by, m)
		if err != nil {
			return nil, err
		}
		out.Body.Queue = &place
	}
	return out, nil
}

type timelineOut struct {
	Body struct {
		Data []wa.Step `json:"data" nullable:"false"`
	} `nameHint:"Timeline"`
}

func (a *api) timeline(ctx context.Context, by wa.Actor, in *messageIn) (*timelineOut, error) {
	out := &timelineOut{}
	var m wa.Message
	err := a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		if m, err = tx.Message(ctx, by.Org, in.Message.ID); err != nil {
			return err
		}
		out.Body.Data, err = tx.Timeline(ctx, by.Org, in.Message.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	now, err := a.Messages.Waiting(ctx, by, m)
	if now != nil {
		out.Body.Data = append(out.Body.Data, *now)
	}
	return out, err
}

func (a *api) cancelMessage(ctx context.Context, by wa.Actor, in *messageIn) (*messageOut, error) {
	m, err := a.Messages.Cancel(ctx, by, in.Message.ID)
	return &messageOut{m}, err
}

func (a *api) retryMessage(ctx context.Context, by wa.Actor, in *messageIn) (*messageOut, error) {
	if err := a.Webhooks.Recall(ctx, by, in.Message.ID); err != nil {
		return nil, err
	}
	m, err := a.Messages.Retry(ctx, by, in.Message.ID)
	return &messageOut{m}, err
}
