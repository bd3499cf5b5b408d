package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"chasqui/internal/wa"
)

type deleteOrgIn struct {
	Name string `query:"name" required:"true" maxLength:"100" doc:"The organisation's name, exactly, so that nobody deletes another than they think"`
}

type orgDeletionOut struct{ Body wa.OrgDeletion }

func (a *api) deleteOrg(ctx context.Context, by wa.Actor, in *deleteOrgIn) (*orgDeletionOut, error) {
	d, err := a.Accounts.DeleteOrg(ctx, by, in.Name)
	return &orgDeletionOut{d}, err
}

// lasts keeps everybody from changing an org that is being deleted, but for
// taking that back and for what people do to their own accounts. Reading goes on:
// people may want to take something with them.
func (a *api) lasts(method string, need wa.Permission) func(huma.Context, func(huma.Context)) {
	open := method == http.MethodGet || need == anybody || need == wa.DeleteOrg
	return func(ctx huma.Context, next func(huma.Context)) {
		if !open && actorOf(ctx.Context()).Leaving {
			a.refuse(humagin.Unwrap(ctx), problemFrom(wa.OrgLeaving(), "header"))
			return
		}
		next(ctx)
	}
}
