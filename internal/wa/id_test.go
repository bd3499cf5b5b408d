package wa_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

// anID is what every kind of id can do.
type anID interface {
	fmt.Stringer
	encoding.TextMarshaler
	UUID() string
	IsZero() bool
}

func TestIDsReadBackFromEveryForm(t *testing.T) {
	t.Parallel()
	id := wa.NewMessageID()

	var fromText wa.MessageID
	if err := fromText.UnmarshalText([]byte(id.String())); err != nil || fromText != id {
		t.Errorf("text: %v, %v, want %v", fromText, err, id)
	}
	raw, err := json.Marshal(map[string]any{"id": id})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ ID wa.MessageID }
	if err := json.Unmarshal(raw, &doc); err != nil || doc.ID != id {
		t.Errorf("JSON %s: %v, %v", raw, doc.ID, err)
	}
	value, err := id.Value()
	if err != nil || value != id.UUID() {
		t.Errorf("SQL value: %v, %v", value, err)
	}
	bytes16 := id.Bytes()
	for _, src := range []any{value, []byte(id.UUID()), bytes16[:]} {
		var scanned wa.MessageID
		if err := scanned.Scan(src); err != nil || scanned != id {
			t.Errorf("scanned %T: %v, %v", src, scanned, err)
		}
	}
}

func TestTheZeroIDIsNothingEverywhere(t *testing.T) {
	t.Parallel()
	var zero wa.ClientID
	if !zero.IsZero() || zero.String() != "" {
		t.Errorf("zero reads %q", zero)
	}
	if v, err := zero.Value(); v != nil || err != nil {
		t.Errorf("zero is stored as %v, %v", v, err)
	}
	used := wa.NewClientID()
	if err := used.Scan(nil); err != nil || !used.IsZero() {
		t.Errorf("NULL scanned over an id: %v, %v", used, err)
	}
	used = wa.NewClientID()
	if err := used.UnmarshalText(nil); err != nil || !used.IsZero() {
		t.Errorf("empty text: %v, %v", used, err)
	}
	var doc struct {
		ID wa.ClientID `json:"id,omitzero"`
	}
	if raw, err := json.Marshal(doc); err != nil || string(raw) != "{}" {
		t.Errorf("JSON %s, %v", raw, err)
	}
}

func TestEveryNounHasItsPrefix(t *testing.T) {
	t.Parallel()
	for prefix, id := range map[string]anID{
		"org": wa.NewOrgID(), "usr": wa.NewUserID(), "key": wa.NewKeyID(), "cli": wa.NewClientID(), "con": wa.NewContactID(),
		"chat": wa.NewChatID(), "msg": wa.NewMessageID(), "evt": wa.NewEventID(),
	} {
		if s := id.String(); !strings.HasPrefix(s, prefix+"_") || len(s) != len(prefix)+1+26 {
			t.Errorf("%s, want %s_ and 26 characters", s, prefix)
		}
		if id.UUID()[14] != '7' {
			t.Errorf("%s is no UUIDv7", id.UUID())
		}
	}
}

func TestIDsRiseWithTime(t *testing.T) {
	t.Parallel()
	ids := make([]string, 2000)
	for i := range ids {
		ids[i] = wa.NewMessageID().String()
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != len(ids) {
		t.Error("ids of one process do not rise")
	}
}

func TestForeignTextIsNoID(t *testing.T) {
	t.Parallel()
	good := wa.NewMessageID().String()
	suffix := strings.TrimPrefix(good, "msg_")
	for _, bad := range []string{
		"", "msg", "msg_", "_" + suffix, suffix, "cli_" + suffix, "message_" + suffix, "msg-" + suffix, "msg__" + suffix,
		strings.ToUpper(good), good + "0", good[:len(good)-1], " " + good, good + "\n", "msg_" + strings.Repeat("z", 26),
		"msg_" + strings.Repeat("l", 26), "msg_00000000000000000000000000", wa.NewMessageID().UUID(), "msg_\x00" + suffix[1:],
		strings.Repeat("msg_", 100_000),
	} {
		var id wa.MessageID
		if bad != "" {
			if err := id.UnmarshalText([]byte(bad)); err == nil {
				t.Errorf("%.60q was read as %v", bad, id)
			}
		}
		if err := json.Unmarshal([]byte(fmt.Sprintf("%q", "x"+bad)), &id); err == nil {
			t.Errorf("%.60q was read from JSON", "x"+bad)
		}
	}
	var id wa.ClientID
	err := id.UnmarshalText([]byte(good))
	if wa.CodeOf(err) != wa.Invalid || !strings.Contains(err.Error(), "cli_") || !id.IsZero() {
		t.Errorf("a message's id as a client's: %v, %v", id, err)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(wa.NewMessageID().String())
	f.Add("msg_00000000000000000000000000")
	f.Add("cli_01h455vb4pex5vsknk084sn02q")
	f.Add("msg_\xff")
	f.Fuzz(func(t *testing.T, s string) {
		var id wa.MessageID
		if err := id.UnmarshalText([]byte(s)); err != nil || s == "" {
			if !id.IsZero() {
				t.Fatalf("%q failed and left %v", s, id)
			}
			return
		}
		if id.IsZero() || id.String() != s {
			t.Fatalf("%q was read as %q", s, id)
		}
		if b := id.Bytes(); bytes.Equal(b[:], make([]byte, 16)) {
			t.Fatalf("%q is zero", s)
		}
	})
}
