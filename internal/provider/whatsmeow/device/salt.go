package device

import (
	"context"

	wmstore "go.mau.fi/whatsmeow/store"
)

var _ wmstore.NCTSaltStore = (*keeper)(nil)

var saltSlot = slot{kindSalt, ""}

// PutNCTSalt keeps the salt of the tokens for people who never wrote.
func (k *keeper) PutNCTSalt(ctx context.Context, salt []byte) error {
	return k.set(ctx, saltSlot, item{plain: salt})
}

// GetNCTSalt reads it; nil when there is none.
func (k *keeper) GetNCTSalt(ctx context.Context) ([]byte, error) { return k.one(ctx, saltSlot) }

// DeleteNCTSalt forgets it.
func (k *keeper) DeleteNCTSalt(ctx context.Context) error {
	return k.set(ctx, saltSlot, item{gone: true})
}
