package device

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/store"
)

var _ wmstore.EventBuffer = (*keeper)(nil)

const (
	keepInbound  = 14 * 24 * time.Hour // WhatsApp repeats a message no longer than that
	keepOutbound = 7 * 24 * time.Hour
)

var errNoOutbound = errors.New("no such message was kept")

// PutBufferedEvent keeps a decrypted message until it is handled.
func (k *keeper) PutBufferedEvent(ctx context.Context, hash [32]byte, plaintext []byte, serverTime time.Time) error {
	return k.set(ctx, slot{kindInbound, string(hash[:])}, item{plain: inboundOf(serverTime, plaintext), at: time.Now()})
}

func inboundOf(serverTime time.Time, plaintext []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(serverTime.Unix())), plaintext...)
}

// GetBufferedEvent looks for a message that was decrypted before. Of one that
// was handled nothing but that is left.
func (k *keeper) GetBufferedEvent(ctx context.Context, hash [32]byte) (*wmstore.BufferedEvent, error) {
	s := slot{kindInbound, string(hash[:])}
	found, err := k.get(ctx, s)
	it, ok := found[s]
	if err != nil || !ok {
		return nil, err
	}
	event := &wmstore.BufferedEvent{InsertTime: it.at}
	if len(it.plain) >= 8 {
		event.ServerTime = time.Unix(int64(binary.BigEndian.Uint64(it.plain)), 0)
		event.Plaintext = it.plain[8:]
	}
	return event, nil
}

// ClearBufferedEventPlaintext notes that a message was handled. If that is
// forgotten in a crash, the message is handled once more, and known by its id.
func (k *keeper) ClearBufferedEventPlaintext(ctx context.Context, hash [32]byte) error {
	return k.write(ctx, map[slot]item{{kindInbound, string(hash[:])}: {spent: true}}, store.DeviceChange{Forgettable: true})
}

// DeleteOldBufferedHashes forgets messages that will not come again.
func (k *keeper) DeleteOldBufferedHashes(ctx context.Context) error {
	_, err := k.c.opts.DB.ForgetValues(ctx, k.row, kindInbound, time.Now().Add(-keepInbound))
	return err
}

func outboundSlot(chat types.JID, id types.MessageID) slot {
	return slot{kindOutbound, chat.String() + "\x00" + id}
}

// AddOutgoingEvent keeps a message that may have to be sent again.
func (k *keeper) AddOutgoingEvent(ctx context.Context, chat types.JID, id types.MessageID, format string, plaintext []byte) error {
	raw := append([]byte(format+"\x00"), plaintext...)
	return k.set(ctx, outboundSlot(chat, id), item{plain: raw, at: time.Now()})
}

// GetOutgoingEvent reads it under either address of the chat.
func (k *keeper) GetOutgoingEvent(ctx context.Context, chat, alt types.JID, id types.MessageID) (string, []byte, error) {
	first, second := outboundSlot(chat, id), outboundSlot(alt, id)
	found, err := k.get(ctx, first, second)
	if err != nil {
		return "", nil, err
	}
	it, ok := found[first]
	if !ok {
		if it, ok = found[second]; !ok {
			return "", nil, errNoOutbound
		}
	}
	format, plaintext, _ := strings.Cut(string(it.plain), "\x00")
	return format, []byte(plaintext), nil
}

// DeleteOldOutgoingEvents forgets messages that nobody will ask for again.
func (k *keeper) DeleteOldOutgoingEvents(ctx context.Context) error {
	_, err := k.c.opts.DB.ForgetValues(ctx, k.row, kindOutbound, time.Now().Add(-keepOutbound))
	return err
}
