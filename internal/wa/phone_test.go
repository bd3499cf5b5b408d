package wa_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

func TestParsePhone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]wa.Phone{
		"+5511987654321":                 "+5511987654321",
		"5511987654321":                  "+5511987654321",
		"005511987654321":                "+5511987654321",
		"00 55 11 98765-4321":            "+5511987654321",
		"  +55 (11) 98765-4321 \n":       "+5511987654321",
		"+1 650.253.0000":                "+16502530000",
		"+1/650/253/0000":                "+16502530000",
		"\u202a+1 650 253 0000\u202c":    "+16502530000", // as copied from a phone's contacts
		"+1\u00a0650\u2011253\u20110000": "+16502530000",
		"+15550001001":                   "+15550001001", // no number of the plan, yet possible
		"+44 (0)20 7946 0018":            "+442079460018",
		"+52 1 55 1234 5678":             "+5215512345678",
		"+52 55 1234 5678":               "+525512345678",
		"+39 06 1234 5678":               "+390612345678",
		"+٩١ ٩٨٧٦٥ ٤٣٢١٠":                "+919876543210",
		"＋８１９０１２３４５６７８":                  "+819012345678",
	} {
		if got, err := wa.ParsePhone(in); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"57000000000000", "810010000000000000", "+521 551234567890", "", " ", "+", "++", "0", "00", "+0", "abc", "hello world", "-1", "+1", "+12", "+1234567", "+1 2530000", "+999 123456789",
		"+15555555555555555555", "11987654321x", "+1 800 FLOWERS", "1-800-MICROSOFT", "+16502530000;ext=12", "+16502530000 ext. 12",
		"+16502530000x12", "+16502530000#12", "+16502530000,,12", "tel:+16502530000", "+16502530000;phone-context=example.com",
		"5511987654321:12", "5511987654321@s.whatsapp.net", "*31#", "+1650253\x000000", "+1650253\n0000", "\xff\xfe", "＋", "٠",
		"' OR 1=1 --", "../../etc/passwd", strings.Repeat("1", 41), strings.Repeat("1", 81), strings.Repeat("+", 40), strings.Repeat("1", 1<<20),
		"+1 650 253 0000 / +1 650 253 0001", "NaN", "1e10", "0x1650253", "{{7*7}}",
	} {
		if got, err := wa.ParsePhone(in); err == nil || got != "" || wa.CodeOf(err) != wa.Invalid || fields(err)[0] != "to" {
			t.Errorf("%.60q was read as %q, %v", in, got, err)
		}
	}
}

func TestAPhoneShowsFourDigitsInLogs(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	p := wa.Phone("+5511987654321")
	slog.New(slog.NewJSONHandler(&logs, nil)).Info("sent", "to", p, slog.Group("g", "phone", p))
	slog.New(slog.NewTextHandler(&logs, nil)).Info("sent", "to", p)
	if strings.Contains(logs.String(), "98765") || strings.Count(logs.String(), "…4321") != 3 {
		t.Errorf("logged %s", logs.String())
	}
	for in, want := range map[wa.Phone]string{"": "…", "+1": "…", "+123": "…", "+1234": "…1234", "+5511987654321": "…4321"} {
		if got := in.Masked(); got != want {
			t.Errorf("%q masked is %q, want %q", string(in), got, want)
		}
	}
	if got := p.Digits(); got != "5511987654321" {
		t.Errorf("digits %q", got)
	}
}

func TestParseAddress(t *testing.T) {
	t.Parallel()
	con, chat := wa.NewContactID().String(), wa.NewChatID().String()
	for in, want := range map[string]wa.Address{
		"+55 11 98765-4321":                {Kind: wa.ToPhone, Value: "+5511987654321"},
		"5511987654321@s.whatsapp.net":     {Kind: wa.ToPhone, Value: "+5511987654321"},
		"22507012345678@s.whatsapp.net":    {Kind: wa.ToPhone, Value: "+22507012345678"}, // as it was before its plan changed
		"5511987654321@c.us":               {Kind: wa.ToPhone, Value: "+5511987654321"},
		"123456789012345@lid":              {Kind: wa.ToLID, Value: "123456789012345"},
		"120363012345678901@g.us":          {Kind: wa.ToGroup, Value: "120363012345678901"},
		" 5511987654321-1600000000@g.us\n": {Kind: wa.ToGroup, Value: "5511987654321-1600000000"},
		con:                                {Kind: wa.ToContact, Value: con},
		chat:                               {Kind: wa.ToChat, Value: chat},
	} {
		if got, err := wa.ParseAddress(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "\t", "@", "@lid", "@g.us", "@s.whatsapp.net", "5511987654321@", "5511987654321@S.WHATSAPP.NET", "5511987654321@evil.example",
		"5511987654321@s.whatsapp.net@evil", "+5511987654321@s.whatsapp.net", "0511987654321@c.us", "1234@c.us", "1234567890123456@c.us", "5511987654321:3@s.whatsapp.net", "5511987654321.0:3@s.whatsapp.net", "12345:1@lid",
		"status@broadcast", "123@newsletter", "1234@lid", "123456789012345678901@lid", "12345x@lid", "-123456@g.us", "12345-@g.us",
		"1-2-3@g.us", "+5511987654321@g.us", "con_", "con_x", "chat_00000000000000000000000000", "msg_" + con[4:], "con_" + chat[5:] + "0",
		strings.ToUpper(con), strings.Repeat("9", 1<<20) + "@lid", "con_" + strings.Repeat("a", 1<<20), "\x00@lid", "12345\n@lid", "１２３４５６@lid",
	} {
		got, err := wa.ParseAddress(in)
		if err == nil || got != (wa.Address{}) || wa.CodeOf(err) != wa.Invalid || fields(err)[0] != "to" {
			t.Errorf("%.60q was read as %+v, %v", in, got, err)
		}
	}
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{4,14}$`)

func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"+5511987654321", "00 44 20 7946 0018", "tel:+1-650-253-0000;ext=9", "＋８１", "+1 800 FLOWERS", "+39 0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := wa.ParsePhone(s)
		if err != nil {
			if p != "" || wa.CodeOf(err) != wa.Invalid {
				t.Fatalf("%q: %q, %v", s, p, err)
			}
			return
		}
		if !e164.MatchString(string(p)) {
			t.Fatalf("%q was read as %q", s, p)
		}
		if again, err := wa.ParsePhone(string(p)); err != nil || again != p {
			t.Fatalf("%q was read as %q, and that as %q, %v", s, p, again, err)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"+5511987654321", "5511987654321@s.whatsapp.net", "1@lid", "120363012345678901@g.us", "con_01h455vb4pex5vsknk084sn02q", "chat_"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := wa.ParseAddress(s)
		if err != nil {
			if a != (wa.Address{}) || wa.CodeOf(err) != wa.Invalid {
				t.Fatalf("%q: %+v, %v", s, a, err)
			}
			return
		}
		form := map[wa.AddressKind]string{wa.ToPhone: "%@s.whatsapp.net", wa.ToContact: "%", wa.ToChat: "%", wa.ToLID: "%@lid", wa.ToGroup: "%@g.us"}[a.Kind]
		text := strings.Replace(form, "%", strings.TrimPrefix(a.Value, "+"), 1)
		if again, err := wa.ParseAddress(text); err != nil || again != a {
			t.Fatalf("%q was read as %+v, and %q as %+v, %v", s, a, text, again, err)
		}
	})
}
