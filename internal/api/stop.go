package api

import (
	"context"

	"chasqui/internal/wa"
)

type stopIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Body   struct {
		Reason string `json:"reason" maxLength:"500" doc:"Why, for whoever asks later"`
	} `nameHint:"Stop"`
}

// stopClient throws the kill switch for a client.
func (a *api) stopClient(ctx context.Context, by wa.Actor, in *stopIn) (*clientOut, error) {
	return a.afterStop(ctx, by, in.Client.ID, func() error { return a.Fleet.Halt(ctx, by, in.Client.ID, in.Body.Reason) })
}

// releaseClient takes that back.
func (a *api) releaseClient(ctx context.Context, by wa.Actor, in *clientIn) (*clientOut, error) {
	return a.afterStop(ctx, by, in.Client.ID, func() error { return a.Fleet.Release(ctx, by, in.Client.ID) })
}

// afterStop gives the client as it is afterwards. The zero id, which no client
// has, would be the whole org.
func (a *api) afterStop(ctx context.Context, by wa.Actor, id wa.ClientID, turn func() error) (*clientOut, error) {
	if _, err := a.readClient(ctx, by, id); err != nil {
		return nil, err
	}
	if err := turn(); err != nil {
		return nil, err
	}
	c, err := a.readClient(ctx, by, id)
	return &clientOut{wholeClient(c)}, err
}

type stopOrgIn struct {
	Body struct {
		Reason string `json:"reason" maxLength:"500" doc:"Why, for whoever asks later"`
	} `nameHint:"Stop"`
}

type stopsOut struct {
	Body struct {
		Data []wa.Halt `json:"data" nullable:"false"`
	} `nameHint:"Stops"`
}

// stops lists what the kill switch holds of the org, the widest first: all of
// it, or the clients that the actor sees.
func (a *api) stops(ctx context.Context, by wa.Actor, _ *nothing) (*stopsOut, error) {
	out := &stopsOut{}
	all, err := a.Fleet.Halts(ctx, by)
	out.Body.Data = []wa.Halt{}
	for _, h := range all {
		if h.ClientID.IsZero() || by.Sees(wa.ReadClients, h.ClientID) {
			out.Body.Data = append(out.Body.Data, seenHalt(by, h))
		}
	}
	return out, err
}

// stopOrg throws the kill switch for all of the org.
func (a *api) stopOrg(ctx context.Context, by wa.Actor, in *stopOrgIn) (*stopsOut, error) {
	if err := a.Fleet.Halt(ctx, by, wa.ClientID{}, in.Body.Reason); err != nil {
		return nil, err
	}
	return a.stops(ctx, by, nil)
}

// releaseOrg takes that back.
func (a *api) releaseOrg(ctx context.Context, by wa.Actor, _ *nothing) (*stopsOut, error) {
	if err := a.Fleet.Release(ctx, by, wa.ClientID{}); err != nil {
		return nil, err
	}
	return a.stops(ctx, by, nil)
}
