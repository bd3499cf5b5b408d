package whatsmeow_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider/whatsmeow"
)

// shelf is a store of Signal sessions that counts how many hands are between
// loading and storing at once.
type shelf struct {
	store.SessionStore
	mu       sync.Mutex
	sessions map[string][]byte
	putErr   error
}

func (s *shelf) GetSession(_ context.Context, address string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[address], nil
}

func (s *shelf) GetManySessions(ctx context.Context, addresses []string) (map[string][]byte, error) {
	found := map[string][]byte{}
	for _, a := range addresses {
		found[a], _ = s.GetSession(ctx, a)
	}
	return found, nil
}

func (s *shelf) PutSession(_ context.Context, address string, raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.putErr == nil {
		s.sessions[address] = raw
	}
	return s.putErr
}

func (s *shelf) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	for a, raw := range sessions {
		if err := s.PutSession(ctx, a, raw); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) DeleteSession(context.Context, string) error                { return nil }
func (s *shelf) DeleteAllSessions(context.Context, string) error            { return nil }
func (s *shelf) MigratePNToLID(context.Context, types.JID, types.JID) error { return nil }

type identities struct{ store.IdentityStore }

func (identities) IsTrustedIdentity(context.Context, string, [32]byte) (bool, error) {
	return true, nil
}

type buffer struct{ store.EventBuffer }

func (buffer) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	return fn(ctx)
}

type tokens struct{ store.PrivacyTokenStore }

func (tokens) GetPrivacyToken(context.Context, types.JID) (*store.PrivacyToken, error) {
	return nil, nil
}

func guarded(s *shelf) *store.Device {
	if s.sessions == nil {
		s.sessions = map[string][]byte{}
	}
	d := &store.Device{Sessions: s, Identities: identities{}, EventBuffer: buffer{}, PrivacyTokens: tokens{}}
	whatsmeow.Guard(d, whatsmeow.NewLock())
	return d
}

// free reports whether an inbound message could be decrypted right now.
func free(d *store.Device) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	return d.EventBuffer.DoDecryptionTxn(ctx, func(context.Context) error { return nil }) == nil
}

const alice = "123_1:0"

func TestSendingHoldsTheLockUntilStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := guarded(&shelf{})
		m, _ := whatsmeow.Mark("123_1")
		ctx := whatsmeow.WithSending(t.Context(), m)
		if _, err := d.Sessions.GetManySessions(ctx, []string{alice}); err != nil {
			t.Fatal(err)
		}
		if free(d) {
			t.Error("free between loading and storing")
		}
		if err := d.Sessions.PutManySessions(ctx, map[string][]byte{alice: {1}}); err != nil {
			t.Fatal(err)
		}
		if !free(d) {
			t.Error("held after storing, while the server is asked")
		}
		if !m.End() {
			t.Error("the message may have left, and is not counted so")
		}
	})
}

func TestSendingLetsGo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(t *testing.T, ctx context.Context, d *store.Device)
	}{
		{"when nothing was stored", func(*testing.T, context.Context, *store.Device) {}},
		{"when storing failed", func(t *testing.T, ctx context.Context, d *store.Device) {
			if err := d.Sessions.PutManySessions(ctx, map[string][]byte{alice: {1}}); !errors.Is(err, errTest) {
				t.Errorf("got %v", err)
			}
		}},
		{"when the recipient is not among the ciphertexts", func(t *testing.T, ctx context.Context, d *store.Device) {
			err := d.Sessions.PutManySessions(ctx, map[string][]byte{"999_1:0": {1}})
			if !errors.Is(err, whatsmeow.ErrNoCiphertext) {
				t.Errorf("got %v", err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := guarded(&shelf{putErr: errTest})
				m, _ := whatsmeow.Mark("123_1")
				ctx := whatsmeow.WithSending(t.Context(), m)
				if _, err := d.Sessions.GetManySessions(ctx, []string{alice}); err != nil {
					t.Fatal(err)
				}
				tt.do(t, ctx, d)
				if m.End() {
					t.Error("counted as maybe sent")
				}
				if !free(d) {
					t.Error("the lock is still held")
				}
			})
		})
	}
}

// TestNothingEncryptedIsNotSent: the library goes on to send a shell without
// any ciphertext; the look at the privacy token is where it is stopped.
func TestNothingEncryptedIsNotSent(t *testing.T) {
	t.Parallel()
	d := guarded(&shelf{})
	m, aborted := whatsmeow.Mark("123_1")
	ctx := whatsmeow.WithSending(t.Context(), m)
	_, _ = d.PrivacyTokens.GetPrivacyToken(ctx, types.EmptyJID) // before anything was loaded
	if aborted() != nil {
		t.Fatal("aborted before encryption began")
	}
	_, _ = d.Sessions.GetManySessions(ctx, []string{alice})
	_, _ = d.PrivacyTokens.GetPrivacyToken(ctx, types.EmptyJID)
	if !errors.Is(aborted(), whatsmeow.ErrNoCiphertext) {
		t.Errorf("got %v", aborted())
	}
	m.End()
}

// TestSlowSenderLosesItsTurn: a send that waits too long for keys must neither
// block what comes in nor store over it.
func TestSlowSenderLosesItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := guarded(&shelf{})
		m, _ := whatsmeow.Mark("123_1")
		ctx := whatsmeow.WithSending(t.Context(), m)
		if _, err := d.Sessions.GetManySessions(ctx, []string{alice}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if !free(d) {
			t.Fatal("still held after a minute")
		}
		if err := d.Sessions.PutManySessions(ctx, map[string][]byte{alice: {1}}); !errors.Is(err, whatsmeow.ErrGripLost) {
			t.Errorf("got %v", err)
		}
		if m.End() || !free(d) {
			t.Error("a message that was not stored counts as sent, or holds the lock")
		}
	})
}

func TestRetryHoldsTheLockFromLoadToStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := guarded(&shelf{})
		ctx := t.Context()
		if _, err := d.Sessions.GetSession(ctx, alice); err != nil {
			t.Fatal(err)
		}
		if free(d) {
			t.Error("free between loading and storing")
		}
		if err := d.Sessions.PutSession(ctx, alice, []byte{1}); err != nil || !free(d) {
			t.Errorf("got %v, or held after storing", err)
		}
		// An error in between leaves the lock behind; it frees itself, and a
		// store that comes later is refused as a cancellation, so that the
		// server repeats the request.
		if _, err := d.Sessions.GetSession(ctx, alice); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if !free(d) {
			t.Error("left behind for ever")
		}
		if err := d.Sessions.PutSession(ctx, alice, []byte{2}); !errors.Is(err, context.Canceled) || !errors.Is(err, whatsmeow.ErrGripLost) {
			t.Errorf("got %v", err)
		}
		// A new key: identity looked at, session deleted, and so on.
		if _, err := d.Identities.IsTrustedIdentity(ctx, alice, [32]byte{}); err != nil || free(d) {
			t.Fatalf("got %v, or free while the key is changed", err)
		}
		if err := d.Sessions.DeleteSession(ctx, alice); err != nil || free(d) {
			t.Errorf("got %v, or free while the key is changed", err)
		}
		if _, err := d.Sessions.GetSession(ctx, alice); err != nil || free(d) {
			t.Fatalf("got %v, or free while the key is changed", err)
		}
		if err := d.Sessions.PutSession(ctx, alice, []byte{3}); err != nil || !free(d) {
			t.Errorf("got %v, or held after storing", err)
		}
	})
}

func TestDecryptionSurvivesPanic(t *testing.T) {
	t.Parallel()
	d := guarded(&shelf{})
	func() {
		defer func() { _ = recover() }()
		_ = d.EventBuffer.DoDecryptionTxn(t.Context(), func(context.Context) error { panic("bug") })
	}()
	if !free(d) {
		t.Error("the lock is still held")
	}
}

// TestAllTogether mixes senders, readers, retries and deletions on one session
// whose content is a counter: no change may be lost, and nothing may hang.
func TestAllTogether(t *testing.T) {
	t.Parallel()
	s := &shelf{sessions: map[string][]byte{alice: {0, 0, 0, 0}}}
	d := guarded(s)
	const rounds = 500
	plus := func(raw []byte) []byte {
		n := uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
		n++
		return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
	var crew sync.WaitGroup
	crew.Go(func() {
		for range rounds {
			m, _ := whatsmeow.Mark("123_1")
			ctx := whatsmeow.WithSending(t.Context(), m)
			got, _ := d.Sessions.GetManySessions(ctx, []string{alice})
			if err := d.Sessions.PutManySessions(ctx, map[string][]byte{alice: plus(got[alice])}); err != nil {
				t.Error(err)
			}
			m.End()
		}
	})
	crew.Go(func() {
		for range rounds {
			err := d.EventBuffer.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
				raw, _ := d.Sessions.GetSession(ctx, alice)
				return d.Sessions.PutSession(ctx, alice, plus(raw))
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	crew.Go(func() {
		for range rounds {
			raw, _ := d.Sessions.GetSession(t.Context(), alice)
			if err := d.Sessions.PutSession(t.Context(), alice, plus(raw)); err != nil {
				t.Error(err)
			}
			_ = d.Sessions.MigratePNToLID(t.Context(), types.EmptyJID, types.EmptyJID)
		}
	})
	crew.Wait()
	want := uint32(3 * rounds)
	if raw := s.sessions[alice]; raw[2] != byte(want>>8) || raw[3] != byte(want) {
		t.Errorf("got %v, want %d", raw, want)
	}
}
