package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"chasqui/internal/webhook"
)

// Whatever a receiver answers, its wish to wait is not negative and has an end.
func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, s := range []string{"", "1", "-1", "99999999999999999999", "Sun, 22 Nov 2026 00:00:10 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "1e9", "0x10", "\x00", " 5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := webhook.RetryAfter(http.Header{"Retry-After": {text}}, now); got < 0 {
			t.Errorf("%q: %s", text, got)
		}
	})
}

// The header of signatures is read by receivers as Standard Webhooks has it: one
// of its parts fits, whatever is signed, and none fits anything else.
func FuzzSignature(f *testing.F) {
	f.Add([]byte("key"), "evt_1", int64(1700000000), []byte(`{}`))
	f.Add([]byte{}, "", int64(0), []byte{})
	f.Add([]byte("k"), "a.1.b", int64(-1), []byte("\n v1,x"))
	f.Fuzz(func(t *testing.T, key []byte, id string, at int64, body []byte) {
		header := webhook.Sign([][]byte{key, []byte("the other key")}, id, time.Unix(at, 0), body)
		parts := strings.Split(header, " ")
		if len(parts) != 2 {
			t.Fatalf("%q", header)
		}
		fits := func(key, body []byte) bool {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(id + "." + strconv.FormatInt(at, 10) + "." + string(body)))
			return parts[0] == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))
		}
		if !fits(key, body) || fits(key, append([]byte("x"), body...)) {
			t.Errorf("%q", header)
		}
	})
}
