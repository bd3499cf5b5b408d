// Package providertest is what every provider must pass: each kind of content
// is sent under the id we gave it, or refused as unsupported, and never dropped
// in silence. A new kind without a sample fails here first.
package providertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// Line is a session that is online, and how to look at the other end.
type Line struct {
	Provider provider.Provider
	Session  provider.Session
	To       provider.Peer
	// Arrived waits until the other end has the message of a wire id, once.
	Arrived func(ctx context.Context, wireID string) error
}

const patience = 30 * time.Second

// Samples gives one valid content of every kind.
func Samples() map[string]wa.Content {
	return map[string]wa.Content{
		wa.KindText: wa.Text{Body: "Olá, mundo 👋\nsecond line"},
	}
}

// Run sends every kind of content through the line, and closes it in the end.
func Run(t *testing.T, l Line) {
	t.Helper()
	samples := Samples()
	for i, kind := range wa.Kinds() {
		content, ok := samples[kind]
		if !ok {
			t.Errorf("there is no sample of %q", kind)
			continue
		}
		t.Run(kind, func(t *testing.T) { l.kind(t, content, wireID(i)) })
	}
	t.Run("nothing", func(t *testing.T) { l.refuses(t, nil) })
	t.Run("unknown", func(t *testing.T) { l.refuses(t, alien{}) })
	t.Run("nobody", l.nobody)
	t.Run("closed", l.closed)
}

func wireID(i int) string { return fmt.Sprintf("3EB0%018X", 0xC0FFEE00+i) }

// kind sends one content twice under one id, as a repeat after a crash does.
func (l Line) kind(t *testing.T, content wa.Content, id string) {
	if err := content.Validate(); err != nil {
		t.Fatalf("the sample is not valid: %v", err)
	}
	if !l.Provider.Supports(content.Kind()) {
		l.refuses(t, content)
		return
	}
	first, second := l.send(t, content, id), l.send(t, content, id)
	if !bytes.Equal(first.Payload, second.Payload) {
		t.Error("a repeat has another content")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := l.Arrived(ctx, id); err != nil {
		t.Errorf("at the other end: %v", err)
	}
}

func (l Line) send(t *testing.T, content wa.Content, id string) provider.Ack {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ack, err := l.Session.Send(ctx, provider.Outgoing{WireID: id, To: l.To, Content: content})
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	if ack.At.IsZero() {
		t.Error("the ack has no time")
	}
	return ack
}

// refuses checks that what cannot be sent fails for good, and says why.
func (l Line) refuses(t *testing.T, content wa.Content) {
	f := l.fails(t, provider.Outgoing{WireID: wireID(1000), To: l.To, Content: content})
	if f.Class != provider.Lasting || f.Code != wa.FailContentUnsupported {
		t.Errorf("got %v, want a lasting %s", f, wa.FailContentUnsupported)
	}
}

func (l Line) nobody(t *testing.T) {
	f := l.fails(t, provider.Outgoing{WireID: wireID(1001), Content: Samples()[wa.KindText]})
	if f.Class != provider.Lasting || f.Code != wa.FailRecipientInvalid {
		t.Errorf("got %v, want a lasting %s", f, wa.FailRecipientInvalid)
	}
}

// closed checks that a closed session sends nothing and says so.
func (l Line) closed(t *testing.T) {
	l.Session.Close()
	f := l.fails(t, provider.Outgoing{WireID: wireID(1002), To: l.To, Content: Samples()[wa.KindText]})
	if f.Class != provider.NotSent {
		t.Errorf("got %v, want %s", f, provider.NotSent)
	}
	if err := l.Session.Connect(t.Context()); err == nil {
		t.Error("a closed session connected")
	}
}

func (l Line) fails(t *testing.T, m provider.Outgoing) *provider.Failure {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := l.Session.Send(ctx, m)
	var f *provider.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a *provider.Failure", err)
	}
	return f
}

// alien is a content that no provider knows.
type alien struct{}

func (alien) Kind() string    { return "alien" }
func (alien) Validate() error { return nil }
func (alien) Plain() string   { return "" }
