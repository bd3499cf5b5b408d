package signal

import (
	"context"
	"errors"
	"fmt"

	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/signalerror"
	"go.mau.fi/libsignal/state/record"
)

// Errors of Open that a phone reacts to.
var (
	// ErrOldCounter means that the key of this ciphertext was used before: a repeated stanza, or a sender that used a key twice.
	ErrOldCounter = errors.New("signal: message key already used")
	// ErrNoSession means that the phone cannot know the key at all; the sender has to start a new session.
	ErrNoSession = errors.New("signal: no session for this ciphertext")
)

// Open decrypts a ciphertext of the device at a; prekey tells a first message ("pkmsg") from a later one ("msg").
// The session changes only when it returns without an error. The plaintext still carries its padding.
func (k *Keyring) Open(ctx context.Context, a Address, prekey bool, ciphertext []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if prekey {
		return k.openFirst(ctx, a, ciphertext)
	}
	msg, err := protocol.NewSignalMessageFromBytes(ciphertext, codec.SignalMessage)
	if err != nil {
		return nil, fmt.Errorf("signal: decode message: %w", err)
	}
	raw := k.sessions[a.String()]
	if raw == nil {
		return nil, ErrNoSession
	}
	plain, after, err := k.tryStates(ctx, a, raw, msg)
	if err == nil {
		k.sessions[a.String()] = after
	}
	return plain, err
}

// openFirst opens a message that may bring its own session along.
func (k *Keyring) openFirst(ctx context.Context, a Address, ciphertext []byte) ([]byte, error) {
	msg, err := protocol.NewPreKeySignalMessageFromBytes(ciphertext, codec.PreKeySignalMessage, codec.SignalMessage)
	if err != nil {
		return nil, fmt.Errorf("signal: decode first message: %w", err)
	}
	rec, err := k.load(a.String())
	if err != nil {
		return nil, fmt.Errorf("signal: load session: %w", err)
	}
	used, err := k.builder(a).Process(ctx, rec, msg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSession, err)
	}
	plain, after, err := k.tryStates(ctx, a, rec.Serialize(), msg.WhisperMessage())
	if err != nil {
		return nil, err
	}
	k.sessions[a.String()] = after
	if !used.IsEmpty {
		delete(k.oneTime, used.Value)
	}
	return plain, nil
}

// tryStates tries the current state of a serialized session and then the archived ones, each on its own copy, and
// returns the session with the state that fitted in front.
func (k *Keyring) tryStates(ctx context.Context, a Address, raw []byte, msg *protocol.SignalMessage) (plain, after []byte, err error) {
	cipher := session.NewCipher(k.builder(a), a.signal())
	for i := 0; ; i++ {
		all, err := states(raw)
		if err != nil {
			return nil, nil, err
		}
		if i >= len(all) {
			return nil, nil, ErrNoSession
		}
		state, err := record.NewStateFromStructure(all[i], codec.State)
		if err != nil {
			return nil, nil, fmt.Errorf("signal: read session state: %w", err)
		}
		plain, _, err := cipher.DecryptWithState(ctx, state, msg)
		if errors.Is(err, signalerror.ErrOldCounter) {
			return nil, nil, ErrOldCounter
		}
		if err == nil {
			return plain, promote(all, i, state), nil
		}
	}
}

func states(raw []byte) ([]*record.StateStructure, error) {
	s, err := codec.Session.Deserialize(raw)
	if err != nil {
		return nil, fmt.Errorf("signal: read session: %w", err)
	}
	return append([]*record.StateStructure{s.SessionState}, s.PreviousStates...), nil
}

// promote serializes a session whose i-th state has just been used and so becomes the current one.
func promote(all []*record.StateStructure, i int, used *record.State) []byte {
	current := record.NewSessionFromState(used, codec.Session).Structure().SessionState
	previous := make([]*record.StateStructure, 0, len(all)-1)
	previous = append(previous, all[:i]...)
	previous = append(previous, all[i+1:]...)
	return codec.Session.Serialize(&record.SessionStructure{SessionState: current, PreviousStates: previous})
}

func (k *Keyring) builder(a Address) *session.Builder {
	s := store{k}
	return session.NewBuilder(s, s, s, s, a.signal(), codec)
}
