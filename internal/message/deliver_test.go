package message_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/guard"
	"chasqui/internal/message"
	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func TestAMessageIsSentAndWrittenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.send(1, "hello", wa.Normal)
	h := w.deliver()
	m := w.await(id, wa.Sent)
	if m.SentAt == nil || m.Attempts != 1 {
		t.Errorf("sent at %v after %d attempts", m.SentAt, m.Attempts)
	}
	got := h.seen()
	if len(got) != 1 || got[0].wire != m.WireID || got[0].body != "hello" || got[0].to.Phone != wa.Phone(person(1)) {
		t.Errorf("the network saw %+v", got)
	}
	if diff := cmp.Diff([]string{"message.queued", "message.sending", "message.sent"}, w.events()); diff != "" {
		t.Error(diff)
	}
	payload, err := w.Recall(t.Context(), w.client, m.WireID)
	if err != nil || string(payload) != "sent "+m.WireID {
		t.Errorf("recalled %q, %v", payload, err)
	}
	if n := w.sql(`SELECT FROM chats WHERE id = $1 AND last_message_at IS NOT NULL`, m.ChatID.UUID()); n != 1 {
		t.Error("the conversation was not touched")
	}
}

// Each lane is first in, first out; urgent goes before all, and three normal
// messages go for one of bulk.
func TestOrderOfTheLanes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 9 {
		w.send(i, fmt.Sprint("bulk ", i), wa.Bulk)
		w.send(i, fmt.Sprint("normal ", i), wa.Normal)
	}
	for i := range 3 {
		w.send(i, fmt.Sprint("urgent ", i), wa.Urgent)
	}
	h := w.deliver()
	testkit.Eventually(t, patience, "all sent", func() bool { return len(h.seen()) == 21 })
	got := h.bodies()
	if diff := cmp.Diff([]string{"urgent 0", "urgent 1", "urgent 2"}, got[:3]); diff != "" {
		t.Error(diff)
	}
	bulk := 0
	for i, body := range got[3:15] {
		var n int
		if _, err := fmt.Sscanf(body, "bulk %d", &n); err == nil {
			bulk++
		}
		if want := (i + 1) / 4; bulk < want-1 || bulk > want+1 {
			t.Errorf("%d bulk messages among the first %d", bulk, i+1)
		}
	}
	for _, lane := range []string{"bulk", "normal"} {
		var order []int
		for _, body := range got {
			var n int
			if _, err := fmt.Sscanf(body, lane+" %d", &n); err == nil {
				order = append(order, n)
			}
		}
		if len(order) != 9 || !slices.IsSorted(order) {
			t.Errorf("%s went out as %v", lane, order)
		}
	}
}

// paced gives the client limits that a test can sit through: 50 times faster.
func paced(l wa.Limits) (opt func(*message.Options), limits wa.Limits) {
	return func(o *message.Options) { o.PaceFactor = 50 }, l
}

func (w *world) limit(l wa.Limits) {
	w.Helper()
	w.sql(`UPDATE clients SET limits = $2 WHERE id = $1`, w.client.ID.UUID(), l)
}

// lag is how much later than it began a sending may be seen on a busy machine.
// The pace is kept between the beginnings, so what is seen may look closer.
const lag = 25 * time.Millisecond

// The network never sees more than the limits allow, in any window, and an
// urgent message behind a backlog waits for one gap at most.
func TestPaceAsTheNetworkSeesIt(t *testing.T) {
	t.Parallel()
	opt, limits := paced(wa.Limits{Enabled: true, PerMinute: 10, PerHour: 1000, PerDay: 10000, GapMinMS: 3000, GapMaxMS: 5000})
	w := newWorld(t, opt)
	w.limit(limits)
	for i := range 25 {
		w.send(i, fmt.Sprint("bulk ", i), wa.Bulk)
	}
	h := w.deliver()
	testkit.Eventually(t, patience, "some sent", func() bool { return len(h.seen()) >= 3 })
	id := w.send(99, "urgent", wa.Urgent)
	h.wake(false)
	before := len(h.seen())
	w.await(id, wa.Sent)
	// One may have been on its way already; after that one gap, and no more.
	if ahead := slices.Index(h.bodies(), "urgent") - before; ahead > 1 {
		t.Errorf("%d bulk messages went before an urgent one", ahead)
	}
	testkit.Eventually(t, patience, "all sent", func() bool { return len(h.seen()) == 26 })
	got := h.seen()
	for i := 1; i < len(got); i++ {
		if gap := got[i].at.Sub(got[i-1].at); gap < 3*time.Second/50-lag {
			t.Errorf("a gap of %s", gap)
		}
	}
	for i := 10; i < len(got); i++ {
		if span := got[i].at.Sub(got[i-10].at); span < time.Minute/50-lag {
			t.Errorf("11 messages within %s", span)
		}
	}
}

// Typing shows within the pause that pacing demands, and never before an
// urgent message.
func TestTypingIsShownInsideTheGap(t *testing.T) {
	t.Parallel()
	opt, limits := paced(wa.Limits{Enabled: true, PerMinute: 6000, PerHour: 100000, PerDay: 100000, GapMinMS: 10000, GapMaxMS: 10001, Typing: true})
	w := newWorld(t, opt, func(o *message.Options) { o.PaceFactor = 10 })
	w.limit(limits)
	for i := range 4 {
		w.send(i, fmt.Sprint(i, strings.Repeat(" a text that takes its six seconds", 5)), wa.Normal)
	}
	no := false
	d := draft(person(9), "without", wa.Normal)
	d.Typing = &no
	w.accept(d)
	h := w.deliver()
	testkit.Eventually(t, patience, "all sent", func() bool { return len(h.seen()) == 5 })
	w.await(w.send(7, "at once", wa.Urgent), wa.Sent)
	all := h.all()
	var kinds []string
	for _, tr := range all {
		kinds = append(kinds, map[bool]string{true: "typing", false: "text"}[tr.typing])
	}
	want := []string{"typing", "text", "typing", "text", "typing", "text", "typing", "text", "text", "text"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Fatal(diff)
	}
	texts := h.seen()
	shortest := time.Hour // a busy machine stretches gaps, and typing would stretch all
	for i := 1; i < 4; i++ {
		shortest = min(shortest, texts[i].at.Sub(texts[i-1].at))
		if all[2*i].to.Phone != texts[i].to.Phone {
			t.Error("typing was shown to somebody else")
		}
	}
	if shortest > 10*time.Second/10+guard.TypingMost/10/2 {
		t.Errorf("typing stretched every gap, the shortest to %s", shortest)
	}
	if typed := texts[0].at.Sub(all[0].at); typed < guard.TypingLeast/10 {
		t.Errorf("the first was typed in %s", typed)
	}
}

// The poll's nudges do not cut the typing short.
func TestTypingTakesItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limit(wa.Limits{Enabled: true, PerMinute: 6000, PerHour: 100000, PerDay: 100000, Typing: true})
	w.send(1, "short", wa.Normal)
	h := w.deliver()
	testkit.Eventually(t, patience, "sent", func() bool { return len(h.seen()) == 1 })
	if all := h.all(); len(all) != 2 || all[1].at.Sub(all[0].at) < guard.TypingLeast-20*time.Millisecond {
		t.Errorf("the network saw %+v", all)
	}
}

func TestAHungTypistDelaysLittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limit(wa.Limits{Enabled: true, PerMinute: 6000, PerHour: 100000, PerDay: 100000, Typing: true})
	id := w.send(1, "goes without", wa.Normal)
	w.deliver(func(h *hold) {
		h.onType = func(ctx context.Context, _ provider.Peer) error { <-ctx.Done(); return ctx.Err() }
	})
	w.await(id, wa.Sent)
}

func TestLimitsChangeUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := wa.Limits{Enabled: true, PerMinute: 6000, PerHour: 100000, PerDay: 100000, GapMinMS: 600_000, GapMaxMS: 600_000}
	w.limit(slow)
	w.send(1, "first", wa.Normal)
	second := w.send(2, "second", wa.Normal)
	h := w.deliver()
	testkit.Eventually(t, patience, "the first", func() bool { return len(h.seen()) == 1 })
	testkit.Eventually(t, patience, "the gap as reason", func() (ok bool) {
		h.set(func(h *hold) { ok = h.nextWhy == wa.WaitGap })
		return ok
	})
	h.set(func(h *hold) { h.client.Limits.Enabled = false })
	w.await(second, wa.Sent)
}

// The timeline tells every step, and why a message waits for long: once.
func TestTheTimelineExplainsAWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limit(wa.Limits{Enabled: true, PerMinute: 1, PerHour: 100, PerDay: 1000})
	first, second := w.send(1, "first", wa.Urgent), w.send(2, "second", wa.Urgent)
	h := w.deliver()
	w.await(first, wa.Sent)
	steps := func(id wa.MessageID) []string {
		return w.list(`SELECT status || ': ' || regexp_replace(note, '[0-9:]{8}', 'HH:MM:SS') FROM message_events WHERE message_id = $1 ORDER BY id`, id.UUID())
	}
	held := []string{"queued: held: minute_cap, next slot HH:MM:SS UTC"}
	testkit.Eventually(t, patience, "the reason in the timeline", func() bool { return len(steps(second)) >= 1 })
	h.wake(false)
	h.wake(false)
	if diff := cmp.Diff(held, steps(second)); diff != "" {
		t.Error(diff)
	}
	went := []string{"sending: on its way to WhatsApp", "sent: WhatsApp's server took it"}
	if diff := cmp.Diff(went, steps(first)); diff != "" {
		t.Error(diff)
	}
}

func TestPauseAndHoldNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Receive(t.Context(), w.client, provider.Received{
		WireID: "IN1", From: provider.Peer{Phone: wa.Phone(person(1))}, At: time.Now(), Type: wa.KindText, Content: wa.Text{Body: "hi"},
	}))
	h := w.deliver(func(h *hold) { h.client.Paused = true })
	known, stranger := w.send(1, "a reply", wa.Normal), w.send(2, "a new chat", wa.Normal)
	time.Sleep(300 * time.Millisecond)
	if n := len(h.seen()); n != 0 {
		t.Fatalf("%d messages left a paused client", n)
	}
	h.set(func(h *hold) { h.client.Paused, h.flow = false, guard.HoldNew })
	w.await(known, wa.Sent)
	time.Sleep(300 * time.Millisecond)
	if m := w.message(stranger); m.Status != wa.Queued {
		t.Errorf("a message to a stranger is %s", m.Status)
	}
	h.set(func(h *hold) { h.flow = guard.Go })
	w.await(stranger, wa.Sent)
}

// What is under way is finished; nothing is taken afterwards.
func TestStoppingFinishesTheMessageUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.send(1, "first", wa.Normal), w.send(2, "second", wa.Normal)
	h, release := w.underWay(taken)
	stopped := make(chan struct{})
	go func() { h.stop(); close(stopped) }()
	time.Sleep(100 * time.Millisecond)
	release()
	<-stopped
	if a, b := w.message(first).Status, w.message(second).Status; a != wa.Sent || b != wa.Queued {
		t.Errorf("the first is %s, the second %s", a, b)
	}
}

// Of a claim and a cancel that come together exactly one wins.
func TestClaimAndCancelRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.deliver()
	var cancelled, late atomic.Int32
	var ids []wa.MessageID
	for i := range 60 {
		id := w.send(i, fmt.Sprint(i), wa.Normal)
		ids = append(ids, id)
		h.wake(false)
		_, err := w.Cancel(t.Context(), w.by, id)
		switch {
		case err == nil:
			cancelled.Add(1)
		case wa.CodeOf(err) == wa.Conflict:
			late.Add(1)
		default:
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, patience, "all ended", func() bool {
		return len(w.list(`SELECT id::text FROM messages WHERE status NOT IN ('sent', 'cancelled')`)) == 0
	})
	if int(late.Load()) != len(h.seen()) || int(cancelled.Load()) != len(ids)-len(h.seen()) {
		t.Errorf("%d cancelled, %d too late, %d sent", cancelled.Load(), late.Load(), len(h.seen()))
	}
	if n := w.told(wa.MessageCancelled); n != int(cancelled.Load()) {
		t.Errorf("message.canceled told %d times", n)
	}
}

func (h *hold) end() { h.cancel() }

// The next message is taken while one is under way. When the line then ends or
// closes, or the one under way fails, it goes back to where it stood, and no
// attempt is burnt.
func TestWhatWasTakenAheadGoesBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end    func(*hold)
		answer func() (provider.Ack, error)
		second wa.Status
	}{
		"stopped":    {(*hold).end, taken, wa.Sent},
		"closed":     {func(h *hold) { h.set(func(h *hold) { h.closed = true }) }, taken, wa.Sent},
		"unanswered": {(*hold).end, func() (provider.Ack, error) { return failed(provider.Ambiguous, wa.FailUnconfirmed) }, wa.Sending},
		"refused":    {(*hold).end, func() (provider.Ack, error) { return failed(provider.Lasting, wa.FailNotOnWhatsApp) }, wa.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var ids []wa.MessageID
			for i := range 4 {
				ids = append(ids, w.send(i, fmt.Sprint(i), wa.Normal))
			}
			answer := make(chan struct{})
			h := w.deliver(func(h *hold) {
				h.onSend = func(_ context.Context, m provider.Outgoing) (provider.Ack, error) {
					if m.Content.Plain() != "1" {
						return taken()
					}
					<-answer
					return c.answer()
				}
			})
			w.await(ids[2], wa.Sending) // taken ahead
			if got := h.bodies(); len(got) != 2 {
				t.Fatalf("sent %v before the second was answered", got)
			}
			c.end(h)
			close(answer)
			w.await(ids[1], c.second)
			w.await(ids[2], wa.Queued)
			if m := w.message(ids[2]); m.Attempts != 0 || len(h.seen()) != 2 {
				t.Errorf("%d attempts, %d sent", m.Attempts, len(h.seen()))
			}
			if name == "closed" {
				h.set(func(h *hold) { h.closed = false })
				w.await(ids[3], wa.Sent)
				if diff := cmp.Diff([]string{"0", "1", "2", "3"}, h.bodies()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// However fast a line is, what people read is in its order: nothing overtakes
// within a lane, not even the next message to somebody else.
func TestNothingOvertakesInAFastLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for i, to := range []int{1, 1, 2, 2, 2, 3, 1, 3, 3, 1} {
		want = append(want, fmt.Sprint(i))
		w.send(to, fmt.Sprint(i), wa.Normal)
	}
	h := w.deliver()
	testkit.Eventually(t, patience, "all", func() bool { return len(h.seen()) >= len(want) })
	if diff := cmp.Diff(want, h.bodies()); diff != "" {
		t.Error(diff)
	}
}

// Urgent messages overtake whatever else waits, on a line that never pauses too:
// only what is under way, and what was taken beside it, goes before.
func TestUrgentOvertakesInALineWithoutPauses(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]wa.Limits{
		"pacing off":   {},
		"gaps of zero": {Enabled: true, PerMinute: 6000, PerHour: 100_000, PerDay: 1_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const bulk, begun = 40, 5
			w := newWorld(t)
			for i := range bulk {
				w.send(i, fmt.Sprint(i), wa.Bulk)
			}
			h := w.deliver(func(h *hold) {
				h.client.Limits = limits
				h.onSend = func(_ context.Context, m provider.Outgoing) (provider.Ack, error) {
					if m.Content.Plain() == fmt.Sprint(begun) {
						w.send(bulk, "urgent", wa.Urgent)
						h.nudge(wa.Nudge{Source: "ring", Lanes: [3]bool{wa.Urgent: true}, At: time.Now()})
					}
					return taken()
				}
			})
			testkit.Eventually(t, patience, "all", func() bool { return len(h.seen()) > bulk })
			if at := slices.Index(h.bodies(), "urgent"); at < begun || at > begun+3 {
				t.Errorf("the urgent one went as number %d, and was accepted while number %d went", at, begun)
			}
		})
	}
}
