package whatsmeow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wm "go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/socket"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/wa"
)

func server(code int) error { return fmt.Errorf("%w %d", wm.ErrServerReturnedError, code) }

func query(code int) error {
	return fmt.Errorf("failed to get device list: %w", fmt.Errorf("failed to send usync query: %w", &wm.IQError{Code: code, Text: "x"}))
}

func TestWhatAFailedSendMeans(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	notWritten := func(err error) error { return fmt.Errorf("failed to send message node: %w", err) }
	tests := []struct {
		name      string
		err       error
		encrypted bool
		locked    time.Time
		class     provider.Class
		code      wa.FailCode
		after     time.Duration
	}{
		{"no connection", whatsmeow.ErrNotOnline, false, now, provider.NotSent, wa.FailNotConnected, 0},
		{"library not connected", wm.ErrNotConnected, false, now, provider.NotSent, wa.FailNotConnected, 0},
		{"not connected at the write", notWritten(wm.ErrNotConnected), true, now, provider.NotSent, wa.FailNotConnected, 0},
		{"socket closed at the write", notWritten(socket.ErrSocketClosed), true, now, provider.NotSent, wa.FailNotConnected, 0},
		{"write failed half-way", notWritten(errors.New("broken pipe")), true, now, provider.Ambiguous, wa.FailUnconfirmed, 0},
		{"not connected when repeating", wm.ErrNotConnected, true, now, provider.Ambiguous, wa.FailUnconfirmed, 0},
		{"no device", wm.ErrNotLoggedIn, false, now, provider.NotSent, wa.FailLoggedOut, 0},
		{"not paired", whatsmeow.ErrNotPaired, false, now, provider.NotSent, wa.FailLoggedOut, 0},
		{"line lost while asking", &wm.DisconnectedError{Action: "info query"}, false, now, provider.NotSent, wa.FailNotConnected, 0},
		{"line lost while sending", &wm.DisconnectedError{Action: "message send"}, true, now, provider.Ambiguous, wa.FailUnconfirmed, 0},
		{"line lost while repeating", &wm.DisconnectedError{Action: "message send (retry)"}, true, now, provider.Ambiguous, wa.FailUnconfirmed, 0},
		{"never answered", wm.ErrMessageTimedOut, true, now, provider.Ambiguous, wa.FailUnconfirmed, 0},
		{"caller gave up after writing", context.Canceled, true, now, provider.Ambiguous, wa.FailUnconfirmed, 0},
		{"caller gave up before", context.Canceled, false, now, provider.NotSent, wa.FailNotConnected, 0},
		{"time ran out before", context.DeadlineExceeded, false, now, provider.Passing, wa.FailProviderUnavailable, 5 * time.Second},
		{"query never answered", fmt.Errorf("x: %w", wm.ErrIQTimedOut), false, now, provider.Passing, wa.FailProviderUnavailable, 5 * time.Second},
		{"463 without time lock", server(463), true, time.Time{}, provider.Lasting, wa.FailPrivacyToken, 0},
		{"463 with time lock", server(463), true, now.Add(time.Hour), provider.Passing, wa.FailNewContact, time.Hour + time.Minute},
		{"479", server(479), true, now, provider.Passing, wa.FailSessionInvalid, 10 * time.Second},
		{"420", server(420), true, now, provider.Blocked, wa.FailRateLimited, time.Minute},
		{"429", server(429), true, now, provider.Blocked, wa.FailRateLimited, time.Minute},
		{"400", server(400), true, now, provider.Lasting, wa.FailProviderRejected, 0},
		{"491", server(491), true, now, provider.Lasting, wa.FailProviderRejected, 0},
		{"unknown 4xx", server(477), true, now, provider.Lasting, wa.FailProviderRejected, 0},
		{"500", server(500), true, now, provider.Passing, wa.FailProviderUnavailable, 30 * time.Second},
		{"503", server(503), true, now, provider.Passing, wa.FailProviderUnavailable, 30 * time.Second},
		{"query 403", query(403), false, now, provider.Lasting, wa.FailProviderRejected, 0},
		{"query 404", query(404), false, now, provider.Lasting, wa.FailProviderRejected, 0},
		{"query 419", query(419), false, now, provider.Blocked, wa.FailRateLimited, 5 * time.Minute},
		{"query 429", query(429), false, now, provider.Blocked, wa.FailRateLimited, 5 * time.Minute},
		{"query 500", query(500), false, now, provider.Passing, wa.FailProviderUnavailable, 30 * time.Second},
		{"query 530", query(530), false, now, provider.Passing, wa.FailProviderUnavailable, 30 * time.Second},
		{"no hidden address", errors.New("no LID found for 15550001111@s.whatsapp.net from server"), false, now, provider.Lasting, wa.FailNotOnWhatsApp, 0},
		{"known to be absent", whatsmeow.ErrNotOnNetwork, false, now, provider.Lasting, wa.FailNotOnWhatsApp, 0},
		{"no keys", fmt.Errorf("failed to save cached sessions: %w", whatsmeow.ErrNoCiphertext), false, now, provider.Passing, wa.FailSessionInvalid, 10 * time.Second},
		{"no session", fmt.Errorf("x: %w", wm.ErrNoSession), false, now, provider.Passing, wa.FailSessionInvalid, 10 * time.Second},
		{"lock lost", fmt.Errorf("x: %w", whatsmeow.ErrGripLost), false, now, provider.Passing, wa.FailInternal, time.Second},
		{"a device as recipient", wm.ErrRecipientADJID, false, now, provider.Lasting, wa.FailRecipientInvalid, 0},
		{"nobody", whatsmeow.ErrNobody, false, now, provider.Lasting, wa.FailRecipientInvalid, 0},
		{"unknown server", fmt.Errorf("%w x", wm.ErrUnknownServer), false, now, provider.Lasting, wa.FailRecipientInvalid, 0},
		{"broadcast list", wm.ErrBroadcastListUnsupported, false, now, provider.Lasting, wa.FailRecipientInvalid, 0},
		{"not in group", fmt.Errorf("failed to get group members: %w", wm.ErrNotInGroup), false, now, provider.Lasting, wa.FailGroupUnavailable, 0},
		{"no group", fmt.Errorf("failed to get group members: %w", wm.ErrGroupNotFound), false, now, provider.Lasting, wa.FailGroupUnavailable, 0},
		{"unsupported", whatsmeow.ErrUnsupported, false, now, provider.Lasting, wa.FailContentUnsupported, 0},
		{"database", errors.New("failed to prefetch sessions: connection refused"), false, now, provider.Passing, wa.FailInternal, 5 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := whatsmeow.Classify(tt.err, tt.encrypted, tt.locked, now)
			if f.Class != tt.class || f.Code != tt.code || f.After != tt.after {
				t.Errorf("got %s, %s, after %v; want %s, %s, after %v", f.Class, f.Code, f.After, tt.class, tt.code, tt.after)
			}
			if !errors.Is(f, tt.err) {
				t.Error("the cause is lost")
			}
			if !slices.Contains(wa.FailCodes(), f.Code) {
				t.Errorf("%s is not in the catalogue", f.Code)
			}
			if strings.Contains(f.Error(), "15550001111") || strings.Contains(f.Provider.Raw, "15550001111") {
				t.Errorf("a phone number shows: %v, %s", f, f.Provider.Raw)
			}
		})
	}
}

func TestServersNumberIsKept(t *testing.T) {
	t.Parallel()
	f := whatsmeow.Classify(server(463), true, time.Time{}, time.Now())
	want := wa.ProviderError{Name: "server_error", Code: "463", Raw: "server returned error 463"}
	if f.Provider != want {
		t.Errorf("got %+v, want %+v", f.Provider, want)
	}
}
