package api

import (
	"context"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type clientIn struct {
	Client ref[wa.ClientID] `path:"client"`
}

type clientOut struct{ Body Client }

type createClientIn struct {
	Once
	Body struct {
		Name     string     `json:"name"`
		Provider string     `json:"provider,omitempty" enum:"whatsmeow" default:"whatsmeow"`
		Device   *wa.Device `json:"device,omitempty" doc:"How the client shows itself on the phone; chosen for you if absent"`
	} `nameHint:"NewClient"`
}

type createdOut struct {
	Location string `header:"Location"`
	Body     Client
}

func (a *api) createClient(ctx context.Context, by wa.Actor, in *createClientIn) (*createdOut, error) {
	d := fleet.Draft{Name: in.Body.Name, Provider: in.Body.Provider, Device: in.Body.Device}
	c, err := a.Fleet.Create(ctx, by, d, in.key("clients", in.Body))
	return &createdOut{Location: v1 + "/clients/" + c.ID.String(), Body: wholeClient(c)}, err
}

type clientsIn struct{ Paged }

func (a *api) clients(ctx context.Context, by wa.Actor, in *clientsIn) (*listOut[Client], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	var rows []wa.Client
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		rows, err = tx.Clients(ctx, by.View(wa.ReadClients), p)
		return err
	})
	all := make([]Client, len(rows))
	for i, c := range rows {
		all[i] = seen(by, c)
	}
	return listed(p, all, func(c Client) (time.Time, string) { return c.CreatedAt, c.ID.UUID() }), err
}

func (a *api) client(ctx context.Context, by wa.Actor, in *clientIn) (*clientOut, error) {
	c, err := a.readClient(ctx, by, in.Client.ID)
	return &clientOut{seen(by, c)}, err
}

func (a *api) readClient(ctx context.Context, by wa.Actor, id wa.ClientID) (c wa.Client, err error) {
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		c, err = tx.Client(ctx, by.Org, id)
		return err
	})
	return c, err
}

type changeClientIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Body   struct {
		Name             *string `json:"name,omitempty"`
		SendReadReceipts *bool   `json:"send_read_receipts,omitempty" doc:"Whether who wrote is told when somebody reads it here"`
	} `nameHint:"ClientChange"`
}

// changeClient changes what is named and leaves the rest.
func (a *api) changeClient(ctx context.Context, by wa.Actor, in *changeClientIn) (*clientOut, error) {
	c, err := a.readClient(ctx, by, in.Client.ID)
	if err == nil && in.Body.Name != nil {
		c, err = a.Fleet.Rename(ctx, by, in.Client.ID, *in.Body.Name)
	}
	if err == nil && in.Body.SendReadReceipts != nil {
		c, err = a.Fleet.SetSendReadReceipts(ctx, by, in.Client.ID, *in.Body.SendReadReceipts)
	}
	return &clientOut{wholeClient(c)}, err
}

func (a *api) deleteClient(ctx context.Context, by wa.Actor, in *clientIn) (*struct{}, error) {
	return nil, a.Fleet.Delete(ctx, by, in.Client.ID)
}

// wish makes a handler of a verb that takes a client and a wish.
func wish(verb func(context.Context, wa.Actor, wa.ClientID) (wa.Client, error)) handler[clientIn, clientOut] {
	return func(ctx context.Context, by wa.Actor, in *clientIn) (*clientOut, error) {
		c, err := verb(ctx, by, in.Client.ID)
		return &clientOut{wholeClient(c)}, err
	}
}

type capabilitiesOut struct {
	Body struct {
		Provider string          `json:"provider,omitempty" doc:"Absent for who may not inspect clients"`
		Kinds    []string        `json:"kinds" nullable:"false" doc:"Types of messages it can send"`
		Pairing  []wa.PairMethod `json:"pairing" nullable:"false"`
		Typing   bool            `json:"typing" doc:"It can show the typing indicator"`
		Receipts bool            `json:"receipts" doc:"Delivery and reading are told"`
		Receives bool            `json:"receives"`
	} `nameHint:"Capabilities"`
}

// capabilities says what a client's provider can do. There is one provider yet.
func (a *api) capabilities(ctx context.Context, by wa.Actor, in *clientIn) (*capabilitiesOut, error) {
	c, err := a.readClient(ctx, by, in.Client.ID)
	out := &capabilitiesOut{}
	out.Body.Provider, out.Body.Kinds = seen(by, c).Provider, wa.Kinds()
	out.Body.Pairing = []wa.PairMethod{wa.PairQR, wa.PairCode}
	out.Body.Typing, out.Body.Receipts, out.Body.Receives = true, true, true
	return out, err
}

type limitsOut struct{ Body wa.Limits }

func (a *api) limits(ctx context.Context, by wa.Actor, in *clientIn) (*limitsOut, error) {
	c, err := a.readClient(ctx, by, in.Client.ID)
	return &limitsOut{c.Limits}, err
}

type setLimitsIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Body   struct {
		Enabled   *bool `json:"enabled,omitempty" doc:"false switches pacing off"`
		PerMinute *int  `json:"per_minute,omitempty"`
		PerHour   *int  `json:"per_hour,omitempty"`
		PerDay    *int  `json:"per_day,omitempty"`
		GapMinMS  *int  `json:"gap_min_ms,omitempty" doc:"Shortest pause between two messages, milliseconds"`
		GapMaxMS  *int  `json:"gap_max_ms,omitempty" doc:"Longest random pause between two messages, milliseconds"`
		Typing    *bool `json:"typing,omitempty"`

		Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why; needed beyond the usual, and kept in the audit log"`
	} `nameHint:"LimitsChange"`
}

// setLimits changes what is named and leaves the rest.
func (a *api) setLimits(ctx context.Context, by wa.Actor, in *setLimitsIn) (*limitsOut, error) {
	c, err := a.readClient(ctx, by, in.Client.ID)
	if err != nil {
		return nil, err
	}
	l, b := c.Limits, in.Body
	change(&l.Enabled, b.Enabled)
	change(&l.PerMinute, b.PerMinute)
	change(&l.PerHour, b.PerHour)
	change(&l.PerDay, b.PerDay)
	change(&l.GapMinMS, b.GapMinMS)
	change(&l.GapMaxMS, b.GapMaxMS)
	change(&l.Typing, b.Typing)
	if l.Beyond(c.Limits) {
		if err := mayDo(by, wa.RaiseLimits); err != nil {
			return nil, err
		}
	}
	c, err = a.Fleet.SetLimits(ctx, by, in.Client.ID, l, b.Reason)
	return &limitsOut{c.Limits}, err
}

func change[T any](at *T, to *T) {
	if to != nil {
		*at = *to
	}
}
