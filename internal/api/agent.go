package api

import (
	"context"

	"chasqui/internal/account"
	"chasqui/internal/wa"
)

type agents struct {
	Users []wa.UserID `json:"users" maxItems:"1000" nullable:"false" doc:"The people whom the client is assigned to"`
}

type agentsOut struct {
	Body agents `nameHint:"Agents"`
}

func (a *api) agents(ctx context.Context, by wa.Actor, in *clientIn) (*agentsOut, error) {
	users, err := a.Accounts.Agents(ctx, by, in.Client.ID)
	return &agentsOut{agents{append([]wa.UserID{}, users...)}}, err
}

type setAgentsIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Body   agents           `nameHint:"Agents"`
}

func (a *api) setAgents(ctx context.Context, by wa.Actor, in *setAgentsIn) (*agentsOut, error) {
	if err := a.Accounts.SetAgents(ctx, by, in.Client.ID, in.Body.Users); err != nil {
		return nil, err
	}
	return a.agents(ctx, by, &clientIn{in.Client})
}

type assignmentsIn struct {
	User ref[wa.UserID] `path:"user"`
}

type assignmentsOut struct {
	Body account.Assignment
}

func (a *api) assignments(ctx context.Context, by wa.Actor, in *assignmentsIn) (*assignmentsOut, error) {
	out, err := a.Accounts.Assignments(ctx, by, in.User.ID)
	out.Clients = append([]wa.ClientID{}, out.Clients...)
	return &assignmentsOut{out}, err
}

type setAssignmentsIn struct {
	User ref[wa.UserID] `path:"user"`
	Body struct {
		Clients  []wa.ClientID `json:"clients" maxItems:"1000" nullable:"false" doc:"These and no others"`
		OwnChats bool          `json:"own_chats,omitempty" doc:"Of these, only the chats assigned to them"`
	} `nameHint:"AssignmentChange"`
}

func (a *api) setAssignments(ctx context.Context, by wa.Actor, in *setAssignmentsIn) (*assignmentsOut, error) {
	err := a.Accounts.Assign(ctx, by, in.User.ID, account.Assignment{Clients: in.Body.Clients, OwnChats: in.Body.OwnChats})
	if err != nil {
		return nil, err
	}
	return a.assignments(ctx, by, &assignmentsIn{in.User})
}

type assignChatIn struct {
	Chat ref[wa.ChatID] `path:"chat"`
	Body struct {
		User clearable[wa.UserID] `json:"user" doc:"Somebody who can see the chat's client; null: nobody"`
	} `nameHint:"ChatAssignment"`
}

func (a *api) assignChat(ctx context.Context, by wa.Actor, in *assignChatIn) (*chatOut, error) {
	chat, err := a.Accounts.AssignChat(ctx, by, in.Chat.ID, in.Body.User.value)
	return &chatOut{chatFor(by, chat)}, err
}
