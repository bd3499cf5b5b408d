package fleet_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func passkeyWanted(challenge string) provider.PasskeyWanted {
	return provider.PasskeyWanted{
		Request: fmt.Appendf(nil, `{"challenge":%q,"rpId":"web.whatsapp.com"}`, challenge), ExpiresAt: time.Now().Add(time.Minute),
	}
}

// assertion is what a browser gives for a challenge on a page.
func assertion(challenge, origin string) string {
	said := fmt.Sprintf(`{"type":"webauthn.get","challenge":%q,"origin":%q}`, challenge, origin)
	return fmt.Sprintf(`{"id":"QQ","rawId":"QQ","type":"public-key","response":{"clientDataJSON":%q,"authenticatorData":"QQ","signature":"QQ","userHandle":null}}`,
		base64.RawURLEncoding.EncodeToString([]byte(said)))
}

// scanned is a client whose code is shown, and its session.
func scanned(t *testing.T) (*world, wa.ClientID, *session) {
	t.Helper()
	w := newWorld(t)
	id := w.unpaired()
	r := w.worker(w.url)
	w.must(w.pair(id, wa.PairQR, ""))
	w.awaitCode(id)
	return w, id, r.net.last(t, id)
}

// TestAnAnswerThatCannotFitIsRefusedAtOnce: whoever pasted it can paste
// another, and the attempt goes on.
func TestAnAnswerThatCannotFitIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w, id, s := scanned(t)
	w.must(s.sink.Take(t.Context(), passkeyWanted("QUJD")))
	good := assertion("QUJD", "https://web.whatsapp.com")
	for answer, want := range map[string]string{
		`"text"`:                              "must be an object",
		`{}`:                                  "lacks a part",
		strings.Replace(good, "QQ", "Q Q", 2): "lacks a part",
		strings.Replace(good, "public-key", "password", 1):          "lacks a part",
		strings.Replace(good, `"clientDataJSON":"`, `"other":"`, 1): "clientDataJSON",
		assertion("REVG", "https://web.whatsapp.com"):               "another request",
		assertion("QUJD", "https://web.whatsapp.com.evil.example"):  "web.whatsapp.com",
		assertion("QUJD", "http://web.whatsapp.com"):                "web.whatsapp.com",
		assertion("QUJD", "https://evil.example/web.whatsapp.com"):  "web.whatsapp.com",
		`{"more":"` + strings.Repeat("x", 64<<10) + `"}`:            "must be the JSON",
	} {
		err := w.AnswerPasskey(t.Context(), w.by, id, []byte(answer))
		var e *wa.Error
		if !errors.As(err, &e) || e.Code != wa.Invalid || e.Field != "response" || !strings.Contains(e.Message, want) {
			t.Errorf("%.80s: %v", answer, err)
		}
	}
	w.must(w.AnswerPasskey(t.Context(), w.by, id, []byte(good)))
	testkit.Eventually(t, patience, "the answer", func() (got bool) {
		s.read(func(s *session) { got = len(s.answers) == 1 && s.answers[0] == good })
		return got
	})
}

// TestAnotherAnswerIsPassedOn: the one before came to nothing, or WhatsApp
// asked anew.
func TestAnotherAnswerIsPassedOn(t *testing.T) {
	t.Parallel()
	w, id, s := scanned(t)
	for n, challenge := range []string{"QQ", "Qg"} {
		w.must(s.sink.Take(t.Context(), passkeyWanted(challenge)))
		if p := w.pairing(id); p.Answer != nil || p.Confirm != "" {
			t.Errorf("a new request keeps the answer %q and the code %q", p.Answer, p.Confirm)
		}
		w.must(w.AnswerPasskey(t.Context(), w.by, id, []byte(assertion(challenge, "https://web.whatsapp.com"))))
		testkit.Eventually(t, patience, "the answer", func() (got bool) {
			s.read(func(s *session) { got = len(s.answers) == n+1 })
			return got
		})
		w.must(s.sink.Take(t.Context(), provider.PasskeyWanted{Confirm: "code " + challenge, ExpiresAt: time.Now().Add(time.Minute)}))
		w.must(w.ConfirmPasskey(t.Context(), w.by, id))
		testkit.Eventually(t, patience, "the confirmation", func() (got bool) {
			s.read(func(s *session) { got = s.confirms == n+1 })
			return got
		})
	}
}
