package account_test

import (
	"testing"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// Who gives a chat away is looked at as they are at that moment, not as they
// were when their seat was last read.
func TestChatsAreGivenByWhoSomebodyIsNow(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		happens func(d *desk, agent wa.Actor, client wa.ClientID) error
		want    wa.Code
	}{
		"demoted": {func(d *desk, agent wa.Actor, _ wa.ClientID) error {
			_, err := d.s.ChangeUser(d.t.Context(), d.admin, agent.User, role(wa.Viewer))
			return err
		}, wa.Forbidden},
		"disabled": {func(d *desk, agent wa.Actor, _ wa.ClientID) error {
			_, err := d.s.ChangeUser(d.t.Context(), d.admin, agent.User, status(wa.UserDisabled))
			return err
		}, wa.Unauthorized},
		"signed out": {func(d *desk, agent wa.Actor, _ wa.ClientID) error {
			return d.s.ExpelUser(d.t.Context(), d.admin, agent.User)
		}, wa.Unauthorized},
		"taken off the client": {func(d *desk, agent wa.Actor, _ wa.ClientID) error {
			return d.s.Assign(d.t.Context(), d.admin, agent.User, account.Assignment{})
		}, wa.NotFound},
		"left with their own chats": {func(d *desk, agent wa.Actor, client wa.ClientID) error {
			return d.s.Assign(d.t.Context(), d.admin, agent.User, account.Assignment{Clients: []wa.ClientID{client}, OwnChats: true})
		}, wa.NotFound},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			agent, client, chat := d.agentOfChat()
			if _, err := d.s.AssignChat(t.Context(), agent, chat, d.admin.User); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := tc.happens(d, agent, client); err != nil {
				t.Fatal(err)
			}
			_, err := d.s.AssignChat(t.Context(), agent, chat, wa.UserID{})
			d.refused("give it away", err, tc.want)
			if got, err := d.s.AssignChat(t.Context(), d.admin, chat, d.admin.User); err != nil || got.AssignedTo != d.admin.User {
				t.Errorf("an admin: %v", err)
			}
		})
	}
}

// agentOfChat hires an agent, who then looks after a client that has one chat.
func (d *desk) agentOfChat() (wa.Actor, wa.ClientID, wa.ChatID) {
	d.t.Helper()
	agent, _ := d.hire("agent@example.com", wa.Agent)
	client := testkit.Client(d.t, d.db, d.org)
	err := d.s.Assign(d.t.Context(), d.admin, agent.User, account.Assignment{Clients: []wa.ClientID{client.ID}})
	if err != nil {
		d.t.Fatal(err)
	}
	var chat wa.ChatID
	d.inOrg(func(tx *store.Tx) error {
		key := store.ChatKey{Client: client.ID, Phone: "5511987654321"}
		chats, err := tx.PhoneChats(d.t.Context(), d.org, []store.ChatKey{key})
		chat = chats[key].ChatID
		return err
	})
	return agent, client.ID, chat
}
