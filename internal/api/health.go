package api

import (
	"context"
	"time"

	"chasqui/internal/wa"
)

type healthOut struct {
	Body struct {
		Status  string `json:"status"`
		Version string `json:"version,omitempty"`
	} `nameHint:"Health"`
}

func healthy(version string) *healthOut {
	out := &healthOut{}
	out.Body.Status, out.Body.Version = "ok", version
	return out
}

// health tells people that this is chasqui, and which.
func (a *api) health(context.Context, wa.Actor, *nothing) (*healthOut, error) {
	return healthy(a.Version), nil
}

// live tells a supervisor that the process answers.
func (a *api) live(context.Context, wa.Actor, *nothing) (*healthOut, error) { return healthy(""), nil }

const readyWithin = 5 * time.Second

// ready tells a load balancer that requests can be served. What is missing is
// for the log: this address asks for no key.
func (a *api) ready(ctx context.Context, _ wa.Actor, _ *nothing) (*healthOut, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := a.Ready(ctx); err != nil {
		return nil, &wa.Error{Code: wa.Unavailable, Message: "not ready", Err: err}
	}
	return healthy(""), nil
}
