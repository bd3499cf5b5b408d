package whatsmeow

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/util/keys"
)

// keysAway says that a message could not be decrypted because the keys could not
// be read or stored. To the library every failure is a broken message: it would
// tell WhatsApp that we have it and ask the sender to encrypt it anew, which
// needs keys as well; what people write during an outage of the database would
// be gone. A cancellation is what makes it leave the message unacknowledged, so
// that the server repeats it.
type keysAway struct{ cause error }

// Error says what happened.
func (e keysAway) Error() string { return "the keys cannot be reached: " + e.cause.Error() }

// Unwrap gives the cause.
func (e keysAway) Unwrap() error { return e.cause }

// Is matches context.Canceled.
func (e keysAway) Is(target error) bool { return target == context.Canceled }

// GetBufferedEvent looks for a message that was decrypted before.
func (b guardedBuffer) GetBufferedEvent(ctx context.Context, hash [32]byte) (*store.BufferedEvent, error) {
	event, err := b.EventBuffer.GetBufferedEvent(ctx, hash)
	return event, b.away(ctx, err)
}

// PutBufferedEvent keeps a decrypted message until it is handled.
func (b guardedBuffer) PutBufferedEvent(ctx context.Context, hash [32]byte, plaintext []byte, at time.Time) error {
	return decryptingOf(ctx).saw(b.EventBuffer.PutBufferedEvent(ctx, hash, plaintext, at))
}

// decrypt runs fn in its transaction and tells a failure of the database from
// one of the message: beginning and committing are the database's, and so is
// whatever the stores saw in between.
func (b guardedBuffer) decrypt(ctx context.Context, fn func(context.Context) error) error {
	ctx = withDecrypting(ctx)
	ran, failed := false, error(nil)
	err := b.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		ran, failed = true, fn(ctx)
		return failed
	})
	if ran && failed != nil && decryptingOf(ctx).failed == nil {
		return err
	}
	return b.away(ctx, err)
}

// away asks the network for the message again.
func (b guardedBuffer) away(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return err
	}
	if b.lock.away != nil {
		b.lock.away()
	}
	return keysAway{err}
}

// saw notes that a store failed.
func (d *decrypting) saw(err error) error {
	if d != nil && err != nil {
		d.failed = err
	}
	return err
}

// watchedPreKeys notes when a key for a first message cannot be read.
type watchedPreKeys struct{ store.PreKeyStore }

// GetPreKey gives a key that a person may have used to write for the first time.
func (p watchedPreKeys) GetPreKey(ctx context.Context, id uint32) (*keys.PreKey, error) {
	key, err := p.PreKeyStore.GetPreKey(ctx, id)
	return key, decryptingOf(ctx).saw(err)
}

// RemovePreKey forgets a key that was used.
func (p watchedPreKeys) RemovePreKey(ctx context.Context, id uint32) error {
	return decryptingOf(ctx).saw(p.PreKeyStore.RemovePreKey(ctx, id))
}
