package api

import (
	"context"

	"chasqui/internal/account"
	"chasqui/internal/wa"
)

type setUpNeededOut struct {
	Body struct {
		Needed bool `json:"needed" doc:"There is no organisation yet: the link in the api's log makes the first"`
	} `nameHint:"SetUpNeeded"`
}

func (a *api) setUpNeeded(ctx context.Context, _ wa.Actor, _ *nothing) (*setUpNeededOut, error) {
	out := &setUpNeededOut{}
	var err error
	out.Body.Needed, err = a.Accounts.SetUpNeeded(ctx)
	return out, err
}

type setUpIn struct {
	From
	Body struct {
		Token    wa.Secret `json:"token" doc:"Of the link in the api's log; chasqui setup-link shows it too"`
		Org      string    `json:"organisation" maxLength:"100"`
		Name     string    `json:"name" maxLength:"100" doc:"What the first admin is called"`
		Email    string    `json:"email" maxLength:"254"`
		Password wa.Secret `json:"password" doc:"12 to 128 characters, and none of those that are tried first"`
		Keep
	} `nameHint:"SetUp"`
}

// setUp makes the first organisation with its admin, and lets them in.
func (a *api) setUp(ctx context.Context, _ wa.Actor, in *setUpIn) (*signedInOut, error) {
	b := in.Body
	g, err := a.Accounts.SetUp(ctx, b.Token, account.SetUp{Org: b.Org, Name: b.Name, Email: b.Email, Password: b.Password}, in.caller)
	if err != nil {
		return nil, err
	}
	return a.signedIn(g, b.RefreshIn), nil
}
