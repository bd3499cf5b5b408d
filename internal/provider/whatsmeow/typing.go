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
	if jid.Server == types.DefaultUserServer {
		if p := knownPeer(ctx, l.device, jid, types.EmptyJID); p.LID != "" {
			jid = types.NewJID(p.LID, types.HiddenUserServer)
		}
	}
	state := types.ChatPresencePaused
	if on {
		state = types.ChatPresenceComposing
	}
	return l.cli.SendChatPresence(ctx, jid, state, types.ChatPresenceMediaText)
}
