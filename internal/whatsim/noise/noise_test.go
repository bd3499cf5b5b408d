package noise_test

import (
	"encoding/json"
	"errors"
	"testing"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/whatsim/noise"
)

func responder(t *testing.T) *noise.Responder {
	t.Helper()
	id, err := noise.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	r, err := noise.NewResponder(id, []byte{'W', 'A', 6, 3})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The tests here are not parallel: the library sets up its logger when it is first used, without a lock.
//
// The good case is every connection of the client in the tests of whatsim; here are the others.
func TestRefusesWhatIsNoHandshake(t *testing.T) {
	hello := func(key []byte) []byte {
		raw, err := proto.Marshal(&waWa6.HandshakeMessage{ClientHello: &waWa6.HandshakeMessage_ClientHello{Ephemeral: key}})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for name, frame := range map[string][]byte{"empty": nil, "short key": hello(make([]byte, 31)), "garbage": {0xff, 0xff}} {
		if _, err := responder(t).Hello(frame); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := responder(t).Hello(nil); !errors.Is(err, noise.ErrHello) {
		t.Errorf("empty hello: %v, want %v", err, noise.ErrHello)
	}
	r := responder(t)
	key := make([]byte, 32)
	key[0] = 9
	if _, err := r.Hello(hello(key)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Finish([]byte{}); err == nil {
		t.Error("a finish without keys was accepted")
	}
}

func TestIdentitySurvivesSaving(t *testing.T) {
	id, err := noise.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	var again noise.Identity
	if err := json.Unmarshal(raw, &again); err != nil || again.RootPub() != id.RootPub() {
		t.Errorf("root changed (%v)", err)
	}
	if err := json.Unmarshal([]byte(`{"root":"AA=="}`), &again); err == nil {
		t.Error("a short key was accepted")
	}
}
