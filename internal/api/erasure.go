package api

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type erasureOut struct{ Body wa.Erasure }

// eraseContact erases a person. The answer is the receipt; with very much to
// erase it says that this goes on.
func (a *api) eraseContact(ctx context.Context, by wa.Actor, in *contactIn) (*erasureOut, error) {
	e, err := a.Messages.Erase(ctx, by, in.Contact.ID)
	return &erasureOut{e}, err
}

type erasureIn struct {
	Erasure ref[wa.ErasureID] `path:"erasure"`
}

func (a *api) erasure(ctx context.Context, by wa.Actor, in *erasureIn) (*erasureOut, error) {
	out := &erasureOut{}
	err := a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		out.Body, err = tx.Erasure(ctx, by.Org, in.Erasure.ID)
		return err
	})
	return out, err
}

func (a *api) erasures(ctx context.Context, by wa.Actor, in *contactsIn) (*listOut[wa.Erasure], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	var rows []wa.Erasure
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		rows, err = tx.Erasures(ctx, by.Org, p)
		return err
	})
	return listed(p, rows, func(e wa.Erasure) (time.Time, string) { return e.CreatedAt, e.ID.UUID() }), err
}
