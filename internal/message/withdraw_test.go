package message_test

import (
	"strings"
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// TestStepsNameNobodyByTheirAddress lets a person and a key cancel and retry:
// what is told of that outlives them, and is read by those who may not see who
// is there.
func TestStepsNameNobodyByTheirAddress(t *testing.T) {
	t.Parallel()
	const address = "boss@example.com"
	w := newWorld(t)
	person := wa.Actor{Org: w.by.Org, Name: address, User: wa.NewUserID(), Role: wa.Admin}
	key := wa.Actor{Org: w.by.Org, Name: "shop", Key: wa.NewKeyID()}
	for name, c := range map[string]struct {
		by   wa.Actor
		want string
	}{"person": {person, person.User.String()}, "key": {key, "shop"}} {
		id := w.send(1, "never mind", wa.Normal)
		w.sql(`UPDATE messages SET status = 'failed', error_code = 'rejected', error = '{"code":"rejected"}' WHERE id = $1`, id.UUID())
		if _, err := w.Retry(t.Context(), c.by, id); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Cancel(t.Context(), c.by, id); err != nil {
			t.Fatal(err)
		}
		var notes []string
		w.must(w.db.InOrg(t.Context(), w.by.Org, func(tx *store.Tx) error {
			steps, err := tx.Timeline(t.Context(), w.by.Org, id)
			for _, s := range steps {
				notes = append(notes, s.Note)
			}
			return err
		}))
		if got, want := strings.Join(notes, ", "), "accepted, tried again by "+c.want+", cancelled by "+c.want; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if found := w.search(address); len(found) > 0 {
		t.Errorf("the address stands in %q", found)
	}
}
