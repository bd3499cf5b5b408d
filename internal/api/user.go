package api

import (
	"context"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type userIn struct {
	User ref[wa.UserID] `path:"user"`
}

type userOut struct{ Body wa.User }

type usersIn struct {
	Paged
	Role   wa.Role       `query:"role" enum:"admin,manager,agent,viewer"`
	Status wa.UserStatus `query:"status" enum:"active,disabled"`
}

func (a *api) users(ctx context.Context, by wa.Actor, in *usersIn) (*listOut[wa.User], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.Accounts.Users(ctx, by, store.UserFilter{Role: in.Role, Status: in.Status}, p)
	return listed(p, rows, func(u wa.User) (time.Time, string) { return u.CreatedAt, u.ID.UUID() }), err
}

func (a *api) user(ctx context.Context, by wa.Actor, in *userIn) (*userOut, error) {
	u, err := a.Accounts.User(ctx, by, in.User.ID)
	return &userOut{u}, err
}

type changeUserIn struct {
	User ref[wa.UserID] `path:"user"`
	Body struct {
		Name   *string        `json:"name,omitempty" maxLength:"100"`
		Role   *wa.Role       `json:"role,omitempty" enum:"admin,manager,agent,viewer"`
		Status *wa.UserStatus `json:"status,omitempty" enum:"active,disabled"`
	} `nameHint:"UserChange"`
}

func (a *api) changeUser(ctx context.Context, by wa.Actor, in *changeUserIn) (*userOut, error) {
	b := in.Body
	u, err := a.Accounts.ChangeUser(ctx, by, in.User.ID, account.UserChange{Name: b.Name, Role: b.Role, Status: b.Status})
	return &userOut{u}, err
}

// onUser makes a handler of what an admin does to somebody.
func onUser(do func(context.Context, wa.Actor, wa.UserID) error) handler[userIn, struct{}] {
	return func(ctx context.Context, by wa.Actor, in *userIn) (*struct{}, error) {
		return nil, do(ctx, by, in.User.ID)
	}
}

type orgOut struct{ Body account.OrgSettings }

func (a *api) org(ctx context.Context, by wa.Actor, _ *nothing) (*orgOut, error) {
	o, err := a.Accounts.Settings(ctx, by)
	return &orgOut{o}, err
}

type changeOrgIn struct {
	Body struct {
		Name     *string              `json:"name,omitempty" maxLength:"100"`
		Settings *wa.OrgOptionsChange `json:"settings,omitempty"`
		SignIn   *struct {
			SecondFactorRoles *[]wa.Role   `json:"second_factor_roles,omitempty" nullable:"false" maxItems:"4" doc:"People of these roles must have a second factor"`
			OIDCIssuer        *string      `json:"oidc_issuer,omitempty" maxLength:"500" doc:"The address under which the org's OpenID provider issues; empty: none"`
			OIDCClientID      *string      `json:"oidc_client_id,omitempty" maxLength:"500"`
			OIDCSecret        *wa.Secret   `json:"oidc_secret,omitempty" doc:"Not shown again; empty: none"`
			CodeClient        *wa.ClientID `json:"code_client,omitempty" doc:"The client that sends one-time codes by WhatsApp; empty: none"`
		} `json:"sign_in,omitempty"`
	} `nameHint:"OrgChange"`
}

func (a *api) changeOrg(ctx context.Context, by wa.Actor, in *changeOrgIn) (*orgOut, error) {
	c := account.OrgChange{Name: in.Body.Name}
	if s := in.Body.SignIn; s != nil {
		c.SecondFactorRoles, c.OIDCIssuer, c.OIDCClientID, c.OIDCSecret, c.CodeClient = s.SecondFactorRoles, s.OIDCIssuer, s.OIDCClientID, s.OIDCSecret, s.CodeClient
	}
	if in.Body.Settings != nil {
		c.Settings = *in.Body.Settings
	}
	o, err := a.Accounts.ChangeOrg(ctx, by, c)
	return &orgOut{o}, err
}

type permissionsOut struct {
	Body struct {
		Data map[wa.Permission]wa.Grant `json:"data" nullable:"false"`
	} `nameHint:"PermissionTable"`
}

func (a *api) permissions(context.Context, wa.Actor, *nothing) (*permissionsOut, error) {
	out := &permissionsOut{}
	out.Body.Data = wa.Grants()
	return out, nil
}
