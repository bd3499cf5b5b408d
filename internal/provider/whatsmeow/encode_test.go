package whatsmeow_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/wa"
)

var own = types.NewJID("15550000001", types.DefaultUserServer)

func TestEncode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give provider.Outgoing
		want *waE2E.Message
	}{
		{"plain", provider.Outgoing{Content: wa.Text{Body: "hello"}}, &waE2E.Message{Conversation: proto.String("hello")}},
		{
			"preview without a link",
			provider.Outgoing{Content: wa.Text{Body: "hello", PreviewURL: true}},
			&waE2E.Message{Conversation: proto.String("hello")},
		},
		{
			"preview",
			provider.Outgoing{Content: wa.Text{Body: "see https://example.com/a?b=c.", PreviewURL: true}},
			&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
				Text: proto.String("see https://example.com/a?b=c."), MatchedText: proto.String("https://example.com/a?b=c"),
				Title: proto.String("example.com"), PreviewType: waE2E.ExtendedTextMessage_NONE.Enum(),
			}},
		},
		{
			"answer to them",
			provider.Outgoing{To: to("15550000002"), Content: wa.Text{Body: "yes"}, Quoted: &provider.Quoted{WireID: "ABC", From: to("15550000002"), Text: "really?"}},
			&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("yes"), ContextInfo: &waE2E.ContextInfo{
				StanzaID: proto.String("ABC"), Participant: proto.String("15550000002@s.whatsapp.net"),
				QuotedMessage: &waE2E.Message{Conversation: proto.String("really?")},
			}}},
		},
		{
			"answer to ourselves",
			provider.Outgoing{To: to("15550000002"), Content: wa.Text{Body: "also"}, Quoted: &provider.Quoted{WireID: "ABC", FromMe: true, Text: "one"}},
			&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("also"), ContextInfo: &waE2E.ContextInfo{
				StanzaID: proto.String("ABC"), Participant: proto.String("15550000001@s.whatsapp.net"),
				QuotedMessage: &waE2E.Message{Conversation: proto.String("one")},
			}}},
		},
		{
			"answer whose author is not given",
			provider.Outgoing{To: provider.Peer{LID: "9915550000002"}, Content: wa.Text{Body: "yes"}, Quoted: &provider.Quoted{WireID: "ABC"}},
			&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("yes"), ContextInfo: &waE2E.ContextInfo{
				StanzaID: proto.String("ABC"), Participant: proto.String("9915550000002@lid"), QuotedMessage: &waE2E.Message{Conversation: proto.String("")},
			}}},
		},
		{
			"mentions",
			provider.Outgoing{Content: wa.Text{Body: "@15550000003 hi"}, Mentions: []wa.Phone{"+15550000003"}},
			&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
				Text: proto.String("@15550000003 hi"), ContextInfo: &waE2E.ContextInfo{MentionedJID: []string{"15550000003@s.whatsapp.net"}},
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := whatsmeow.Encode(tt.give, own)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			again, _ := whatsmeow.Encode(tt.give, own)
			one, _ := whatsmeow.PayloadFor(own, got)
			two, _ := whatsmeow.PayloadFor(own, again)
			if !bytes.Equal(one, two) {
				t.Error("two attempts differ")
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	if _, err := whatsmeow.Encode(provider.Outgoing{}, own); !errors.Is(err, whatsmeow.ErrUnsupported) {
		t.Errorf("nothing: got %v", err)
	}
}

func TestPayloadKeepsRecipient(t *testing.T) {
	t.Parallel()
	group := types.NewJID("120363000000000001", types.GroupServer)
	raw, err := whatsmeow.PayloadFor(group, &waE2E.Message{Conversation: proto.String("x")})
	if err != nil {
		t.Fatal(err)
	}
	to, m, err := whatsmeow.ReadPayload(raw)
	if err != nil || to != group || m.GetConversation() != "x" {
		t.Errorf("got %v, %v, %v", to, m, err)
	}
	if _, _, err := whatsmeow.ReadPayload([]byte("\xff\xff")); err == nil {
		t.Error("garbage was read")
	}
}

func future(m *waE2E.Message) *waE2E.FutureProofMessage { return &waE2E.FutureProofMessage{Message: m} }

func TestDecode(t *testing.T) {
	t.Parallel()
	hello := &waE2E.Message{Conversation: proto.String("hello")}
	deep := hello
	for range 20 {
		deep = &waE2E.Message{EphemeralMessage: future(deep)}
	}
	tests := []struct {
		name string
		give *waE2E.Message
		kind string
		body string
		ok   bool
	}{
		{"plain", hello, wa.KindText, "hello", true},
		{"extended", &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("hello")}}, wa.KindText, "hello", true},
		{"disappearing", &waE2E.Message{EphemeralMessage: future(hello)}, wa.KindText, "hello", true},
		{"view once in disappearing", &waE2E.Message{EphemeralMessage: future(&waE2E.Message{ViewOnceMessageV2: future(hello)})}, wa.KindText, "hello", true},
		{"disappearing in view once", &waE2E.Message{ViewOnceMessage: future(&waE2E.Message{EphemeralMessage: future(hello)})}, wa.KindText, "hello", true},
		{"own phone", &waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{Message: hello}}, wa.KindText, "hello", true},
		{"image", &waE2E.Message{ImageMessage: &waE2E.ImageMessage{}}, wa.KindUnknown, "", true},
		{"reaction", &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Text: proto.String("x")}}, wa.KindUnknown, "", true},
		{"empty text", &waE2E.Message{Conversation: proto.String("  ")}, wa.KindUnknown, "", true},
		{"NUL", &waE2E.Message{Conversation: proto.String("a\x00b")}, wa.KindText, "ab", true},
		{"direction marks stay", &waE2E.Message{Conversation: proto.String("a\u202eb")}, wa.KindText, "a\u202eb", true},
		{"endless", &waE2E.Message{Conversation: proto.String(strings.Repeat("é", wa.MaxTextLength+9))}, wa.KindText, strings.Repeat("é", wa.MaxTextLength), true},
		{"only keys", &waE2E.Message{SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{}}, "", "", false},
		{"protocol", &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{}}, "", "", false},
		{"edit", &waE2E.Message{EditedMessage: future(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{}})}, "", "", false},
		{"nothing", &waE2E.Message{}, "", "", false},
		{"nil", nil, "", "", false},
		{"bottomless", deep, "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			kind, content, _, _, ok := whatsmeow.Decode(tt.give)
			body := ""
			if text, isText := content.(wa.Text); isText {
				body = text.Body
			}
			if ok != tt.ok || kind != tt.kind || body != tt.body {
				t.Errorf("got %t, %q, %.20q; want %t, %q, %.20q", ok, kind, body, tt.ok, tt.kind, tt.body)
			}
		})
	}
}

func TestDecodeContext(t *testing.T) {
	t.Parallel()
	m := &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("x"), ContextInfo: &waE2E.ContextInfo{
		StanzaID: proto.String("ABC"), MentionedJID: []string{"15550000003@s.whatsapp.net", "rubbish@@", "99@lid", "x y@s.whatsapp.net"},
	}}}
	_, _, quoted, mentions, _ := whatsmeow.Decode(m)
	want := []types.JID{types.NewJID("15550000003", types.DefaultUserServer), types.NewJID("99", types.HiddenUserServer)}
	if diff := cmp.Diff(want, mentions); quoted != "ABC" || diff != "" {
		t.Errorf("quoted %q, mentions (-want +got)\n%s", quoted, diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x0a\x05hello"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m waE2E.Message
		if proto.Unmarshal(raw, &m) != nil {
			return
		}
		_, content, _, _, _ := whatsmeow.Decode(&m)
		if content != nil && content.Validate() != nil {
			t.Errorf("decoded content is not valid: %v", content.Validate())
		}
	})
}
