package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// expire lets a slot's lease run out.
func (s shop) expire(slot store.Slot) {
	s.t.Helper()
	s.exec(`UPDATE workers SET expires_at = now() - interval '1 second' WHERE slot = $1`, slot.Number)
}

func (s shop) renew(slot store.Slot) bool {
	s.t.Helper()
	return mustSystem(s, func(tx *store.Tx) (bool, error) { return tx.RenewSlot(s.t.Context(), slot, time.Minute, false) })
}

func TestSlots(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	first, second := s.slot(), s.slot()
	if first.Number != 1 || second.Number != 2 || first.Epoch != 1 {
		t.Fatalf("slots %+v, %+v", first, second)
	}
	if !s.renew(first) {
		t.Error("a held slot cannot be renewed")
	}
	s.expire(first)
	if !s.renew(first) {
		t.Error("a slot that ran out and that nobody took cannot be renewed")
	}
	// Fresh slots come before those whose holders may be about to renew them.
	s.expire(first)
	if third := s.slot(); third.Number != 3 {
		t.Errorf("took %+v from a worker that may come back", third)
	}
	// A slot that was given back is there at once, in a new epoch.
	s.system(func(tx *store.Tx) error { return tx.DropSlot(t.Context(), second) })
	if s.renew(second) {
		t.Error("renewed a slot that was given back")
	}
	if again := s.slot(); again.Number != 2 || again.Epoch != 2 {
		t.Errorf("took %+v", again)
	}
	if s.renew(second) {
		t.Error("renewed a slot that somebody else has")
	}
	s.system(func(tx *store.Tx) error { return tx.DropSlot(t.Context(), second) }) // not ours any more
	if get[bool](s, `SELECT instance IS NULL FROM workers WHERE slot = 2`) {
		t.Error("gave back a slot that somebody else has")
	}
}

func TestSlotsRunOut(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	taken := map[int]bool{}
	for range 32 {
		taken[s.slot().Number] = true
	}
	if len(taken) != 32 {
		t.Errorf("%d slots for 32 workers", len(taken))
	}
	err := s.db.InTx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.TakeSlot(t.Context(), uuid.New(), 1, time.Minute)
		return err
	})
	want(t, wa.NotFound, err)
	s.exec(`UPDATE workers SET expires_at = now() - slot * interval '1 second'`)
	if slot := s.slot(); slot.Number != 32 {
		t.Errorf("took slot %d, want the one that has been without its holder for longest", slot.Number)
	}
}

func TestSlotsAreTakenOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	slots := make([]int, 20)
	parallel(len(slots), func(i int) bool { slots[i] = s.slot().Number; return true })
	seen := map[int]bool{}
	for _, n := range slots {
		if seen[n] {
			t.Errorf("slot %d has two holders", n)
		}
		seen[n] = true
	}
}

func TestDeadSlots(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	live := s.slot()
	s.exec(`UPDATE workers SET expires_at = now() + interval '1 hour' WHERE slot > 4`)
	s.exec(`UPDATE workers SET expires_at = now() - interval '5 minutes' WHERE slot = 3`)
	dead := mustSystem(s, func(tx *store.Tx) ([]int, error) { return tx.DeadSlots(t.Context(), 10*time.Minute) })
	if diff := cmp.Diff([]int{2, 4}, dead); diff != "" {
		t.Errorf("with slot %d alive: %s", live.Number, diff)
	}
}

// wants makes n clients of a desire.
func (s shop) wants(n int, d wa.Desire) []wa.ClientID {
	s.t.Helper()
	list := make([]wa.ClientID, n)
	for i := range list {
		list[i] = s.second()
		if d != wa.WantNothing {
			s.in(func(tx *store.Tx) error {
				_, err := tx.Desire(s.t.Context(), s.org, list[i], d)
				return err
			})
		}
	}
	return list
}

func (s shop) take(slot store.Slot, limit int, inherit bool) []wa.ClientID {
	s.t.Helper()
	list := []wa.ClientID{}
	for _, r := range mustSystem(s, func(tx *store.Tx) ([]store.ClientRow, error) {
		return tx.ClaimClients(s.t.Context(), slot, limit, inherit)
	}) {
		list = append(list, r.ID)
	}
	return list
}

func TestClaimClients(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	a, b := s.slot(), s.slot()
	s.wants(2, wa.WantNothing)
	deleted := s.wants(1, wa.WantConnected)[0]
	s.exec(`UPDATE clients SET deleted_at = now() WHERE id = $1`, deleted)
	clients := s.wants(3, wa.WantConnected)
	going := s.wants(1, wa.WantDeleted)[0] // somebody has to see it off
	if n := len(s.take(a, 2, false)); n != 2 {
		t.Errorf("took %d of at most 2", n)
	}
	if n := len(s.take(a, 100, false)); n != 2 {
		t.Errorf("took %d of the rest", n)
	}
	if got := s.take(b, 100, true); len(got) != 0 {
		t.Errorf("took %v from a worker that lives", got)
	}
	s.expire(a)
	if got := s.take(b, 100, false); len(got) != 0 {
		t.Errorf("took %v from a dead worker without the right to", got)
	}
	if n := len(s.take(b, 100, true)); n != 4 {
		t.Errorf("inherited %d of 4", n)
	}
	for _, id := range append(clients, going) {
		if e := get[int](s, `SELECT epoch FROM clients WHERE id = $1`, id); e != 2 {
			t.Errorf("epoch %d after two owners", e)
		}
	}
	// What is given back may be taken by anybody at once; a stale epoch gives
	// nothing back.
	s.in(func(tx *store.Tx) error { return tx.ReleaseClient(t.Context(), s.org, clients[0], 1) })
	s.in(func(tx *store.Tx) error { return tx.ReleaseClient(t.Context(), s.org, clients[1], 2) })
	c := s.slot()
	if diff := cmp.Diff([]string{clients[1].String()}, clientTexts(s.take(c, 100, false))); diff != "" {
		t.Error(diff)
	}
}

func clientTexts(list []wa.ClientID) []string {
	out := make([]string, len(list))
	for i, id := range list {
		out[i] = id.String()
	}
	return out
}

// TestAWorkerThatLostItsSlot leaves clients that name a slot which lives in a
// later epoch: they have no owner.
func TestAWorkerThatLostItsSlot(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	clients := s.wants(2, wa.WantConnected)
	old := s.slot()
	s.take(old, 10, false)
	s.system(func(tx *store.Tx) error { return tx.DropSlot(t.Context(), old) })
	fresh := s.slot()
	if fresh.Number != old.Number {
		t.Fatalf("slots %d and %d", old.Number, fresh.Number)
	}
	if n := len(mustSystem(s, func(tx *store.Tx) ([]store.Owned, error) { return tx.OwnedClients(t.Context(), fresh) })); n != 0 {
		t.Errorf("a fresh worker owns %d clients of its slot's last holder", n)
	}
	if n := len(s.take(fresh, 10, true)); n != len(clients) {
		t.Errorf("inherited %d", n)
	}
}

// TestInheritingAtOnce lets two workers inherit the same clients together: none
// may be taken from the one that has just taken it.
func TestInheritingAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.wants(40, wa.WantConnected)
	dead, heirs := s.slot(), []store.Slot{s.slot(), s.slot(), s.slot()}
	for round := range 15 {
		s.exec(`UPDATE clients SET slot = $1, worker_epoch = $2`, dead.Number, dead.Epoch)
		s.expire(dead)
		before := get[int](s, `SELECT sum(epoch) FROM clients`)
		taken := make([]int, len(heirs))
		parallel(len(heirs), func(i int) bool { taken[i] = len(s.take(heirs[i], 100, true)); return true })
		if after := get[int](s, `SELECT sum(epoch) FROM clients`); after-before != 40 || taken[0]+taken[1]+taken[2] > 40 {
			t.Fatalf("round %d: 40 clients changed hands %d times: %v", round, after-before, taken)
		}
	}
}

func TestUrgentClientsAreTakenFirst(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	clients := s.wants(5, wa.WantConnected)
	busy := shop{t: t, db: s.db, org: s.org, client: clients[3]}
	busy.queued(1, lane(wa.Urgent))
	if diff := cmp.Diff([]string{clients[3].String()}, clientTexts(s.take(s.slot(), 1, false))); diff != "" {
		t.Error(diff)
	}
}

func TestFairShare(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	share := func() int { return mustSystem(s, func(tx *store.Tx) (int, error) { return tx.FairShare(t.Context()) }) }
	s.wants(3, wa.WantNothing)
	if n := share(); n != 0 {
		t.Errorf("share of nothing: %d", n)
	}
	s.wants(41, wa.WantConnected)
	if n := share(); n != 44 { // 41 and 5 %
		t.Errorf("share without workers: %d", n)
	}
	s.slot()
	gone := s.slot()
	if n := share(); n != 23 { // 21 and 5 %
		t.Errorf("share of two: %d", n)
	}
	mustSystem(s, func(tx *store.Tx) (bool, error) { return tx.RenewSlot(t.Context(), gone, time.Minute, true) })
	if n := share(); n != 44 {
		t.Errorf("share beside one that drains: %d", n)
	}
}

func TestOwnedClients(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	clients := s.wants(2, wa.WantConnected)
	slot := s.slot()
	s.take(slot, 10, false)
	busy := shop{t: t, db: s.db, org: s.org, client: clients[0]}
	busy.queued(1, lane(wa.Urgent))
	busy.queued(2, lane(wa.Bulk))
	contact, _ := busy.person()
	busy.reads(busy.heard(contact, "read here"))
	if _, err := busy.claim(1, wa.Bulk); err != nil {
		t.Fatal(err)
	}
	for _, o := range mustSystem(s, func(tx *store.Tx) ([]store.Owned, error) { return tx.OwnedClients(t.Context(), slot) }) {
		wanted := store.Owned{ID: o.ID, OrgID: s.org, Epoch: 1, Version: 1}
		if o.ID == clients[0] {
			wanted.Waiting, wanted.Flying, wanted.Reading = [3]bool{true, false, true}, true, true
		}
		if o != wanted {
			t.Errorf("%+v, want %+v", o, wanted)
		}
	}
	owner := func(id wa.ClientID) (slot int, err error) {
		err = s.db.InTx(t.Context(), func(tx *store.Tx) (err error) { slot, err = tx.OwnerSlot(t.Context(), id); return err })
		return slot, err
	}
	if n, err := owner(clients[0]); n != slot.Number || err != nil {
		t.Errorf("owned by %d (%v)", n, err)
	}
	s.expire(slot)
	_, err := owner(clients[0])
	want(t, wa.NotFound, err)
}

func TestUnowned(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	clients := s.wants(3, wa.WantConnected)
	s.wants(1, wa.WantOffline)
	slot := s.slot()
	unowned := func() int {
		return len(mustSystem(s, func(tx *store.Tx) ([]wa.ClientID, error) { return tx.Unowned(t.Context(), 15*time.Second, 10) }))
	}
	if n := unowned(); n != 3 {
		t.Errorf("%d without owner, want 3", n)
	}
	s.take(slot, 2, false)
	s.take(slot, 10, false)
	if n := unowned(); n != 0 {
		t.Errorf("%d without owner", n)
	}
	s.expire(slot) // a moment ago: grace
	if n := unowned(); n != 0 {
		t.Errorf("%d without owner within grace", n)
	}
	s.exec(`UPDATE workers SET expires_at = now() - interval '20 seconds' WHERE slot = $1`, slot.Number)
	if n := unowned(); n != len(clients) {
		t.Errorf("%d without owner", n)
	}
}

func TestLead(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	a, b := uuid.New(), uuid.New()
	lead := func(who uuid.UUID) (epoch int64, held bool) {
		s.system(func(tx *store.Tx) (err error) {
			epoch, held, err = tx.Lead(t.Context(), "scheduler", who, time.Minute)
			return err
		})
		return epoch, held
	}
	check := func(doing string, who uuid.UUID, epoch int64, held bool) {
		t.Helper()
		if e, h := lead(who); e != epoch || h != held {
			t.Errorf("%s: epoch %d, held %v", doing, e, h)
		}
	}
	check("the first", a, 1, true)
	check("again", a, 1, true)
	check("another", b, 0, false)
	s.exec(`UPDATE leases SET expires_at = now() - interval '1 second'`)
	check("again, late, but nobody took it", a, 1, true)
	s.exec(`UPDATE leases SET expires_at = now() - interval '1 second'`)
	check("another, after it ran out", b, 2, true)
	check("the first, too late", a, 0, false)
	s.system(func(tx *store.Tx) error { return tx.Resign(t.Context(), "scheduler", a) }) // has no say
	check("the first", a, 0, false)
	s.system(func(tx *store.Tx) error { return tx.Resign(t.Context(), "scheduler", b) })
	check("the first, after b left", a, 3, true)
	if won := parallel(10, func(int) bool {
		var held bool
		s.system(func(tx *store.Tx) (err error) {
			_, held, err = tx.Lead(t.Context(), "other", uuid.New(), time.Minute)
			return err
		})
		return held
	}); won != 1 {
		t.Errorf("%d lead at once", won)
	}
}
