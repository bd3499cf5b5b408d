package api_test

import (
	"encoding/base64"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	qrcode "github.com/skip2/go-qrcode"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

const (
	qrPath = "/api/v1/clients/{client}/qr"
	qrText = "2@abcdefghijklmnopqrstuvwxyz0123456789,ABCDEFGHIJKLMNOPQRSTUVWXYZ=,0123456789abcdefghijklmnopqrstuvwxyz=,AbCdEfGhIjKlMnOp="
)

// startPairing begins an attempt, as the verb does when somebody asks for it.
func (w *world) startPairing(t *testing.T, method wa.PairMethod) {
	t.Helper()
	w.inOrg(t, func(tx *store.Tx) error { return tx.StartPairing(t.Context(), w.org.ID, w.client.ID, method, "") })
}

// showCode gives the attempt a code, as the worker does.
func (w *world) showCode(t *testing.T, code string) {
	t.Helper()
	w.inOrg(t, func(tx *store.Tx) error {
		return tx.SetPairingCode(t.Context(), w.org.ID, w.client.ID, code, time.Now().Add(time.Minute))
	})
}

func TestQRInFourForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startPairing(t, wa.PairQR)
	w.showCode(t, qrText)
	get := func(accept, query string) reply {
		return w.do(t, call{method: "GET", path: qrPath + query, key: w.admin, header: map[string]string{"Accept": accept}})
	}
	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json", "application/json": "application/json", "text/html, */*;q=0.8": "application/json",
		"image/png": "image/png", "image/avif,image/webp,image/*;q=0.8,*/*;q=0.5": "image/png",
		"text/plain": "text/plain; charset=utf-8", "text/plain;q=0.5, image/png": "image/png", "application/xml": "application/json",
	} {
		if r := get(accept, ""); r.status != http.StatusOK || r.header.Get("Content-Type") != want || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Accept %q: %d %v, want %s", accept, r.status, r.header, want)
		}
	}
	j := decode[map[string]any](t, get("application/json", "").body)
	if j["qr"] != qrText || j["method"] != "qr" || j["status"] != "new" || j["expires_at"] == nil || j["code"] != nil {
		t.Errorf("JSON: %v", j)
	}
	picture, err := png.Decode(strings.NewReader(get("image/png", "?size=512").body))
	if err != nil || picture.Bounds().Dx() != 512 {
		t.Errorf("PNG: %v", err)
	}
	if r := get("image/png", "?size=5000"); r.status != http.StatusUnprocessableEntity {
		t.Errorf("size=5000: %d", r.status)
	}
	if r := get("text/plain", "?raw=1"); strings.TrimSpace(r.body) != qrText {
		t.Errorf("raw: %s", r.body)
	}
	checkDrawing(t, get("text/plain", "").body)
}

// checkDrawing reads the drawing back: a block is light, because terminals are
// dark, and each line holds two rows.
func checkDrawing(t *testing.T, drawing string) {
	t.Helper()
	code, err := qrcode.New(qrText, qrcode.Low)
	if err != nil {
		t.Fatal(err)
	}
	want := code.Bitmap()
	lines := strings.Split(strings.TrimSuffix(drawing, "\n"), "\n")
	if len(lines) != (len(want)+1)/2 {
		t.Fatalf("%d lines for %d rows", len(lines), len(want))
	}
	for y, line := range lines {
		for x, r := range []rune(line) {
			upper, lower := r == ' ' || r == '▄', r == ' ' || r == '▀'
			if upper != want[2*y][x] || (2*y+1 < len(want) && lower != want[2*y+1][x]) {
				t.Fatalf("line %d, column %d is %q", y, x, r)
			}
		}
	}
}

func TestQRWaitsForTheFirstCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startPairing(t, wa.PairQR)
	done := make(chan reply, 1)
	before := w.db.Stat().AcquireCount()
	go func() { done <- w.do(t, call{method: "GET", path: qrPath, key: w.admin}) }()
	// Once for the key, once to look, once to look again.
	testkit.Eventually(t, patience, "the request waits", func() bool { return w.db.Stat().AcquireCount() >= before+3 })
	w.showCode(t, qrText)
	select {
	case r := <-done:
		if r.status != http.StatusOK || !strings.Contains(r.body, qrText) {
			t.Errorf("%d %s", r.status, r.body)
		}
	case <-time.After(patience):
		t.Error("no answer")
	}
}

func TestQRWhenThereIsNone(t *testing.T) {
	t.Parallel()
	closing := make(chan struct{})
	close(closing) // the server gives up waiting at once
	w := newWorld(t, closingWith(closing))
	get := func(accept string) reply {
		return w.do(t, call{method: "GET", path: qrPath, key: w.admin, header: map[string]string{"Accept": accept}})
	}
	for _, accept := range []string{"", "image/png", "text/event-stream"} {
		if r := get(accept); r.status != http.StatusNotFound || !strings.Contains(r.body, "no pairing is under way") {
			t.Errorf("before pairing, %s: %d %s", accept, r.status, r.body)
		}
	}
	w.startPairing(t, wa.PairQR)
	r := get("image/png")
	if p := checkProblem(t, r); r.status != http.StatusNotFound || r.header.Get("Retry-After") == "" || !p.Retryable {
		t.Errorf("no code yet: %d %s", r.status, r.body)
	}
	w.startPairing(t, wa.PairCode)
	w.showCode(t, "ABCD1234")
	if r := get("application/json"); !strings.Contains(r.body, `"code":"ABCD1234"`) || strings.Contains(r.body, `"qr"`) {
		t.Errorf("code method: %s", r.body)
	}
	if r := get("text/plain"); r.body != "ABCD1234\n" {
		t.Errorf("code method as text: %q", r.body)
	}
	if r := get("image/png"); r.status != http.StatusConflict {
		t.Errorf("code method as picture: %d", r.status)
	}
	w.inOrg(t, func(tx *store.Tx) error {
		return tx.SetPasskey(t.Context(), w.org.ID, w.client.ID, []byte(`{"challenge":"QQ"}`), "XY12", time.Now().Add(time.Minute))
	})
	if r := get("application/json"); !strings.Contains(r.body, `"passkey":{"challenge":"QQ"}`) || !strings.Contains(r.body, `"confirm_code":"XY12"`) {
		t.Errorf("passkey: %s", r.body)
	}
	if r := w.do(t, call{method: "POST", path: "/api/v1/clients/{client}/passkey", key: w.admin, body: `{"response":{"id":"x"}}`}); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"location":"body.response"`) {
		t.Errorf("an answer without its parts: %d %s", r.status, r.body)
	}
	said := base64.RawURLEncoding.EncodeToString([]byte(`{"type":"webauthn.get","challenge":"QQ","origin":"https://web.whatsapp.com"}`))
	answer := `{"response":{"id":"QQ","rawId":"QQ","type":"public-key","response":{"clientDataJSON":"` + said + `","authenticatorData":"QQ","signature":"QQ"}}}`
	for path, body := range map[string]string{"/passkey": answer, "/passkey/confirm": ""} {
		if r := w.do(t, call{method: "POST", path: "/api/v1/clients/{client}" + path, key: w.admin, body: body}); r.status != http.StatusNoContent {
			t.Errorf("POST %s: %d %s", path, r.status, r.body)
		}
	}
	w.inOrg(t, func(tx *store.Tx) error { return tx.FailPairing(t.Context(), w.org.ID, w.client.ID, "no phone came") })
	if r := get(""); r.status != http.StatusConflict || !strings.Contains(r.body, "no phone came") {
		t.Errorf("failed: %d %s", r.status, r.body)
	}
}

// TestQRStream follows two pairings, one to its failure and one to success.
func TestQRStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startPairing(t, wa.PairQR)
	s := w.stream(t, call{method: "GET", path: qrPath, key: w.admin, header: map[string]string{"Accept": "text/event-stream"}})
	w.showCode(t, "code-1")
	s.expect(t, "qr", `"qr":"code-1"`)
	w.showCode(t, "code-2")
	s.expect(t, "qr", `"qr":"code-2"`)
	w.inOrg(t, func(tx *store.Tx) error {
		return tx.SetPasskey(t.Context(), w.org.ID, w.client.ID, []byte(`{"challenge":"QQ"}`), "", time.Now().Add(time.Minute))
	})
	s.expect(t, "passkey", `"passkey":{"challenge":"QQ"}`)
	w.inOrg(t, func(tx *store.Tx) error {
		return tx.FailPairing(t.Context(), w.org.ID, w.client.ID, "nobody scanned")
	})
	s.expect(t, "failed", `"reason":"nobody scanned"`)
	s.expectEnd(t)

	w.startPairing(t, wa.PairCode)
	s = w.stream(t, call{method: "GET", path: qrPath, key: w.admin, header: map[string]string{"Accept": "text/event-stream"}})
	w.showCode(t, "ABCD1234")
	s.expect(t, "code", `"code":"ABCD1234"`)
	w.exec(t, `UPDATE clients SET status = 'connected', jid = '5511987654321:1@s.whatsapp.net' WHERE id = $1`, w.client.ID.UUID())
	w.inOrg(t, func(tx *store.Tx) error { return tx.EndPairing(t.Context(), w.org.ID, w.client.ID) })
	s.expect(t, "paired", `"status":"connected"`)
	s.expectEnd(t)
}
