package whatsmeow

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// encode turns a message into WhatsApp's form. It is a pure function of the
// message and the client's own address, so that every attempt carries the same
// content. own has no device part.
func encode(m provider.Outgoing, own types.JID) (*waE2E.Message, error) {
	switch c := m.Content.(type) {
	case wa.Text:
		return encodeText(c, contextOf(m, own)), nil
	case nil:
		return nil, fmt.Errorf("%w: nothing", errUnsupported)
	}
	return nil, fmt.Errorf("%w: %s", errUnsupported, m.Content.Kind())
}

func encodeText(c wa.Text, info *waE2E.ContextInfo) *waE2E.Message {
	link := ""
	if c.PreviewURL {
		link = firstLink(c.Body)
	}
	if info == nil && link == "" {
		return &waE2E.Message{Conversation: proto.String(c.Body)}
	}
	text := &waE2E.ExtendedTextMessage{Text: proto.String(c.Body), ContextInfo: info}
	if link != "" {
		addCard(text, link)
	}
	return &waE2E.Message{ExtendedTextMessage: text}
}

// contextOf is what a message refers to, or nil.
func contextOf(m provider.Outgoing, own types.JID) *waE2E.ContextInfo {
	if m.Quoted == nil && len(m.Mentions) == 0 {
		return nil
	}
	info := &waE2E.ContextInfo{}
	for _, phone := range m.Mentions {
		info.MentionedJID = append(info.MentionedJID, types.NewJID(phone.Digits(), types.DefaultUserServer).String())
	}
	if q := m.Quoted; q != nil {
		info.StanzaID = proto.String(q.WireID)
		info.Participant = proto.String(authorOf(q, m.To, own).String())
		info.QuotedMessage = &waE2E.Message{Conversation: proto.String(q.Text)}
	}
	return info
}

func authorOf(q *provider.Quoted, to provider.Peer, own types.JID) types.JID {
	if q.FromMe {
		return own.ToNonAD()
	}
	if author, err := jidOf(q.From); err == nil && author.Server != types.GroupServer {
		return author
	}
	author, err := jidOf(to)
	if err != nil {
		return types.EmptyJID
	}
	return author
}

var links = regexp.MustCompile(`https?://[^\s<>"]+`)

func firstLink(body string) string {
	return strings.TrimRight(links.FindString(body), ".,;:!?)]}'")
}

// addCard describes the link by its host. The page itself is not fetched: what
// it says would change between two attempts, and who asks it could be tricked
// into asking an address inside our network.
func addCard(text *waE2E.ExtendedTextMessage, link string) {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return
	}
	text.MatchedText = proto.String(link)
	text.Title = proto.String(u.Hostname())
	text.PreviewType = waE2E.ExtendedTextMessage_NONE.Enum()
}

// payloadOf is what is kept for retry requests: the message together with whom
// it was for, so that nobody else is ever given it.
func payloadOf(to types.JID, m *waE2E.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(&waE2E.Message{
		DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: proto.String(to.String()), Message: m},
	})
}

// readPayload is the reverse of payloadOf.
func readPayload(raw []byte) (to types.JID, m *waE2E.Message, err error) {
	var kept waE2E.Message
	if err := proto.Unmarshal(raw, &kept); err != nil {
		return types.EmptyJID, nil, fmt.Errorf("kept message: %w", err)
	}
	sent := kept.GetDeviceSentMessage()
	to, err = types.ParseJID(sent.GetDestinationJID())
	if err != nil {
		return types.EmptyJID, nil, fmt.Errorf("recipient of kept message: %w", err)
	}
	return to, sent.GetMessage(), nil
}
