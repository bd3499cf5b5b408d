package e2e_test

import (
	"strings"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// erasedWithin is how long a small org may take to go once its time is over: the
// half minute for which processes take people at their former word, and two
// rounds of the clock.
const erasedWithin = 2 * time.Minute

// An org with numbers in use and one that was never linked is deleted. Although
// nothing leaves its numbers any more, the phones are told that the companion is
// gone, by the worker that holds them; nothing is removed behind WhatsApp's back,
// and what still waited is never sent.
func TestErasingAnOrgUnlinksItsPhones(t *testing.T) {
	t.Parallel()
	s := newStack(t, whatsim.Options{})
	s.start("worker")
	scheduler := s.start("scheduler")
	clients := s.clientsOnline(2)
	s.unpaired()
	s.send(clients[0].ID, recipient(1), "before", wa.Normal)
	testkit.Eventually(t, patience, "the message to leave", func() bool { return len(s.left(clients[0])) == 1 })
	_, err := account.New(s.db, testkit.Pepper).DeleteOrgOf(t.Context(), s.org.ID, s.org.Name)
	s.must(err)
	s.send(clients[0].ID, recipient(1), "after", wa.Normal)

	testkit.Eventually(t, erasedWithin, "the end of the organisation", func() bool {
		err := s.db.InOrg(t.Context(), s.org.ID, func(tx *store.Tx) error {
			_, err := tx.Org(t.Context(), s.org.ID)
			return err
		})
		return wa.CodeOf(err) == wa.NotFound
	})
	for _, c := range clients {
		phone, err := s.sim.Phone(strings.TrimPrefix(string(c.Phone), "+"))
		s.must(err)
		if len(phone.Devices) != 0 {
			t.Errorf("a phone of the organisation still has %d linked devices", len(phone.Devices))
		}
	}
	if said := scheduler.Said(); strings.Contains(said, "without telling WhatsApp") {
		t.Errorf("numbers were removed by force: %s", said)
	}
	if all := s.left(clients[0]); len(all) != 1 || all[0].Text != "before" {
		t.Errorf("%d messages left the number of an organisation that is being deleted: %+v", len(all), all)
	}
}
