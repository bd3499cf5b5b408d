package api

import (
	"context"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type conditionOut struct{ Body wa.ClientHealth }

func (a *api) clientHealth(ctx context.Context, by wa.Actor, in *clientIn) (*conditionOut, error) {
	out := &conditionOut{}
	err := a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		c, err := tx.Client(ctx, by.Org, in.Client.ID)
		if err != nil {
			return err
		}
		all, err := fleet.Health(ctx, tx, by.Org, []wa.Client{c})
		if err == nil {
			out.Body = all[0]
		}
		return err
	})
	return out, err
}

// clientsHealth goes through the clients in the order of their list.
func (a *api) clientsHealth(ctx context.Context, by wa.Actor, in *clientsIn) (*listOut[wa.ClientHealth], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	var clients []wa.Client
	var all []wa.ClientHealth
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		if clients, err = tx.Clients(ctx, by.View(wa.InspectClients), p); err != nil {
			return err
		}
		all, err = fleet.Health(ctx, tx, by.Org, clients)
		return err
	})
	return listed(p, all, func(wa.ClientHealth) (time.Time, string) {
		last := clients[len(clients)-1]
		return last.CreatedAt, last.ID.UUID()
	}), err
}

type historyIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Paged
}

func (a *api) clientHistory(ctx context.Context, by wa.Actor, in *historyIn) (*listOut[wa.ClientChange], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	var rows []wa.ClientChange
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if _, err := tx.Client(ctx, by.Org, in.Client.ID); err != nil {
			return err
		}
		rows, err = tx.ClientHistory(ctx, by.Org, in.Client.ID, p)
		return err
	})
	return listed(p, rows, func(c wa.ClientChange) (time.Time, string) { return c.At, c.ID }), err
}
