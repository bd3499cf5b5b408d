package wa_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/wa"
)

func parsed[I any, P interface {
	*I
	UnmarshalText([]byte) error
}](t *testing.T, text string) I {
	t.Helper()
	var id I
	if err := P(&id).UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return id
}

// The golden value may never change: a resend after an upgrade would carry
// another id, and the recipient would see the message twice.
func TestWireID(t *testing.T) {
	t.Parallel()
	client := parsed[wa.ClientID](t, "cli_01h455vb4pex5vsknk084sn02q")
	message := parsed[wa.MessageID](t, "msg_01h455vb4pex5vsknk084sn02q")
	if got, want := wa.WireID(client, message), "3EB03CA0B2E8ACD9977397"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	shape := regexp.MustCompile(`^3EB0[0-9A-F]{18}$`)
	seen := map[string]bool{}
	for range 500 {
		c, m := wa.NewClientID(), wa.NewMessageID()
		id := wa.WireID(c, m)
		if !shape.MatchString(id) || id != wa.WireID(c, m) {
			t.Fatalf("%s has the wrong shape, or changes", id)
		}
		seen[id], seen[wa.WireID(client, m)], seen[wa.WireID(c, message)] = true, true, true
	}
	if len(seen) != 1500 {
		t.Errorf("%d different ids of 1500", len(seen))
	}
}

func TestContentReadsBack(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"text"}, wa.Kinds()); diff != "" {
		t.Error(diff)
	}
	in := wa.Text{Body: "olá 👋", PreviewURL: true}
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := wa.DecodeContent(in.Kind(), raw)
	if err != nil || got != wa.Content(in) || got.Plain() != in.Body {
		t.Errorf("%s was read as %+v, %v", raw, got, err)
	}
	var m wa.Message
	if m.Content() != nil {
		t.Error("an empty message has content")
	}
	m.SetContent(in)
	if m.Type != wa.KindText || m.Content() != wa.Content(in) {
		t.Errorf("set as %q, %+v", m.Type, m.Content())
	}
	if _, err := wa.DecodeContent("hologram", raw); wa.CodeOf(err) != wa.Unsupported || !strings.Contains(err.Error(), "text") {
		t.Errorf("an unknown kind: %v", err)
	}
	if _, err := wa.DecodeContent("text", []byte(`{"body":7}`)); wa.CodeOf(err) != wa.Invalid {
		t.Errorf("broken content: %v", err)
	}
}

func TestTextValidate(t *testing.T) {
	t.Parallel()
	for body, ok := range map[string]bool{
		"x": true, " x ": true, "👋": true, strings.Repeat("é", wa.MaxTextLength): true,
		"": false, " \n\t": false, "\xff": false, "a\x00b": false, strings.Repeat("é", wa.MaxTextLength+1): false,
	} {
		err := wa.Text{Body: body}.Validate()
		if (err == nil) != ok || err != nil && fields(err)[0] != "body" {
			t.Errorf("%.20q (%d bytes): %v", body, len(body), err)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	codes := wa.FailCodes()
	if !slices.IsSorted(codes) || len(codes) < 15 {
		t.Errorf("the catalogue is not sorted or short: %v", codes)
	}
	for _, code := range codes {
		f := wa.NewFailure(code, "detail", &wa.ProviderError{Name: "x"})
		if f.Code != code || f.Title == "" || f.Detail != "detail" || f.Provider.Name != "x" {
			t.Errorf("%s: %+v", code, f)
		}
	}
	if f := wa.NewFailure("new", "", nil); f.Code != "new" || f.Title == "" {
		t.Errorf("a code outside the catalogue: %+v", f)
	}
	if wa.NewFailure(wa.FailUnconfirmed, "", nil).Retryable {
		t.Error("a message that may have arrived is offered for another try")
	}
}

func TestEventTypesAreOneTable(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^(message|contact|chat|client|platform|endpoint|delivery|webhook|org|security)\.[a-z_]+$`)
	seen := map[wa.EventType]bool{}
	for _, e := range wa.EventTypes() {
		if !shape.MatchString(string(e.Type)) || e.Description == "" || seen[e.Type] {
			t.Errorf("event %+v is malformed or twice there", e)
		}
		seen[e.Type] = true
	}
}

func TestClientStatuses(t *testing.T) {
	t.Parallel()
	for _, s := range wa.ClientStatuses() {
		if s.Online() && s.Unpaired() {
			t.Errorf("%s is online without a phone", s)
		}
		if (s.Wait() == wa.NoWait) != s.Online() {
			t.Errorf("%s: online %v, messages wait for %q", s, s.Online(), s.Wait())
		}
		if (s.Wait() == wa.WaitUnpaired) != s.Unpaired() {
			t.Errorf("%s: unpaired %v, messages wait for %q", s, s.Unpaired(), s.Wait())
		}
	}
	if got := wa.ClientTempBanned.Wait(); got != wa.WaitRestricted {
		t.Errorf("a banned number's messages wait for %q", got)
	}
}

func TestActorMay(t *testing.T) {
	t.Parallel()
	reader := wa.Actor{Scopes: []wa.Permission{wa.ReadMessages}}
	all := wa.Actor{Scopes: []wa.Permission{wa.Everything}}
	for _, p := range wa.Permissions() {
		if reader.May(p) != (p == wa.ReadMessages) || all.May(p) != wa.Grants()[p].Key || (wa.Actor{}).May(p) {
			t.Errorf("%s: reader %v, admin %v", p, reader.May(p), all.May(p))
		}
	}
}
