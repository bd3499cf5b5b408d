package api

import (
	"context"
	"time"

	"chasqui/internal/wa"
)

type inviteIn struct {
	Body struct {
		Email string  `json:"email" maxLength:"254"`
		Role  wa.Role `json:"role" enum:"admin,manager,agent,viewer"`
	} `nameHint:"NewInvitation"`
}

type invitedOut struct {
	Body struct {
		wa.Invitation
		Mailed bool   `json:"mailed" doc:"The link is on its way by mail"`
		Link   string `json:"link,omitempty" doc:"Where no mail is sent: hand it on yourself; shown this once"`
	} `nameHint:"InvitationMade"`
}

func (a *api) invite(ctx context.Context, by wa.Actor, in *inviteIn) (*invitedOut, error) {
	made, err := a.Accounts.Invite(ctx, by, in.Body.Email, in.Body.Role)
	if err != nil {
		return nil, err
	}
	out := &invitedOut{}
	out.Body.Invitation, out.Body.Mailed, out.Body.Link = made.Invitation, made.Mailed, made.Link.Reveal()
	return out, nil
}

type invitationsIn struct{ Paged }

func (a *api) invitations(ctx context.Context, by wa.Actor, in *invitationsIn) (*listOut[wa.Invitation], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.Accounts.Invitations(ctx, by, p)
	return listed(p, rows, func(i wa.Invitation) (time.Time, string) { return i.CreatedAt, i.ID.UUID() }), err
}

type invitationIn struct {
	Invitation ref[wa.InvitationID] `path:"invitation"`
}

func (a *api) revokeInvitation(ctx context.Context, by wa.Actor, in *invitationIn) (*struct{}, error) {
	return nil, a.Accounts.RevokeInvitation(ctx, by, in.Invitation.ID)
}

type readInvitationOut struct {
	Body struct {
		Org       string    `json:"org" doc:"Name of the organisation"`
		Email     string    `json:"email"`
		Role      wa.Role   `json:"role"`
		InvitedBy string    `json:"invited_by"`
		ExpiresAt time.Time `json:"expires_at"`
	} `nameHint:"InvitationRead"`
}

func (a *api) readInvitation(ctx context.Context, _ wa.Actor, in *tokenIn) (*readInvitationOut, error) {
	i, org, err := a.Accounts.ReadInvitation(ctx, in.Body.Token)
	if err != nil {
		return nil, err
	}
	out := &readInvitationOut{}
	b := &out.Body
	b.Org, b.Email, b.Role, b.InvitedBy, b.ExpiresAt = org.Name, i.Email, i.Role, i.InvitedBy, i.ExpiresAt
	return out, nil
}

type acceptIn struct {
	From
	Body struct {
		Token    wa.Secret `json:"token" doc:"Of the link in the mail"`
		Name     string    `json:"name" maxLength:"100"`
		Password wa.Secret `json:"password"`
		Keep
	} `nameHint:"InvitationAccepted"`
}

func (a *api) acceptInvitation(ctx context.Context, _ wa.Actor, in *acceptIn) (*signedInOut, error) {
	g, err := a.Accounts.Accept(ctx, in.Body.Token, in.Body.Name, in.Body.Password, in.caller)
	if err != nil {
		return nil, err
	}
	return a.signedIn(g, in.Body.RefreshIn), nil
}
