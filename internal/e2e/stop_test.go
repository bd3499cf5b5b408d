package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// stopWithin is the promise: nothing leaves later than that after the kill
// switch was thrown.
const stopWithin = 2 * time.Second

// Two workers send from six numbers as fast as messages come. The kill switch
// stops one number, then the org, then everything: each time the last message
// leaves within two seconds, what is accepted meanwhile waits, what people write
// arrives, and after the release everything is read once and in order.
func TestKillSwitch(t *testing.T) {
	t.Parallel()
	s := newStack(t, whatsim.Options{})
	s.start("worker")
	s.start("worker")
	testkit.Eventually(t, patience, "two workers", func() bool { return s.liveWorkers() == 2 })
	clients := s.clientsOnline(6)
	if n := s.slots(clients); len(n) != 2 {
		t.Fatalf("clients by slot: %v, want both workers to hold some", n)
	}
	l := s.load(clients, 20*time.Millisecond)
	operator := wa.Actor{Name: "operator"}
	for _, k := range []struct {
		scope    wa.HaltScope
		held     []wa.Client
		on, free func() error
	}{
		{
			wa.HaltClient, clients[:1],
			func() error { return s.fleet.Halt(t.Context(), s.by, clients[0].ID, "one number misbehaves") },
			func() error { return s.fleet.Release(t.Context(), s.by, clients[0].ID) },
		},
		{
			wa.HaltOrg, clients,
			func() error { return s.fleet.Halt(t.Context(), s.by, wa.ClientID{}, "a key leaked") },
			func() error { return s.fleet.Release(t.Context(), s.by, wa.ClientID{}) },
		},
		{
			wa.HaltAll, clients,
			func() error { return s.fleet.HaltAll(t.Context(), operator, "something is very wrong") },
			func() error { return s.fleet.ReleaseAll(t.Context(), operator) },
		},
	} {
		s.flows(clients)
		s.must(k.on())
		thrown := time.Now()
		s.checkStopped(k.scope, k.held, thrown)
		if len(k.held) < len(clients) {
			s.flows(clients[1:]) // the others go on
		}
		s.checkWaits(k.scope, k.held[0].ID)
		_, err := s.sim.Write(t.Context(), whatsim.Draft{From: recipient(1), To: own(0), Text: "can you hear me, " + string(k.scope)})
		s.must(err)
		s.heard("can you hear me, " + string(k.scope))
		s.must(k.free())
	}
	s.flows(clients)
	l.check()
}

// left lists what left a client's number.
func (s *stack) left(c wa.Client) []whatsim.Message {
	return s.sim.Messages(whatsim.Query{From: strings.TrimPrefix(string(c.Phone), "+")})
}

// flows waits until each of the clients has sent something new.
func (s *stack) flows(clients []wa.Client) {
	s.t.Helper()
	before := map[wa.ClientID]int{}
	for _, c := range clients {
		before[c.ID] = len(s.left(c))
	}
	testkit.Eventually(s.t, patience, "messages leave", func() bool {
		return !slices.ContainsFunc(clients, func(c wa.Client) bool { return len(s.left(c)) == before[c.ID] })
	})
}

// checkStopped watches for longer than the promise and holds the last message of
// every number against it.
func (s *stack) checkStopped(scope wa.HaltScope, held []wa.Client, thrown time.Time) {
	s.t.Helper()
	watch := time.NewTimer(2 * stopWithin)
	defer watch.Stop()
	<-watch.C
	var last time.Duration
	for _, c := range held {
		all := s.left(c)
		if len(all) == 0 {
			s.t.Fatalf("nothing ever left %s", c.ID)
		}
		last = max(last, all[len(all)-1].Time.Sub(thrown))
	}
	s.t.Logf("%s: the last message left %s after the kill switch was thrown", scope, last)
	if last > stopWithin {
		s.t.Errorf("%s: a message left %s after the kill switch was thrown", scope, last)
	}
}

// checkWaits has a message accepted that the kill switch holds.
func (s *stack) checkWaits(scope wa.HaltScope, client wa.ClientID) {
	s.t.Helper()
	if c := s.read(client); c.Stopped != scope || c.Status != wa.ClientConnected {
		s.t.Errorf("the client is %s and stopped by %q", c.Status, c.Stopped)
	}
	var waiting []wa.Message
	s.must(s.db.InOrg(s.t.Context(), s.org.ID, func(tx *store.Tx) error {
		p, err := store.ParsePage("", store.MaxPage)
		if err != nil {
			return err
		}
		waiting, err = tx.Messages(s.t.Context(), wa.Whole(s.org.ID), store.MessageFilter{Client: client, Status: []wa.Status{wa.Queued}}, p)
		return err
	}))
	if len(waiting) == 0 {
		s.t.Fatal("nothing waits")
	}
	place, err := s.messages.Place(s.t.Context(), s.by, waiting[0])
	s.must(err)
	if place.BlockedBy == nil || *place.BlockedBy != wa.WaitStopped {
		s.t.Errorf("a waiting message's place is %+v", place)
	}
	told := slices.ContainsFunc(waiting, func(m wa.Message) bool {
		return strings.Contains(strings.Join(s.timeline(m.ID), "\n"), "held: stopped")
	})
	if !told {
		s.t.Errorf("no timeline tells of the kill switch (%s)", scope)
	}
}

// heard waits for something that a person wrote.
func (s *stack) heard(text string) {
	s.t.Helper()
	testkit.Eventually(s.t, patience, "what a person wrote", func() bool {
		return slices.ContainsFunc(s.received(), func(m wa.Message) bool { return m.Text != nil && m.Text.Body == text })
	})
}
