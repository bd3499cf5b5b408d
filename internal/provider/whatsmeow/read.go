package whatsmeow

import (
	"context"
	"errors"
	"fmt"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

var (
	errNoAnswer = errors.New("WhatsApp did not confirm the receipt")
	errGroup    = errors.New("groups are not told who read what")
)

// MarkRead tells a person that their messages were read.
func (s *session) MarkRead(ctx context.Context, by provider.Peer, wireIDs []string, at time.Time) error {
	failure := func(class provider.Class, err error) error {
		return &provider.Failure{Class: class, Code: wa.FailNotConnected, Err: scrubbed{err}}
	}
	if by.Group != "" {
		return failure(provider.Lasting, errGroup)
	}
	chat, err := jidOf(by)
	if err != nil || len(wireIDs) == 0 {
		return failure(provider.Lasting, errors.Join(errNobody, err))
	}
	l, err := s.online()
	if err != nil {
		return failure(provider.NotSent, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.p.opts.SendTimeout)
	defer cancel()
	if err := l.knowPrivacy(ctx); err != nil {
		return failure(provider.NotSent, err)
	}
	if err := l.markRead(ctx, l.hidden(ctx, chat), wireIDs, at); err != nil {
		class := provider.NotSent
		if errors.Is(err, errNoAnswer) {
			class = provider.Ambiguous
		}
		return failure(class, err)
	}
	return nil
}

// knowPrivacy makes sure that the library knows whether the phone's owner lets
// others see what was read. It asks WhatsApp once for each connection's device;
// when it gets no answer it takes that for a yes, which is not ours to say.
func (l *line) knowPrivacy(ctx context.Context) error {
	if _, err := l.cli.TryFetchPrivacySettings(ctx, false); err != nil {
		return fmt.Errorf("ask for the phone's privacy settings: %w", err)
	}
	return nil
}

// markRead sends one receipt and waits for WhatsApp to confirm it. The library
// sends and does not wait: what was written into a line that had fallen silent
// would be lost.
func (l *line) markRead(ctx context.Context, chat types.JID, ids []string, at time.Time) error {
	library := l.cli.DangerousInternals() //nolint:staticcheck // "dangerous" is the library's word for what it may rename
	confirmed := library.WaitResponse(ids[0])
	if err := l.cli.MarkRead(ctx, ids, at, chat, types.EmptyJID); err != nil {
		return fmt.Errorf("send a read receipt: %w", err)
	}
	for {
		select {
		case n := <-confirmed:
			switch {
			case confirmsRead(n):
				return nil
			case n == nil || n.Tag != "ack":
				return errNoAnswer // the line broke
			}
			// It was of the receipt by which the library tells that the message came:
			// the same id is on both.
			confirmed = library.WaitResponse(ids[0])
		case <-ctx.Done():
			// The library goes on waiting until the line breaks; to stop it may
			// close a channel that it writes into at that moment.
			return errors.Join(errNoAnswer, context.Cause(ctx))
		}
	}
}

// confirmsRead reports whether a stanza is WhatsApp's word that it took a receipt
// of ours about something read. A word that does not say of which kind counts.
func confirmsRead(n *waBinary.Node) bool {
	if n == nil || n.Tag != "ack" || n.Attrs["class"] != "receipt" {
		return false
	}
	kind, _ := n.Attrs["type"].(string)
	return kind == "" || kind == string(types.ReceiptTypeRead) || kind == string(types.ReceiptTypeReadSelf)
}

// hidden is a person's hidden address, where it is known, under which
// conversations are kept; else the one given.
func (l *line) hidden(ctx context.Context, jid types.JID) types.JID {
	if jid.Server == types.DefaultUserServer {
		if p := knownPeer(ctx, l.device, jid, types.EmptyJID); p.LID != "" {
			return types.NewJID(p.LID, types.HiddenUserServer)
		}
	}
	return jid
}
