package whatsmeow

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/reflect/protoreflect"

	"chasqui/internal/wa"
)

// decoded is what we understand of an inbound message.
type decoded struct {
	kind     string     // wa.KindText, …, or wa.KindUnknown
	content  wa.Content // nil when kind is unknown
	quotedID string
	mentions []types.JID
}

// decode reads a message. ok is false for messages that say nothing to a
// person: keys, protocol, and wrappers around nothing.
func decode(m *waE2E.Message) (d decoded, ok bool) {
	m = unwrap(m)
	if m == nil || m.GetProtocolMessage() != nil || onlyKeys(m) {
		return decoded{}, false
	}
	d.kind = wa.KindUnknown
	body, info := textOf(m)
	if body = cleanBody(body, wa.MaxTextLength); body != "" {
		text := wa.Text{Body: body}
		if text.Validate() == nil {
			d.kind, d.content = wa.KindText, text
		}
	}
	if id := info.GetStanzaID(); cleanID(id) {
		d.quotedID = id
	}
	d.mentions = mentionsOf(info)
	return d, true
}

func textOf(m *waE2E.Message) (string, *waE2E.ContextInfo) {
	if ext := m.GetExtendedTextMessage(); ext != nil {
		return ext.GetText(), ext.GetContextInfo()
	}
	return m.GetConversation(), nil
}

func mentionsOf(info *waE2E.ContextInfo) []types.JID {
	var jids []types.JID
	for _, s := range info.GetMentionedJID() {
		jid, err := types.ParseJID(s)
		if err == nil && digits(jid.User) && len(jids) < maxMentions {
			jids = append(jids, jid)
		}
	}
	return jids
}

// deepest is how many wrappers a message may have; real ones have two or three.
const deepest = 8

// unwrap takes a message out of the wrappers that say how to show it.
func unwrap(m *waE2E.Message) *waE2E.Message {
	for range deepest {
		inner := wrapped(m)
		if inner == nil {
			return m
		}
		m = inner
	}
	return nil
}

func wrapped(m *waE2E.Message) *waE2E.Message {
	if sent := m.GetDeviceSentMessage().GetMessage(); sent != nil {
		return sent
	}
	for _, w := range []*waE2E.FutureProofMessage{
		m.GetEphemeralMessage(), m.GetViewOnceMessage(), m.GetViewOnceMessageV2(), m.GetViewOnceMessageV2Extension(),
		m.GetDocumentWithCaptionMessage(), m.GetEditedMessage(), m.GetBotInvokeMessage(),
	} {
		if inner := w.GetMessage(); inner != nil {
			return inner
		}
	}
	return nil
}

// onlyKeys tells the half of a group message that merely hands out keys.
func onlyKeys(m *waE2E.Message) bool {
	fields := 0
	m.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		switch fd.Name() {
		case "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage", "messageContextInfo":
		default:
			fields++
		}
		return fields == 0
	})
	return fields == 0
}
