package device

import (
	"context"

	wmstore "go.mau.fi/whatsmeow/store"
)

var _ wmstore.SenderKeyStore = (*keeper)(nil)

// senderKeySlot begins with the person, so that their keys can be moved to
// another address.
func senderKeySlot(group, user string) slot { return slot{kindSenderKey, user + "\x00" + group} }

// PutSenderKey keeps the key by which somebody writes to a group.
func (k *keeper) PutSenderKey(ctx context.Context, group, user string, session []byte) error {
	return k.set(ctx, senderKeySlot(group, user), item{plain: session})
}

// GetSenderKey reads it; nil when there is none.
func (k *keeper) GetSenderKey(ctx context.Context, group, user string) ([]byte, error) {
	return k.one(ctx, senderKeySlot(group, user))
}
