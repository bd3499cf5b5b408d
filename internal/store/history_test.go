package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

func (s shop) history(p store.Page) []wa.ClientChange {
	s.t.Helper()
	return must(s, func(tx *store.Tx) ([]wa.ClientChange, error) {
		return tx.ClientHistory(s.t.Context(), s.org, s.client, p)
	})
}

func (s shop) stands(to wa.Standing) {
	s.t.Helper()
	must(s, func(tx *store.Tx) (bool, error) { return tx.SetStatus(s.t.Context(), s.org, s.client, 0, to) })
}

// TestHistoryKeepsEveryChange: whatever writes a status writes a line, nothing
// else does, and the pages hold each line once.
func TestHistoryKeepsEveryChange(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	s.in(func(tx *store.Tx) error {
		if _, err := tx.SetPaired(t.Context(), s.org, s.client, 0, "jid", "491", "L1"); err != nil {
			return err
		}
		_, err := tx.SetStatus(t.Context(), s.org, s.client, 0, wa.Standing{Status: wa.ClientConnected, Reason: "Online."})
		return err
	})
	banned := wa.Standing{Status: wa.ClientTempBanned, Reason: "Too much.", Until: &until, Event: wa.ClientIsTempBanned}
	s.stands(banned)
	s.stands(banned)                           // no change
	must(s, func(tx *store.Tx) (bool, error) { // somebody else's doing
		return tx.SetStatus(t.Context(), s.org, s.client, 7, wa.Standing{Status: wa.ClientStopped})
	})
	must(s, func(tx *store.Tx) (bool, error) {
		return tx.SetUnpaired(t.Context(), s.org, s.client, 0, wa.Standing{Status: wa.ClientLoggedOut, Reason: "Gone."})
	})
	want := []wa.ClientChange{
		{Status: wa.ClientLoggedOut, Reason: "Gone."},
		{Status: wa.ClientTempBanned, Reason: "Too much.", Until: &until},
		{Status: wa.ClientConnected, Reason: "Online."},
		{Status: wa.ClientConnecting, Reason: "linked, coming online"},
		{Status: wa.ClientNew},
	}
	var got []wa.ClientChange
	for page := firstPage(t, 2); ; {
		lines := s.history(page)
		if len(lines) == 0 {
			break
		}
		last := lines[len(lines)-1]
		page.Before, page.BeforeID = last.At, last.ID
		for _, l := range lines {
			l.At, l.ID = time.Time{}, ""
			if l.Until != nil {
				end := l.Until.UTC()
				l.Until = &end
			}
			got = append(got, l)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	stranger := shopIn(t, s.db)
	lines := must(stranger, func(tx *store.Tx) ([]wa.ClientChange, error) {
		return tx.ClientHistory(t.Context(), stranger.org, s.client, firstPage(t, 9))
	})
	if len(lines) != 0 {
		t.Errorf("a stranger reads %v", lines)
	}
}

func TestSweepHistory(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.stands(wa.Standing{Status: wa.ClientConnecting})
	s.stands(wa.Standing{Status: wa.ClientStopped})
	s.exec(`UPDATE client_history SET at = at - interval '100 days'`)
	sweep := func(limit int) int64 {
		return mustSystem(s, func(tx *store.Tx) (int64, error) { return tx.SweepHistory(t.Context(), 90*24*time.Hour, limit) })
	}
	if n := sweep(1); n != 1 {
		t.Errorf("%d swept, at most 1", n)
	}
	if n := sweep(10); n != 1 {
		t.Errorf("%d more swept", n)
	}
	if left := s.history(firstPage(t, 9)); len(left) != 1 || left[0].Status != wa.ClientStopped {
		t.Errorf("how the client is must stay: %v", left)
	}
}
