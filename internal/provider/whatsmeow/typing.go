package whatsmeow

import (
	"context"

	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider"
)

// Typing shows or hides "typing…" to the other end.
func (s *session) Typing(ctx context.Context, to provider.Peer, on bool) error {
	l, err := s.online()
	if err != nil {
		return err
	}
	jid, err := jidOf(to)
	if err != nil {
		return err
	}
	state := types.ChatPresencePaused
	if on {
		state = types.ChatPresenceComposing
	}
	return l.cli.SendChatPresence(ctx, l.hidden(ctx, jid), state, types.ChatPresenceMediaText)
}
