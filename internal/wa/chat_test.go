package wa_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"chasqui/internal/wa"
)

func TestInChat(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ñ", 200)
	for text, want := range map[string]string{
		"Hello":                              "Hello",
		" two\n\n  lines \t ":                "two lines",
		long:                                 strings.Repeat("ñ", wa.MaxPreview-1) + "…",
		strings.Repeat("ñ", wa.MaxPreview):   strings.Repeat("ñ", wa.MaxPreview),
		strings.Repeat("word ", 20_000):      strings.TrimSpace(strings.Repeat("word ", 32))[:wa.MaxPreview-1] + "…",
		strings.Repeat(" ", 60_000) + "late": "",
		"<b>x</b>":                           "<b>x</b>",
	} {
		m := wa.Message{ID: wa.NewMessageID(), Origin: wa.FromContact, Status: wa.Received}
		m.SetContent(wa.Text{Body: text})
		got := m.InChat()
		if got.Preview != want || utf8.RuneCountInString(got.Preview) > wa.MaxPreview || got.ID != m.ID {
			t.Errorf("%.40q is shown as %q, want %q", text, got.Preview, want)
		}
	}
	code := wa.Message{Origin: wa.FromSignIn}
	code.SetContent(wa.Text{Body: "123456"})
	if got := code.InChat().Preview; strings.Contains(got, "123456") {
		t.Errorf("a one-time code is shown: %q", got)
	}
	if got := (wa.Message{Type: wa.KindUnknown}).InChat().Preview; got != "" {
		t.Errorf("what cannot be read is shown as %q", got)
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, push, phone, want string }{
		{"Ana", "anita", "+5511", "Ana"}, {"", "anita", "+5511", "anita"}, {"", "", "+5511", "+5511"}, {"", "", "", ""},
	} {
		if got := (wa.Chat{Phone: wa.Phone(c.phone)}).Named(c.name, c.push).Name; got != c.want {
			t.Errorf("%+v is named %q", c, got)
		}
	}
}
