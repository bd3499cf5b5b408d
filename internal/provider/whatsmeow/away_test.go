package whatsmeow_test

import (
	"context"
	"errors"
	"testing"

	"go.mau.fi/whatsmeow/store"

	"chasqui/internal/provider/whatsmeow"
)

var errAway = errors.New("connection refused")

// brokenBuffer is a database that goes away at one of its steps.
type brokenBuffer struct {
	store.EventBuffer
	look, begin, commit error
}

func (b brokenBuffer) GetBufferedEvent(context.Context, [32]byte) (*store.BufferedEvent, error) {
	return nil, b.look
}

func (b brokenBuffer) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	if b.begin != nil {
		return b.begin
	}
	if err := fn(ctx); err != nil {
		return err
	}
	return b.commit
}

// A message that cannot be decrypted because the keys are out of reach must read
// as a cancellation, which is what leaves it unacknowledged; one that is broken
// must not, or it would come for ever.
func TestMessagesWaitWhileTheKeysAreAway(t *testing.T) {
	t.Parallel()
	broken := errors.New("bad mac")
	for name, c := range map[string]struct {
		buffer  brokenBuffer
		putErr  error
		decrypt error
		waits   bool
	}{
		"begin":   {buffer: brokenBuffer{begin: errAway}, waits: true},
		"commit":  {buffer: brokenBuffer{commit: errAway}, waits: true},
		"session": {putErr: errAway, waits: true},
		"broken":  {decrypt: broken},
		"good":    {},
	} {
		s, lock, asked := &shelf{sessions: map[string][]byte{}, putErr: c.putErr}, whatsmeow.NewLock(), 0
		whatsmeow.OnAway(lock, func() { asked++ })
		d := &store.Device{Sessions: s, Identities: identities{}, EventBuffer: c.buffer, PrivacyTokens: tokens{}}
		whatsmeow.Guard(d, lock)
		err := d.EventBuffer.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			if c.decrypt != nil {
				return c.decrypt
			}
			return d.Sessions.PutSession(ctx, alice, nil)
		})
		if errors.Is(err, context.Canceled) != c.waits || (asked == 1) != c.waits || (c.decrypt != nil && !errors.Is(err, broken)) {
			t.Errorf("%s: %v, asked %d times", name, err, asked)
		}
	}
	d := &store.Device{Sessions: &shelf{}, Identities: identities{}, EventBuffer: brokenBuffer{look: errAway}, PrivacyTokens: tokens{}}
	whatsmeow.Guard(d, whatsmeow.NewLock())
	if _, err := d.EventBuffer.GetBufferedEvent(t.Context(), [32]byte{}); !errors.Is(err, context.Canceled) || !errors.Is(err, errAway) {
		t.Errorf("look: %v", err)
	}
}
