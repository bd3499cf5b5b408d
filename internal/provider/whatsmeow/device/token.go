package device

import (
	"context"
	"encoding/json"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/store"
)

var _ wmstore.PrivacyTokenStore = (*keeper)(nil)

// token lets this number write to somebody, as it is sealed.
type token struct {
	Token  []byte `json:"token"`
	At     int64  `json:"at"`                // Unix seconds
	SentAt *int64 `json:"sent_at,omitempty"` // when ours was given to them
}

func readToken(it item) (t token, known bool) {
	return t, it.plain != nil && json.Unmarshal(it.plain, &t) == nil
}

func tokenSlot(user types.JID) slot { return slot{kindToken, user.ToNonAD().String()} }

// PutPrivacyTokens keeps tokens unless newer ones are kept.
func (k *keeper) PutPrivacyTokens(ctx context.Context, tokens ...wmstore.PrivacyToken) error {
	k.profiles.Lock()
	defer k.profiles.Unlock()
	slots := make([]slot, len(tokens))
	for i, t := range tokens {
		slots[i] = tokenSlot(t.User)
	}
	found, err := k.get(ctx, slots...)
	if err != nil {
		return err
	}
	changes := map[slot]item{}
	for i, t := range tokens {
		fresh := token{Token: t.Token, At: t.Timestamp.Unix()}
		if !t.SenderTimestamp.IsZero() {
			sent := t.SenderTimestamp.Unix()
			fresh.SentAt = &sent
		}
		it := found[slots[i]]
		if changed, twice := changes[slots[i]]; twice {
			it = changed
		}
		if old, known := readToken(it); known {
			if fresh.At < old.At {
				continue
			}
			if fresh.SentAt == nil {
				fresh.SentAt = old.SentAt
			}
		}
		raw, err := json.Marshal(fresh)
		if err != nil {
			return err
		}
		changes[slots[i]] = item{plain: raw, at: t.Timestamp}
	}
	return k.write(ctx, changes, store.DeviceChange{})
}

// GetPrivacyToken reads the newest token of a person under either of their
// addresses; nil when there is none.
func (k *keeper) GetPrivacyToken(ctx context.Context, user types.JID) (*wmstore.PrivacyToken, error) {
	user = user.ToNonAD()
	all, err := k.addresses(ctx, user)
	if err != nil {
		return nil, err
	}
	slots := make([]slot, len(all))
	for i, jid := range all {
		slots[i] = tokenSlot(jid)
	}
	found, err := k.get(ctx, slots...)
	if err != nil {
		return nil, err
	}
	var newest *token
	for _, s := range slots {
		if t, known := readToken(found[s]); known && (newest == nil || t.At > newest.At) {
			newest = &t
		}
	}
	if newest == nil {
		return nil, nil
	}
	out := &wmstore.PrivacyToken{User: user, Token: newest.Token, Timestamp: time.Unix(newest.At, 0)}
	if newest.SentAt != nil {
		out.SenderTimestamp = time.Unix(*newest.SentAt, 0)
	}
	return out, nil
}

// DeleteExpiredPrivacyTokens forgets old tokens and counts them. Those that are
// remembered stay so until they are pushed out: their age is looked at anew
// whenever they are used.
func (k *keeper) DeleteExpiredPrivacyTokens(ctx context.Context, cutoff time.Time) (int64, error) {
	return k.c.opts.DB.ForgetValues(ctx, k.row, kindToken, cutoff)
}
