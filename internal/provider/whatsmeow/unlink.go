package whatsmeow

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// LogOut unlinks the number from its phone and forgets its keys. It comes
// online for that if need be. A number that is unlinked already is a success.
func (s *session) LogOut(ctx context.Context) error {
	s.mu.Lock()
	jid := s.jid
	s.mu.Unlock()
	if jid == "" {
		return nil
	}
	l, err := s.cameOnline(ctx)
	switch {
	case errors.Is(err, errNotPaired):
		return nil
	case err != nil:
		return err
	}
	if err := l.cli.Logout(ctx); err != nil {
		return fmt.Errorf("log out: %w", scrubbed{err})
	}
	l.lost.Store(true)
	l.hangUp()
	s.mu.Lock()
	s.jid = ""
	s.mu.Unlock()
	return nil
}

const onlineCheck = 50 * time.Millisecond

// cameOnline connects and waits for the login.
func (s *session) cameOnline(ctx context.Context) (*line, error) {
	if l, err := s.online(); err == nil {
		return l, nil
	}
	if err := s.Connect(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.p.opts.LoginTimeout)
	defer cancel()
	for {
		l, err := s.online()
		if err == nil || errors.Is(err, errNotPaired) || errors.Is(err, errClosed) {
			return l, err
		}
		select {
		case <-time.After(onlineCheck):
		case <-ctx.Done():
			return nil, errNotOnline
		}
	}
}

// forget deletes the line's keys from the store.
func (l *line) forget() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.s.ctx), takeLimit)
	defer cancel()
	l.lost.Store(true)
	if l.device.ID == nil {
		return
	}
	if err := l.device.Delete(ctx); err != nil {
		l.s.log.Warn("keys not deleted", "error", scrub(err.Error()))
	}
}

// forgetDevice deletes the keys of an earlier pairing.
func (s *session) forgetDevice(old *line, jid string) {
	if old != nil {
		old.hangUp()
		if !old.gone() {
			old.forget()
		}
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, takeLimit)
	defer cancel()
	device, err := s.device(ctx, jid)
	if err == nil && device != nil {
		err = device.Delete(ctx)
	}
	if err != nil {
		s.log.Warn("keys of the earlier pairing not deleted", "error", scrub(err.Error()))
	}
}
