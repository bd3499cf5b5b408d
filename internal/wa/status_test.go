package wa_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"chasqui/internal/wa"
)

// table is the life of an outbound message as the design says it: for each
// status, what each signal makes of it. What is absent may not happen.
var table = map[wa.Status]map[wa.Signal]wa.Status{
	wa.Scheduled: {wa.Due: wa.Queued, wa.Cancel: wa.Cancelled, wa.Expire: wa.Expired},
	wa.Queued: {
		wa.Claim: wa.Sending, wa.Accept: wa.Sent, wa.Deliver: wa.Delivered, wa.See: wa.Read, wa.Play: wa.Played,
		wa.Reject: wa.Failed, wa.Cancel: wa.Cancelled, wa.Expire: wa.Expired,
	},
	wa.Sending: {
		wa.Accept: wa.Sent, wa.Deliver: wa.Delivered, wa.See: wa.Read, wa.Play: wa.Played,
		wa.Requeue: wa.Queued, wa.Delay: wa.RetryWait, wa.Reject: wa.Failed,
	},
	wa.RetryWait: {
		wa.Due: wa.Queued, wa.Deliver: wa.Delivered, wa.See: wa.Read, wa.Play: wa.Played,
		wa.Cancel: wa.Cancelled, wa.Expire: wa.Expired,
	},
	wa.Sent:      {wa.Deliver: wa.Delivered, wa.See: wa.Read, wa.Play: wa.Played},
	wa.Delivered: {wa.See: wa.Read, wa.Play: wa.Played},
	wa.Read:      {wa.Play: wa.Played},
	wa.Played:    {},
	wa.Failed:    {wa.Deliver: wa.Delivered, wa.See: wa.Read, wa.Play: wa.Played, wa.Redrive: wa.Queued},
	wa.Cancelled: {},
	wa.Expired:   {},
}

func TestEveryStatusMeetsEverySignal(t *testing.T) {
	t.Parallel()
	if len(table) != len(wa.Statuses()) {
		t.Errorf("the table has %d statuses, the machine %d", len(table), len(wa.Statuses()))
	}
	for _, s := range append(wa.Statuses(), wa.Received, "unknown") {
		for _, sig := range append(wa.Signals(), "unknown") {
			want, allowed := table[s][sig]
			if !allowed {
				want = s
			}
			if got, ok := s.Next(sig); got != want || ok != allowed {
				t.Errorf("%s and %s: %s, %v, want %s, %v", s, sig, got, ok, want, allowed)
			}
			move := sig.Move()
			if in := slices.Contains(move.From, s); in != allowed || allowed && move.To != want {
				t.Errorf("Move of %s disagrees with Next about %s", sig, s)
			}
		}
	}
}

func TestFinality(t *testing.T) {
	t.Parallel()
	open := []wa.Status{wa.Scheduled, wa.Queued, wa.Sending, wa.RetryWait}
	left := []wa.Status{wa.Sent, wa.Delivered, wa.Read, wa.Played}
	for _, s := range wa.Statuses() {
		if got, want := s.Final(), !slices.Contains(open, s); got != want {
			t.Errorf("%s final: %v", s, got)
		}
		if got, want := s.Left(), slices.Contains(left, s); got != want {
			t.Errorf("%s left: %v", s, got)
		}
		for _, sig := range []wa.Signal{wa.Due, wa.Claim, wa.Requeue, wa.Delay, wa.Reject, wa.Cancel, wa.Expire} {
			if to, ok := s.Next(sig); s.Final() && ok {
				t.Errorf("%s is final and %s makes it %s", s, sig, to)
			}
		}
		if _, ok := s.Next(wa.Claim); ok && s != wa.Queued {
			t.Errorf("%s can be sent", s)
		}
	}
	if !wa.Received.Final() {
		t.Error("an inbound message can go on")
	}
}

// rank is how far a message has certainly got.
func rank(s wa.Status) int {
	return slices.Index([]wa.Status{wa.Sent, wa.Delivered, wa.Read, wa.Played}, s) + 1
}

// Receipts come late, twice and in any order, between everything else.
func TestNothingLowersWhatAReceiptRaised(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]wa.Status{wa.Scheduled, wa.Queued}).Draw(t, "start")
		best := 0
		for _, sig := range rapid.SliceOf(rapid.SampledFrom(wa.Signals())).Draw(t, "signals") {
			next, ok := s.Next(sig)
			if !ok && next != s {
				t.Fatalf("%s refused %s and became %s", s, sig, next)
			}
			s = next
			if rank(s) < best {
				t.Fatalf("%s lowered the message to %s", sig, s)
			}
			best = rank(s)
		}
	})
}

// However receipts are shuffled and repeated, the highest one stands.
func TestShuffledReceiptsEndTheSame(t *testing.T) {
	t.Parallel()
	receipts := []wa.Signal{wa.Accept, wa.Deliver, wa.See, wa.Play}
	reaches := map[wa.Signal]wa.Status{wa.Accept: wa.Sent, wa.Deliver: wa.Delivered, wa.See: wa.Read, wa.Play: wa.Played}
	rapid.Check(t, func(t *rapid.T) {
		got := rapid.SliceOfN(rapid.SampledFrom(receipts), 1, 20).Draw(t, "receipts")
		want := reaches[slices.MaxFunc(got, func(a, b wa.Signal) int { return rank(reaches[a]) - rank(reaches[b]) })]
		for _, start := range []wa.Status{wa.Queued, wa.Sending} {
			s := start
			for _, sig := range got {
				s, _ = s.Next(sig)
			}
			if s != want {
				t.Fatalf("%s with %v: %s, want %s", start, got, s, want)
			}
		}
	})
}
