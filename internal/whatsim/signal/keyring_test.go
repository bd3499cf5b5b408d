package signal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"chasqui/internal/whatsim/signal"
)

var (
	ana = signal.Address{Phone: "15550000001"}
	ben = signal.Address{Phone: "15550000002"}
)

// person is a keyring with the address under which others know it.
type person struct {
	*signal.Keyring
	at signal.Address
}

func pair() (a, b person) {
	return person{signal.NewKeyring(), ana}, person{signal.NewKeyring(), ben}
}

type ciphertext struct {
	raw   []byte
	first bool
}

func (p person) seal(t *testing.T, to person, text string) ciphertext {
	t.Helper()
	if !p.HasSession(to.at) {
		if err := p.Establish(t.Context(), to.at, to.Bundle()); err != nil {
			t.Fatal(err)
		}
	}
	raw, first, err := p.Seal(t.Context(), to.at, signal.Pad([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return ciphertext{raw, first}
}

func (p person) open(t *testing.T, from person, c ciphertext) (string, error) {
	t.Helper()
	padded, err := p.Open(t.Context(), from.at, c.first, c.raw)
	if err != nil {
		return "", err
	}
	plain, err := signal.Unpad(padded)
	return string(plain), err
}

func (p person) mustOpen(t *testing.T, from person, c ciphertext, want string) {
	t.Helper()
	if got, err := p.open(t, from, c); err != nil || got != want {
		t.Fatalf("read %q (%v), want %q", got, err, want)
	}
}

func TestConversation(t *testing.T) {
	t.Parallel()
	a, b := pair()
	for i := range 20 {
		text := fmt.Sprint("message ", i)
		b.mustOpen(t, a, a.seal(t, b, text), text)
		a.mustOpen(t, b, b.seal(t, a, text), text)
	}
	if c := a.seal(t, b, "x"); c.first {
		t.Error("still a first message after answers")
	}
}

func TestRepeatedAndReordered(t *testing.T) {
	t.Parallel()
	a, b := pair()
	one, two := a.seal(t, b, "one"), a.seal(t, b, "two")
	b.mustOpen(t, a, two, "two")
	b.mustOpen(t, a, one, "one")
	if _, err := b.open(t, a, one); !errors.Is(err, signal.ErrOldCounter) {
		t.Errorf("a repeated ciphertext: %v, want %v", err, signal.ErrOldCounter)
	}
}

// TestBothStartAtOnce is what damages sessions in the library's own decryption: every attempt with a state that does not
// fit would advance it.
func TestBothStartAtOnce(t *testing.T) {
	t.Parallel()
	a, b := pair()
	fromA, fromB := []ciphertext{a.seal(t, b, "0"), a.seal(t, b, "1")}, []ciphertext{b.seal(t, a, "0"), b.seal(t, a, "1")}
	for i := range 2 {
		a.mustOpen(t, b, fromB[i], fmt.Sprint(i))
		b.mustOpen(t, a, fromA[i], fmt.Sprint(i))
	}
	for i := range 30 {
		text := fmt.Sprint("both ", i)
		x, y := a.seal(t, b, text), b.seal(t, a, text)
		b.mustOpen(t, a, x, text)
		a.mustOpen(t, b, y, text)
	}
}

func TestFailureChangesNothing(t *testing.T) {
	t.Parallel()
	a, b := pair()
	b.mustOpen(t, a, a.seal(t, b, "hello"), "hello")
	a.mustOpen(t, b, b.seal(t, a, "hi"), "hi")
	good := a.seal(t, b, "good")
	broken := ciphertext{append([]byte(nil), good.raw...), good.first}
	broken.raw[len(broken.raw)-1] ^= 1 // the MAC
	if _, err := b.open(t, a, broken); !errors.Is(err, signal.ErrNoSession) {
		t.Errorf("a broken ciphertext: %v, want %v", err, signal.ErrNoSession)
	}
	b.mustOpen(t, a, good, "good")
	if _, err := b.open(t, a, ciphertext{[]byte("garbage"), false}); err == nil {
		t.Error("garbage was read")
	}
	stranger := person{signal.NewKeyring(), signal.Address{Phone: "15550000003", Device: 1}}
	if _, err := b.open(t, stranger, good); !errors.Is(err, signal.ErrNoSession) {
		t.Errorf("a stranger's message: %v, want %v", err, signal.ErrNoSession)
	}
}

func TestNewPhoneCannotReadOldSessions(t *testing.T) {
	t.Parallel()
	a, b := pair()
	b.mustOpen(t, a, a.seal(t, b, "hello"), "hello")
	fresh := person{signal.NewKeyring(), b.at}
	if _, err := fresh.open(t, a, a.seal(t, b, "lost")); !errors.Is(err, signal.ErrNoSession) {
		t.Errorf("got %v, want %v", err, signal.ErrNoSession)
	}
	if err := a.Establish(t.Context(), b.at, fresh.Bundle()); err != nil {
		t.Fatal(err)
	}
	fresh.mustOpen(t, a, a.seal(t, fresh, "found"), "found")
}

func TestSavedKeyringGoesOn(t *testing.T) {
	t.Parallel()
	a, b := pair()
	b.mustOpen(t, a, a.seal(t, b, "before"), "before")
	waiting := a.seal(t, b, "under way")
	raw, err := json.Marshal(b.Keyring)
	if err != nil {
		t.Fatal(err)
	}
	again := person{&signal.Keyring{}, b.at}
	if err := json.Unmarshal(raw, again.Keyring); err != nil {
		t.Fatal(err)
	}
	again.mustOpen(t, a, waiting, "under way")
	a.mustOpen(t, again, again.seal(t, a, "after"), "after")
	for _, bad := range []string{`{}`, `{"identity":"AA=="}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), &signal.Keyring{}); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestUnpadRefusesWhatIsNotPadded(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "\x00", "a\x05", "ab\x01\x02"} {
		if _, err := signal.Unpad([]byte(bad)); !errors.Is(err, signal.ErrPadding) {
			t.Errorf("%q: %v, want %v", bad, err, signal.ErrPadding)
		}
	}
	for _, text := range []string{"", "x", "\x01\x01"} {
		if got, err := signal.Unpad(signal.Pad([]byte(text))); err != nil || string(got) != text {
			t.Errorf("%q came back as %q (%v)", text, got, err)
		}
	}
}
