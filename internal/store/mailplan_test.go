package store_test

import (
	"fmt"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// However many mails wait for their next attempt, the one that is due is found
// at once, and taken by one.
func TestMailsAreTakenByTheirTime(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	w := world{seen: &lastStatement{}}
	db, err := store.OpenTraced(t.Context(), store.Options{URL: url, MaxConns: 4, Timeout: time.Minute}, w.seen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	w.db = db
	org, _ := testkit.Org(t, db)
	w.org = org.ID
	c := admin(t, url)
	for _, s := range []string{
		`SET app.system = 'on'`,
		fmt.Sprintf(`INSERT INTO mails (id, org_id, sealed, next_at, ends_at)
			SELECT gen_random_uuid(), '%s', 'x', now() + n * interval '1 second', now() + interval '7 days' FROM generate_series(60, 50000) n`, w.org.UUID()),
		fmt.Sprintf(`INSERT INTO mails (id, org_id, sealed, next_at, ends_at) VALUES (gen_random_uuid(), '%s', 'due', now() - interval '1 minute', now() + interval '7 days')`, w.org.UUID()),
		`ANALYZE mails`,
	} {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	take := func(tx *store.Tx) (store.Mail, error) {
		return tx.TakeMail(t.Context(), time.Now(), time.Now().Add(2*time.Minute))
	}
	w.hold(t, planCase{"a mail", "mails_next", 5, true, func(tx *store.Tx) error { return expect(take(tx)) }}, "mails")
	taken := parallel(4, func(int) bool {
		var m store.Mail
		err := db.InTx(t.Context(), func(tx *store.Tx) (err error) {
			m, err = take(tx)
			return err
		})
		if err != nil && wa.CodeOf(err) != wa.NotFound {
			t.Error(err)
		}
		return err == nil && string(m.Sealed) == "due" && m.Tries == 1 && m.Org == w.org
	})
	if taken != 1 {
		t.Errorf("%d took the mail that is due", taken)
	}
}
