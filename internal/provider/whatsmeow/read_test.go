package whatsmeow_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/whatsim"
)

// reads tells whoever wrote some messages that they were read.
func (n *number) reads(by provider.Peer, ids ...string) error {
	return n.s.(provider.Reader).MarkRead(n.t.Context(), by, ids, time.Now())
}

// readOn lists the messages that a phone was told were read, in order.
func (n *number) readOn(phone string, count int) (ids []string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	q := whatsim.EventQuery{Kind: whatsim.EventReceipt, Number: n.phone, Peer: phone}
	for {
		ids = nil
		events := n.w.sim.Events(q)
		for _, e := range events {
			if e.Detail == "read" {
				ids = append(ids, e.ID)
			}
		}
		if len(ids) >= count {
			return ids
		}
		if _, err := n.w.sim.WaitEvents(ctx, q, len(events)+1); err != nil {
			n.t.Fatalf("read on %s: %v", phone, ids)
		}
	}
}

// TestMarkRead tells of several messages at once, under either address.
func TestMarkRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550190001")
	const phone = "15550190002"
	ids := []string{n.write(phone, "one"), n.write(phone, "two"), n.write(phone, "three")}
	last := await(t, n.sink, 0, func(r provider.Received) bool { return r.WireID == ids[2] })
	if err := n.reads(to(phone), ids[0], ids[1]); err != nil {
		t.Fatal(err)
	}
	if got := n.readOn(phone, 2); !slices.Equal(got, ids[:2]) {
		t.Errorf("read on the phone: %v, want %v", got, ids[:2])
	}
	if err := n.reads(provider.Peer{LID: last.From.LID}, ids[2]); err != nil {
		t.Fatal(err)
	}
	if got := n.readOn(phone, 3); !slices.Equal(got, ids) {
		t.Errorf("read on the phone: %v, want %v", got, ids)
	}
}

// TestMarkReadFails lists what cannot be told, and what that means.
func TestMarkReadFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550190011")
	fails := func(name string, want provider.Class, err error) {
		t.Helper()
		if f := failureOf(t, err); f.Class != want {
			t.Errorf("%s: %v, want %s", name, f, want)
		}
	}
	fails("nobody", provider.Lasting, n.reads(provider.Peer{}, "X"))
	fails("a group", provider.Lasting, n.reads(provider.Peer{Group: "120363"}, "X"))
	fails("nothing", provider.Lasting, n.reads(to("15550190012")))
	n.s.Disconnect()
	fails("offline", provider.NotSent, n.reads(to("15550190012"), "X"))
	n.s.Close()
	fails("closed", provider.NotSent, n.reads(to("15550190012"), "X"))
}
