package seal

import (
	"context"
	"time"

	"chasqui/internal/wa"
)

// askWithin is how long a question in the background may take.
const askWithin = 5 * time.Second

// refresh sees to it that nothing is older than Options allow: a rotation
// counts on every process knowing a change after a while.
func (k *Keyring) refresh(ctx context.Context) error {
	asked := k.asked.Load()
	if asked == nil || time.Since(*asked) > 3*k.opt.Fresh {
		return k.ask(ctx)
	}
	if time.Since(*asked) > k.opt.Fresh && k.pending.CompareAndSwap(false, true) {
		go func() {
			defer k.pending.Store(false)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
			defer cancel()
			_ = k.ask(ctx) // the next one asks again, and in the end waits for the answer
		}()
	}
	return nil
}

// ask forgets the boxes whose data keys changed. The first question of all is
// whether the master key is the right one.
func (k *Keyring) ask(ctx context.Context) error {
	k.asking.Lock()
	defer k.asking.Unlock()
	last, now := k.asked.Load(), time.Now()
	switch {
	case last == nil:
		if err := k.Check(ctx); err != nil {
			return err
		}
	case now.Sub(*last) < k.opt.Fresh:
		return nil // somebody else asked while we waited for our turn
	case now.Sub(*last) > lately/2:
		k.forget()
	default:
		changed, err := k.source.ChangedDataKeys(ctx, lately)
		if err != nil {
			return err
		}
		k.forgetOlder(changed)
	}
	k.asked.Store(&now)
	return nil
}

func (k *Keyring) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.slots)
}

func (k *Keyring) forgetOlder(changed map[wa.OrgID]int64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for org, version := range changed {
		s := k.slots[org]
		if s == nil {
			continue
		}
		if b := s.box.Load(); b != nil && b.version < version {
			s.box.CompareAndSwap(b, nil)
		}
	}
}
