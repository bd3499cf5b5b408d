package device

import (
	"context"
	"encoding/json"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/store"
)

var _ wmstore.ChatSettingsStore = (*keeper)(nil)

// chat is how the phone's owner set a chat, as it is sealed.
type chat struct {
	MutedUntil int64 `json:"muted_until,omitempty"` // Unix seconds; -1: for ever
	Pinned     bool  `json:"pinned,omitempty"`
	Archived   bool  `json:"archived,omitempty"`
}

func (k *keeper) chat(ctx context.Context, jid types.JID) (c chat, known bool, err error) {
	raw, err := k.one(ctx, slot{kindChat, jid.String()})
	if err != nil || raw == nil {
		return c, false, err
	}
	return c, json.Unmarshal(raw, &c) == nil, nil
}

func (k *keeper) changeChat(ctx context.Context, jid types.JID, fn func(*chat)) error {
	k.profiles.Lock()
	defer k.profiles.Unlock()
	c, _, err := k.chat(ctx, jid)
	if err != nil {
		return err
	}
	fn(&c)
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return k.write(ctx, map[slot]item{{kindChat, jid.String()}: {plain: raw}}, store.DeviceChange{})
}

// PutMutedUntil keeps until when a chat is silent.
func (k *keeper) PutMutedUntil(ctx context.Context, jid types.JID, until time.Time) error {
	return k.changeChat(ctx, jid, func(c *chat) {
		switch {
		case until.Equal(wmstore.MutedForever):
			c.MutedUntil = -1
		case until.IsZero():
			c.MutedUntil = 0
		default:
			c.MutedUntil = until.Unix()
		}
	})
}

// PutPinned keeps whether a chat is pinned.
func (k *keeper) PutPinned(ctx context.Context, jid types.JID, pinned bool) error {
	return k.changeChat(ctx, jid, func(c *chat) { c.Pinned = pinned })
}

// PutArchived keeps whether a chat is archived.
func (k *keeper) PutArchived(ctx context.Context, jid types.JID, archived bool) error {
	return k.changeChat(ctx, jid, func(c *chat) { c.Archived = archived })
}

// GetChatSettings reads how a chat is set.
func (k *keeper) GetChatSettings(ctx context.Context, jid types.JID) (types.LocalChatSettings, error) {
	c, known, err := k.chat(ctx, jid)
	settings := types.LocalChatSettings{Found: known, Pinned: c.Pinned, Archived: c.Archived}
	switch {
	case c.MutedUntil < 0:
		settings.MutedUntil = wmstore.MutedForever
	case c.MutedUntil > 0:
		settings.MutedUntil = time.Unix(c.MutedUntil, 0)
	}
	return settings, err
}
