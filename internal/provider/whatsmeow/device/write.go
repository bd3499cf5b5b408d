package device

import (
	"context"

	"chasqui/internal/store"
)

// work is what the decryption of one message changes. It is written at once
// when the message is decrypted, or forgotten.
type work struct {
	k       *keeper
	changes map[slot]item
}

type workKey struct{}

// workOf gives the work under way for a device; nil when there is none.
func workOf(ctx context.Context, k *keeper) *work {
	w, _ := ctx.Value(workKey{}).(*work)
	if w == nil || w.k != k {
		return nil
	}
	return w
}

func (w *work) look(s slot) (item, bool) {
	if w == nil {
		return item{}, false
	}
	it, ok := w.changes[s]
	return it, ok
}

// DoDecryptionTxn lets fn decrypt a message. What it changes is durable when
// nil is returned, and did not happen otherwise.
func (k *keeper) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	if workOf(ctx, k) != nil {
		return fn(ctx)
	}
	w := &work{k: k, changes: map[slot]item{}}
	if err := fn(context.WithValue(ctx, workKey{}, w)); err != nil {
		return err
	}
	return k.write(ctx, w.changes, store.DeviceChange{})
}

// set changes one value.
func (k *keeper) set(ctx context.Context, s slot, it item) error {
	return k.put(ctx, map[slot]item{s: it})
}

// put changes values, durably unless they are part of a work under way.
func (k *keeper) put(ctx context.Context, changes map[slot]item) error {
	w := workOf(ctx, k)
	if w == nil {
		return k.write(ctx, changes, store.DeviceChange{})
	}
	for s, it := range changes {
		w.changes[s] = it
	}
	return nil
}

// write makes changes durable, in one statement. how says what is special.
func (k *keeper) write(ctx context.Context, changes map[slot]item, how store.DeviceChange) error {
	if len(changes) == 0 {
		return nil
	}
	box, err := k.box(ctx)
	if err != nil {
		return err
	}
	remembered := false
	for s, it := range changes {
		remembered = remembered || remembers[s.kind]
		if it.gone {
			how.Drop = append(how.Drop, s.name())
			continue
		}
		v, err := k.sealed(box, s, it)
		if err != nil {
			return err
		}
		how.Put = append(how.Put, v)
	}
	if !remembered {
		return k.c.opts.DB.ChangeDevice(ctx, k.row, how)
	}
	return k.writeRemembered(ctx, changes, how)
}

func (k *keeper) sealed(box Box, s slot, it item) (v store.DeviceValue, err error) {
	v = store.DeviceValue{DeviceKey: s.name(), Mark: it.mark, At: it.at}
	if !it.spent {
		v.Sealed, err = box.Seal(k.place(s), it.plain)
	}
	return v, err
}

// writeRemembered writes while nobody else does, so that memory and database
// change in the same order. After a failure nobody knows what the database
// holds: it is asked again.
func (k *keeper) writeRemembered(ctx context.Context, changes map[slot]item, how store.DeviceChange) error {
	select {
	case k.writer <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-k.writer }()
	k.writes.Add(1)
	err := k.c.opts.DB.ChangeDevice(ctx, k.row, how)
	k.mu.Lock()
	defer k.mu.Unlock()
	for s, it := range changes {
		switch {
		case !remembers[s.kind]:
		case err != nil:
			k.c.memory.drop(k, s)
		case it.gone:
			k.c.memory.put(k, s, nil)
		default:
			k.c.memory.put(k, s, it.plain)
		}
	}
	k.writes.Add(1)
	return err
}
