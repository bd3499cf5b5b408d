package webhook_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// TestOneMessagesAddressIsGone has a host turn down the addresses of some
// messages in each way there is. Each ends what goes to that address, and
// nothing else: the host's others go on, without a pause.
func TestOneMessagesAddressIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, func(_ int, rw http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/gone"):
			rw.WriteHeader(http.StatusGone)
		case strings.HasPrefix(r.URL.Path, "/enough"):
			rw.Header().Set("Webhook-Delivery", "disable")
			rw.WriteHeader(http.StatusInternalServerError)
		}
	})
	w.dispatch()
	for i := range 12 { // more than the circuit would bear
		for path, want := range map[string]wa.DeliveryStatus{"/gone": wa.DeliveryGivenUp, "/enough": wa.DeliveryGivenUp, "/here": wa.DeliveryDone} {
			m := w.callbackMessage(fmt.Sprintf("%s%s/%d", s.URL, path, i))
			w.emitAbout(m, wa.MessageSent)
			if d := w.callbackSettled(m, want); d.Attempts != 1 {
				t.Errorf("%s was called %d times", path, d.Attempts)
			}
		}
	}
}

// TestAHostThatIsAwayMissesNothing opens a host's circuit, and has another host
// found switched off as earlier versions did: callbacks are written down all the
// same, and arrive.
func TestAHostThatIsAwayMissesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	first := w.callbackMessage(s.URL + "/first")
	w.exec(`UPDATE webhook_lines SET open_until = now() + interval '30 seconds'`)
	w.emitAbout(first, wa.MessageSent)
	w.callbackSettled(first, wa.DeliveryPending)
	w.exec(`UPDATE webhook_endpoints SET enabled = false, disabled_at = now() WHERE callback`)
	w.hooks = w.service(w.db) // which knows nothing of the host
	second := w.callbackMessage(s.URL + "/second")
	w.emitAbout(second, wa.MessageSent)
	w.callbackSettled(second, wa.DeliveryPending)
	w.dispatch()
	w.pass(time.Minute)
	for _, m := range []wa.Message{first, second} {
		w.callbackSettled(m, wa.DeliveryDone)
	}
}

// callbackSettled waits until the only callback of a message stands so.
func (w *world) callbackSettled(m wa.Message, want wa.DeliveryStatus) (d webhook.CallbackDelivery) {
	w.t.Helper()
	testkit.Eventually(w.t, patience, "the callback is "+string(want), func() bool {
		all, err := w.hooks.Callbacks(w.t.Context(), w.by, m.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(all) == 1 {
			d = all[0]
		}
		return d.Status == want
	})
	return d
}

// An org's messages name so many hosts and no more; those that are known go on,
// and other orgs are not concerned.
func TestCallbackHostsAreFew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := func(by wa.Actor, host string) error {
		_, err := w.hooks.Callback(t.Context(), by, "https://"+host+".example.com/x")
		return err
	}
	for n := range webhook.MaxCallbackHosts {
		if err := at(w.by, fmt.Sprintf("h%d", n)); err != nil {
			t.Fatalf("host %d: %v", n, err)
		}
	}
	if err := at(w.by, "one-more"); wa.CodeOf(err) != wa.Invalid || !strings.Contains(err.Error(), "callback_url") {
		t.Errorf("one more: %v", err)
	}
	if err := at(w.by, "h7"); err != nil {
		t.Errorf("one that is known: %v", err)
	}
	other, _ := testkit.Org(t, w.db)
	if err := at(testkit.Actor(other.ID), "one-more"); err != nil {
		t.Errorf("another org: %v", err)
	}
}
