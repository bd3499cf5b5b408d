package device

import (
	"context"
	"slices"
	"strings"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/store"
)

var _ wmstore.MsgSecretStore = (*keeper)(nil)

func secretSlot(chat, sender types.JID, id types.MessageID) slot {
	return slot{kindSecret, chat.ToNonAD().String() + "\x00" + sender.ToNonAD().String() + "\x00" + id}
}

// secretsAtOnce is how many secrets are written at once.
const secretsAtOnce = 1000

// PutMessageSecrets keeps the secrets of messages. The first one counts.
func (k *keeper) PutMessageSecrets(ctx context.Context, inserts []wmstore.MessageSecretInsert) error {
	for part := range slices.Chunk(inserts, secretsAtOnce) {
		changes := make(map[slot]item, len(part))
		for _, i := range part {
			s := secretSlot(i.Chat, i.Sender, i.ID)
			if _, twice := changes[s]; !twice {
				changes[s] = item{plain: i.Secret}
			}
		}
		if err := k.write(ctx, changes, store.DeviceChange{KeepOld: true}); err != nil {
			return err
		}
	}
	return nil
}

// PutMessageSecret keeps the secret of a message. The first one counts.
func (k *keeper) PutMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	return k.PutMessageSecrets(ctx, []wmstore.MessageSecretInsert{{Chat: chat, Sender: sender, ID: id, Secret: secret}})
}

// GetMessageSecret reads the secret of a message, whichever of their addresses
// the chat and the sender had when it came; nil when there is none.
func (k *keeper) GetMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID) ([]byte, types.JID, error) {
	chats, err := k.addresses(ctx, chat.ToNonAD())
	if err != nil {
		return nil, types.EmptyJID, err
	}
	senders, err := k.addresses(ctx, sender.ToNonAD())
	if err != nil {
		return nil, types.EmptyJID, err
	}
	var slots []slot
	for _, c := range chats {
		for _, s := range senders {
			slots = append(slots, secretSlot(c, s, id))
		}
	}
	found, err := k.get(ctx, slots...)
	if err != nil {
		return nil, types.EmptyJID, err
	}
	for _, s := range slots {
		if it, ok := found[s]; ok {
			real, err := types.ParseJID(strings.Split(s.key, "\x00")[1])
			return it.plain, real, err
		}
	}
	return nil, types.EmptyJID, nil
}

// addresses gives an address and the other one of the same person, if known.
func (k *keeper) addresses(ctx context.Context, jid types.JID) ([]types.JID, error) {
	var other types.JID
	var err error
	switch jid.Server {
	case types.DefaultUserServer:
		other, err = k.c.lidsOf(k.row.Org).GetLIDForPN(ctx, jid)
	case types.HiddenUserServer:
		other, err = k.c.lidsOf(k.row.Org).GetPNForLID(ctx, jid)
	}
	if err != nil || other.IsEmpty() {
		return []types.JID{jid}, err
	}
	return []types.JID{jid, other}, nil
}
