package whatsmeow_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/wa"
)

func TestPairByCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.open("15550120001")
	if err := n.s.(provider.Pairer).Pair(t.Context(), wa.PairCode, "+15550120001"); err != nil {
		t.Fatal(err)
	}
	code := await[provider.PairingCode](t, n.sink, 0, nil)
	if code.Method != wa.PairCode || len(strings.ReplaceAll(code.Code, "-", "")) != 8 || time.Until(code.ExpiresAt) < 2*time.Minute {
		t.Errorf("code: got %+v", code)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := w.sim.EnterCode(ctx, "15550120001", code.Code); err != nil {
		t.Fatalf("enter the code: %v", err)
	}
	await(t, n.sink, 0, signalled(provider.Connected))
	n.send(text("15550120002", "by code"))
	n.inbox("15550120002", 1)
	if codes := all[provider.PairingCode](n.sink); len(codes) != 1 {
		t.Errorf("%d codes, want 1", len(codes))
	}
}

func TestCodesFollowOneAnotherAndEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *whatsmeow.Options) { o.FirstCode, o.NextCode = 60*time.Millisecond, 20*time.Millisecond })
	n := w.open("15550121001")
	if err := n.s.(provider.Pairer).Pair(t.Context(), wa.PairQR, ""); err != nil {
		t.Fatal(err)
	}
	end := await(t, n.sink, 0, signalled(provider.PairFailed))
	if !strings.Contains(end.Reason, "new ones") {
		t.Errorf("reason: %q", end.Reason)
	}
	seen := map[string]bool{}
	for _, c := range all[provider.PairingCode](n.sink) {
		seen[c.Code] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d codes, want 5", len(seen))
	}
	if err := n.s.Connect(t.Context()); err == nil {
		t.Error("an unpaired number connected")
	}
	// A person asks for new codes. They must have time to use them.
	n.openWith(w.provider(), "")
	n.pairQR()
}

func TestNewAttemptDropsTheOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.open("15550122001")
	if err := n.s.(provider.Pairer).Pair(t.Context(), wa.PairQR, ""); err != nil {
		t.Fatal(err)
	}
	old := await[provider.PairingCode](t, n.sink, 0, nil)
	n.pairQR()
	for _, s := range all[provider.StateChanged](n.sink) {
		if s.Signal == provider.PairFailed || s.Signal == provider.Disconnected {
			t.Errorf("the old attempt (%s…) told %s", old.Code[:20], s.Signal)
		}
	}
}

func TestDisconnectEndsPairing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.open("15550122501")
	if err := n.s.(provider.Pairer).Pair(t.Context(), wa.PairQR, ""); err != nil {
		t.Fatal(err)
	}
	await[provider.PairingCode](t, n.sink, 0, nil)
	n.s.Disconnect()
	n.s.Disconnect()
	if err := n.s.(provider.Pairer).ConfirmPasskey(t.Context()); err == nil {
		t.Error("a dropped attempt was confirmed")
	}
	n.pairQR()
}

func TestPairAgainReplacesTheDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550123001")
	first := n.jid
	n.pairQR()
	if n.jid == first {
		t.Fatalf("the device is the same: %s", first)
	}
	if got := w.devicesOf(n.phone); got != 1 {
		t.Errorf("%d devices in the store, want 1", got)
	}
	n.send(text("15550123002", "from the new device"))
	n.inbox("15550123002", 1)
}

// TestPairedIsStoredBeforeTheRestart makes the sink fail at first: the number
// must not come online before its address is stored.
func TestPairedIsStoredBeforeTheRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.open("15550124001")
	failures := 0
	n.sink.setFail(func(u provider.Update) error {
		if _, ok := u.(provider.Paired); ok && failures < 3 {
			failures++
			return errTest
		}
		return nil
	})
	n.pairQR()
	n.sink.mu.Lock()
	defer n.sink.mu.Unlock()
	for _, u := range n.sink.updates {
		switch got := u.(type) {
		case provider.Paired:
			return
		case provider.StateChanged:
			if got.Signal == provider.Connected {
				t.Fatal("online before the address was stored")
			}
		}
	}
}

func TestParallelPairingsKeepTheirIdentity(t *testing.T) {
	t.Parallel()
	before := proto.Clone(store.DeviceProps)
	w := newWorld(t)
	looks := map[string]wa.Device{
		"15550125001": {OS: "Chrome (Windows)", Platform: "chrome", Version: "10.0.1"},
		"15550125002": {OS: "Firefox (Linux)", Platform: "firefox", Version: "6.1.2"},
		"15550125003": {OS: "Acme CRM", Platform: "desktop", Version: "1.2.3"},
	}
	var all sync.WaitGroup
	for phone, look := range looks {
		n := w.open(phone)
		all.Go(func() { checkIdentity(t, w, n, look) })
	}
	all.Wait()
	if diff := cmp.Diff(before.(*waCompanionReg.DeviceProps).String(), store.DeviceProps.String()); diff != "" {
		t.Errorf("the library's own identity changed:\n%s", diff)
	}
}

func checkIdentity(t *testing.T, w *world, n *number, look wa.Device) {
	s, err := w.p.Open(t.Context(), provider.Number{Client: n.id, Org: w.org, Device: look}, n.sink)
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	if err := s.(provider.Pairer).Pair(t.Context(), wa.PairQR, ""); err != nil {
		t.Error(err)
		return
	}
	for range 20 {
		props := propsIn(t, whatsmeow.PairingSays(s))
		if props.GetOs() != look.OS || !strings.EqualFold(props.GetPlatformType().String(), look.Platform) {
			t.Errorf("%s: got %s", look.OS, props)
		}
	}
	code := await[provider.PairingCode](t, n.sink, 0, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := w.sim.Scan(ctx, code.Code, n.phone); err != nil {
		t.Errorf("scan: %v", err)
		return
	}
	await(t, n.sink, 0, signalled(provider.Connected))
}

func propsIn(t *testing.T, payload *waWa6.ClientPayload) *waCompanionReg.DeviceProps {
	t.Helper()
	var props waCompanionReg.DeviceProps
	if err := proto.Unmarshal(payload.GetDevicePairingData().GetDeviceProps(), &props); err != nil {
		t.Errorf("device props: %v", err)
	}
	return &props
}

func TestLoginPayloadHasNoIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550126001")
	if whatsmeow.PairingSays(n.s) != nil {
		t.Error("a paired number is still being paired")
	}
}

func TestCodeName(t *testing.T) {
	t.Parallel()
	for look, want := range map[wa.Device]string{
		{OS: "Chrome (Windows)"}:               "Chrome (Windows)",
		{OS: "Acme CRM", Platform: "firefox"}:  "Firefox (Linux)",
		{OS: "Acme (Windows)"}:                 "Chrome (Linux)",
		{OS: "Chrome (Windows)\n(x)"}:          "Chrome (Linux)",
		{OS: "Safari (Mac OS)", Platform: "x"}: "Safari (Mac OS)",
		{OS: "Acme CRM", Platform: "safari"}:   "Safari (Mac OS)",
		{OS: "Acme CRM", Platform: "edge"}:     "Edge (Windows)",
		{OS: "", Platform: ""}:                 "Chrome (Linux)",
	} {
		if got := whatsmeow.CodeName(look); got != want {
			t.Errorf("%+v: got %q, want %q", look, got, want)
		}
	}
}

func TestSecretOfTheCodeIsNotLogged(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	w := newWorld(t, func(o *whatsmeow.Options) { o.Log, o.Debug = log.logger(), true })
	n := w.pair("15550127001")
	n.send(text("15550127002", "private words"))
	n.write("15550127002", "more private words")
	await[provider.Received](t, n.sink, 0, nil)
	code := all[provider.PairingCode](n.sink)[0].Code
	secret := strings.Split(code, ",")[3]
	for _, s := range []string{secret, "private words", "15550127001", "15550127002"} {
		if bytes.Contains(log.bytes(), []byte(s)) {
			t.Errorf("%q is in the log", s)
		}
	}
}
