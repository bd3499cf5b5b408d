package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestParallelClaimsOfOneOwner breaks the rule that one loop claims for a
// client: still only one message may leave.
func TestParallelClaimsOfOneOwner(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.queued(8)
	won := parallel(8, func(int) bool {
		_, err := s.claim(0, wa.Normal)
		return err == nil
	})
	if won != 1 {
		t.Errorf("%d claims succeeded at once", won)
	}
	if n := get[int](s, `SELECT count(*) FROM messages WHERE status = 'sending'`); n != 1 {
		t.Errorf("%d in flight", n)
	}
}

// parallel runs fn n times at once and counts the successes.
func parallel(n int, fn func(i int) bool) (won int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			if fn(i) {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	close(start)
	wg.Wait()
	return won
}

// TestClaimAgainstTakeover has the old owner claim at the moment another worker
// takes the client: whoever comes first, a claim of the old epoch never follows
// the new one.
func TestClaimAgainstTakeover(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.in(func(tx *store.Tx) error {
		_, err := tx.Desire(t.Context(), s.org, s.client, wa.WantConnected)
		return err
	})
	s.queued(60)
	slots := []store.Slot{s.slot(), s.slot()}
	epoch := int64(0)
	for round := range 40 {
		s.exec(`UPDATE clients SET slot = NULL`)
		s.exec(`UPDATE messages SET status = 'queued' WHERE status = 'sending'`)
		old, taken := epoch, make(chan int64, 1)
		claimed := parallel(2, func(i int) bool {
			if i == 0 {
				_, err := s.claim(old, wa.Normal)
				return err == nil
			}
			for { // a client in the middle of a claim is passed over
				rows := mustSystem(s, func(tx *store.Tx) ([]store.ClientRow, error) {
					return tx.ClaimClients(t.Context(), slots[round%2], 10, false)
				})
				if len(rows) == 1 {
					taken <- rows[0].Epoch
					return false
				}
			}
		})
		epoch = <-taken
		// What the new owner sees once it owns is all there is.
		flying := must(s, func(tx *store.Tx) ([]store.Claimed, error) { return tx.InFlight(t.Context(), s.org, s.client) })
		if len(flying) != claimed {
			t.Fatalf("round %d: %d in flight after %d claims", round, len(flying), claimed)
		}
		if _, err := s.claim(old, wa.Normal); wa.CodeOf(err) != wa.NotFound {
			t.Fatalf("round %d: the old owner claims after the takeover: %v", round, err)
		}
	}
}

// TestTakeoverWaitsForTheClaim holds a claim open: the takeover must not pass
// it, else the new owner would not see the message in flight.
func TestTakeoverWaitsForTheClaim(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.in(func(tx *store.Tx) error {
		_, err := tx.Desire(t.Context(), s.org, s.client, wa.WantConnected)
		return err
	})
	s.queued(1)
	slot := s.slot()
	claimed, done := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		s.in(func(tx *store.Tx) error {
			_, err := tx.Claim(t.Context(), s.org, s.client, 0, wa.Lanes(), false)
			close(claimed)
			<-done
			return err
		})
	})
	<-claimed
	// The client is locked: it is passed over, not taken.
	rows := mustSystem(s, func(tx *store.Tx) ([]store.ClientRow, error) { return tx.ClaimClients(t.Context(), slot, 10, true) })
	if len(rows) != 0 {
		t.Errorf("taken over in the middle of a claim: %v", rows)
	}
	close(done)
	wg.Wait()
	rows = mustSystem(s, func(tx *store.Tx) ([]store.ClientRow, error) { return tx.ClaimClients(t.Context(), slot, 10, true) })
	if len(rows) != 1 || rows[0].Epoch != 1 {
		t.Errorf("taken over: %v", rows)
	}
}

// TestCancelAgainstClaim lets both go for the same message.
func TestCancelAgainstClaim(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 40 {
		m := s.queued(1)[0]
		won := parallel(2, func(i int) bool {
			if i == 0 {
				c, err := s.claim(0, wa.Normal)
				return err == nil && c.ID == m.ID
			}
			var ok bool
			err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) (err error) {
				ok, err = tx.Cancel(t.Context(), s.org, m.ID)
				return err
			})
			return err == nil && ok
		})
		if won != 1 {
			t.Fatalf("%d of claim and cancel won", won)
		}
		if s.message(m.ID).Status == wa.Sending {
			s.sent(m.ID)
		}
	}
}

// TestALockedHeadIsWaitedFor rolls a cancel back while a claim is under way: the
// second message must not overtake the first.
func TestALockedHeadIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	messages := s.queued(2)
	locked, claiming := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error {
			if _, err := tx.Cancel(t.Context(), s.org, messages[0].ID); err != nil {
				return err
			}
			close(locked)
			<-claiming
			return errRollback
		})
		if !errors.Is(err, errRollback) {
			t.Error(err)
		}
	})
	<-locked
	result := make(chan store.Claimed, 1)
	wg.Go(func() {
		c, err := s.claim(0, wa.Normal)
		if err != nil {
			t.Error(err)
		}
		result <- c
	})
	testkit.Eventually(t, 10*time.Second, "the claim waits for the lock", func() bool {
		return len(result) == 1 || get[int](s, `
			SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
	})
	close(claiming)
	wg.Wait()
	if c := <-result; c.ID != messages[0].ID {
		t.Errorf("claimed %s, want the first, %s", c.ID, messages[0].ID)
	}
}

// TestReceiptRacesWithTheAnswer has a receipt and the server's answer arrive at
// once: whichever comes first, both are kept.
func TestReceiptRacesWithTheAnswer(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 30 {
		m := s.queued(1)[0]
		if _, err := s.claim(0, wa.Normal); err != nil {
			t.Fatal(err)
		}
		var sent time.Time
		parallel(2, func(i int) bool {
			err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) (err error) {
				if i == 0 {
					sent, _, err = tx.FinishSent(t.Context(), s.org, m.ID, time.Minute, []byte("wire"), "taken")
				} else {
					_, err = tx.Receipt(t.Context(), s.org, s.client, []string{m.WireID}, wa.See, time.Now())
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return true
		})
		got := s.message(m.ID)
		payload := must(s, func(tx *store.Tx) ([]byte, error) { return tx.Payload(t.Context(), s.org, s.client, m.WireID) })
		if got.Status != wa.Read || !got.SentAt.Equal(sent) || time.Since(sent) < time.Minute || string(payload) != "wire" {
			t.Fatalf("%s, sent %v, payload %q", got.Status, got.SentAt, payload)
		}
	}
}

// TestDeleteClientAgainstClaim must not end in a deadlock.
func TestDeleteClientAgainstClaim(t *testing.T) {
	t.Parallel()
	for range 5 {
		s := newShop(t)
		s.queued(20)
		parallel(2, func(i int) bool {
			err := s.db.InOrg(context.WithoutCancel(t.Context()), s.org, func(tx *store.Tx) (err error) {
				if i == 0 {
					_, err = tx.DeleteClient(t.Context(), s.org, s.client)
				} else {
					_, err = tx.Claim(t.Context(), s.org, s.client, 0, wa.Lanes(), false)
				}
				return err
			})
			if err != nil && wa.CodeOf(err) != wa.NotFound {
				t.Error(err)
			}
			return true
		})
		if n := get[int](s, `SELECT count(*) FROM messages WHERE status = 'queued'`); n != 0 {
			t.Errorf("%d still wait for a client that is gone", n)
		}
	}
}
