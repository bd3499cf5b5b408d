package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"chasqui/internal/wa"
)

// root is the secret that Derive draws from.
const root = "root"

// Secret gives the installation's secret of a name: 32 random bytes, drawn when
// it is first asked for, and the same for every process ever after. It outlives
// master keys.
func (k *Keyring) Secret(ctx context.Context, name string) ([]byte, error) {
	return k.secret(ctx, name, func(context.Context) ([]byte, error) { return Random(32), nil })
}

// Derive draws 32 bytes from the installation's root secret, always the same
// for a label. Where there were orgs before there were data keys, the root is
// the master key of then, so that what was drawn from it stays.
func (k *Keyring) Derive(ctx context.Context, label string) ([]byte, error) {
	raw, err := k.secret(ctx, root, k.firstRoot)
	if err != nil {
		return nil, err
	}
	return draw(raw, label)
}

func (k *Keyring) firstRoot(ctx context.Context) ([]byte, error) {
	older, err := k.source.OlderThanKeys(ctx)
	if err != nil {
		return nil, err
	}
	if older {
		return k.oldest(ctx)
	}
	return Random(32), nil
}

// oldest is the master key from before there were data keys: the one that opens
// what was sealed then, or else the last of our list.
func (k *Keyring) oldest(ctx context.Context) ([]byte, error) {
	text, err := k.source.OldSealed(ctx)
	switch {
	case err == nil:
	case wa.CodeOf(err) == wa.NotFound:
		return k.masters[len(k.masters)-1].raw, nil
	default:
		return nil, err
	}
	for _, m := range k.masters {
		if _, err := (&Box{masters: []*master{m}}).openOld(placeOf(text), text.Sealed); err == nil {
			return m.raw, nil
		}
	}
	return nil, fmt.Errorf("%w: none of CHASQUI_MASTER_KEY opens what was sealed before", ErrWrongMaster)
}

// secret reads a secret, or keeps a first one. Of two processes that do so at
// the same time both end up with the one that was kept.
func (k *Keyring) secret(ctx context.Context, name string, first func(context.Context) ([]byte, error)) ([]byte, error) {
	if raw := k.recall(name); raw != nil {
		return raw, nil
	}
	box, err := k.For(ctx, wa.OrgID{})
	if err != nil {
		return nil, err
	}
	place := Place("installation_secrets", "sealed", name, wa.OrgID{}.UUID())
	sealed, err := k.source.InstallationSecret(ctx, name)
	if wa.CodeOf(err) == wa.NotFound && err != nil {
		sealed, err = k.keep(ctx, box, place, name, first)
	}
	if err != nil {
		return nil, fmt.Errorf("find secret %s: %w", name, err)
	}
	raw, err := box.Open(place, sealed)
	if err != nil {
		return nil, fmt.Errorf("open secret %s: %w", name, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.secrets[name] = raw
	return bytes.Clone(raw), nil
}

// ErrLostSecret tells of a secret that something hangs on and that is not in the
// database any more. Another one in its place would make all of that worthless,
// without a word.
var ErrLostSecret = errors.New("a secret of the installation is lost")

// keep keeps a first secret, unless there must have been one before.
func (k *Keyring) keep(ctx context.Context, box *Box, place, name string, first func(context.Context) ([]byte, error)) ([]byte, error) {
	lost, err := k.source.SecretLost(ctx, name)
	if err != nil {
		return nil, err
	}
	if lost {
		return nil, fmt.Errorf("%w: the row %q of installation_secrets is gone, and what hangs on it is still there; restore that row from a backup, as docs/operations.md says; nothing was changed", ErrLostSecret, name)
	}
	raw, err := first(ctx)
	if err != nil {
		return nil, err
	}
	sealed, err := box.Seal(place, raw)
	if err != nil {
		return nil, err
	}
	if err := k.source.KeepInstallationSecret(ctx, name, sealed); err != nil {
		return nil, err
	}
	return k.source.InstallationSecret(ctx, name)
}

func (k *Keyring) recall(name string) []byte {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return bytes.Clone(k.secrets[name])
}
