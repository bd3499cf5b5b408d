package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func (s shop) row() store.ClientRow {
	s.t.Helper()
	return must(s, func(tx *store.Tx) (store.ClientRow, error) { return tx.ClientRow(s.t.Context(), s.org, s.client) })
}

func TestClients(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	row := s.row()
	if row.Status != wa.ClientNew || row.Desire != wa.WantNothing || row.Limits != wa.DefaultLimits() || row.Slot != nil || row.Version != 0 {
		t.Errorf("a new client: %+v", row)
	}
	stranger := shopIn(t, s.db)
	want(t, wa.NotFound, try(stranger, func(tx *store.Tx) (wa.Client, error) { return tx.Client(t.Context(), stranger.org, s.client) }))

	limits := wa.DefaultLimits()
	limits.Enabled = false
	s.in(func(tx *store.Tx) error {
		if err := tx.SetLimits(t.Context(), s.org, s.client, limits); err != nil {
			return err
		}
		if err := tx.RenameClient(t.Context(), s.org, s.client, "Shop"); err != nil {
			return err
		}
		if err := tx.SetPushName(t.Context(), s.org, s.client, "Our shop"); err != nil {
			return err
		}
		return tx.SetPaused(t.Context(), s.org, s.client, true)
	})
	row = s.row()
	if row.Limits != limits || row.Name != "Shop" || row.PushName != "Our shop" || !row.Paused || row.Version != 2 {
		t.Errorf("changed to %+v", row)
	}
	err := stranger.db.InOrg(t.Context(), stranger.org, func(tx *store.Tx) error { return tx.SetPaused(t.Context(), stranger.org, s.client, false) })
	want(t, wa.NotFound, err)
}

func TestClientPages(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 6 {
		s.second()
	}
	s.wants(1, wa.WantDeleted) // is gone for callers
	s.exec(`UPDATE clients SET created_at = now()`)
	seen := map[wa.ClientID]bool{}
	page := firstPage(t, 3)
	for {
		list := must(s, func(tx *store.Tx) ([]wa.Client, error) { return tx.Clients(t.Context(), wa.Whole(s.org), page) })
		for _, c := range list {
			if seen[c.ID] {
				t.Errorf("%s twice", c.ID)
			}
			seen[c.ID] = true
		}
		if len(list) == 0 {
			break
		}
		last := list[len(list)-1]
		page.Before, page.BeforeID = last.CreatedAt, last.ID.UUID()
	}
	if len(seen) != 7 {
		t.Errorf("%d clients listed, want 7", len(seen))
	}
}

func firstPage(t testing.TB, limit int) store.Page {
	t.Helper()
	p, err := store.ParsePage("", limit)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDesires follows what people ask for against what the owner does.
func TestDesires(t *testing.T) {
	t.Parallel()
	type act func(s shop, tx *store.Tx) error
	ask := func(d wa.Desire) act {
		return func(s shop, tx *store.Tx) error {
			_, err := tx.Desire(s.t.Context(), s.org, s.client, d)
			return err
		}
	}
	paired := func(s shop, tx *store.Tx) error {
		_, err := tx.SetPaired(s.t.Context(), s.org, s.client, 0, "jid", "491", "L1")
		return err
	}
	unpaired := func(s shop, tx *store.Tx) error {
		_, err := tx.SetUnpaired(s.t.Context(), s.org, s.client, 0, wa.Standing{Status: wa.ClientLoggedOut, Reason: "gone"})
		return err
	}
	settle := func(met, next wa.Desire) act {
		return func(s shop, tx *store.Tx) error { return tx.Desired(s.t.Context(), s.org, s.client, met, next) }
	}
	tests := map[string]struct {
		acts []act
		want wa.Desire
	}{
		"pairing leads online":                  {[]act{ask(wa.WantPairing), paired}, wa.WantConnected},
		"a wish to delete outlives pairing":     {[]act{ask(wa.WantPairing), ask(wa.WantDeleted), paired}, wa.WantDeleted},
		"a wish to log out outlives pairing":    {[]act{ask(wa.WantPairing), ask(wa.WantLoggedOut), paired}, wa.WantLoggedOut},
		"a wish to be offline outlives pairing": {[]act{ask(wa.WantPairing), ask(wa.WantOffline), paired}, wa.WantOffline},
		"losing the phone ends what was wanted": {[]act{ask(wa.WantConnected), unpaired}, wa.WantNothing},
		"but not a wish to delete":              {[]act{ask(wa.WantDeleted), unpaired}, wa.WantDeleted},
		"deleting is final":                     {[]act{ask(wa.WantDeleted), ask(wa.WantConnected)}, wa.WantDeleted},
		"a wish that was met ends":              {[]act{ask(wa.WantPairing), settle(wa.WantPairing, wa.WantNothing)}, wa.WantNothing},
		"a wish that changed does not":          {[]act{ask(wa.WantConnected), settle(wa.WantPairing, wa.WantNothing)}, wa.WantConnected},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			for _, a := range tt.acts {
				s.in(func(tx *store.Tx) error { return a(s, tx) })
			}
			if got := s.row().Desire; got != tt.want {
				t.Errorf("wants %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStatusIsTheOwners(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	set := func(epoch int64, status wa.ClientStatus, reason string, until *time.Time) bool {
		t.Helper()
		return must(s, func(tx *store.Tx) (bool, error) {
			return tx.SetStatus(t.Context(), s.org, s.client, epoch, wa.Standing{Status: status, Reason: reason, Until: until})
		})
	}
	if set(1, wa.ClientConnecting, "", nil) {
		t.Error("somebody who does not own the client set its status")
	}
	if !set(0, wa.ClientTempBanned, "why", &until) || set(0, wa.ClientTempBanned, "why", &until) {
		t.Error("a change is one change")
	}
	later := until.Add(time.Hour)
	if !set(0, wa.ClientTempBanned, "why", &later) || !s.row().Until.Equal(later) {
		t.Error("a ban that was prolonged still ends when it did")
	}
	stale := must(s, func(tx *store.Tx) (bool, error) {
		return tx.SetPaired(t.Context(), s.org, s.client, 1, "jid", "491", "L1")
	})
	stale = stale || must(s, func(tx *store.Tx) (bool, error) {
		return tx.SetUnpaired(t.Context(), s.org, s.client, 1, wa.Standing{Status: wa.ClientLoggedOut})
	})
	if stale || s.row().JID != "" {
		t.Error("somebody who does not own the client paired it")
	}
}

func TestAPhoneBelongsToOneClient(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shopIn(t, s.db)
	pair := func(s shop) error {
		return try(s, func(tx *store.Tx) (bool, error) {
			return tx.SetPaired(t.Context(), s.org, s.client, 0, "jid", "491", "L1")
		})
	}
	want(t, "", pair(s))
	want(t, wa.Conflict, pair(other))
	must(s, func(tx *store.Tx) (bool, error) {
		return tx.SetUnpaired(t.Context(), s.org, s.client, 0, wa.Standing{Status: wa.ClientLoggedOut})
	})
	want(t, "", pair(other))
	if row := s.row(); row.JID != "" || row.Phone != "491" {
		t.Errorf("unpaired to %+v", row)
	}
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	waiting := s.queued(2)
	later := time.Now().Add(time.Hour)
	waiting = append(waiting, s.queued(1, func(m *wa.Message) { m.Status, m.SendAt = wa.Scheduled, &later })...)
	done := s.queued(1, lane(wa.Urgent))[0]
	if _, err := s.claim(0, wa.Urgent); err != nil {
		t.Fatal(err)
	}
	s.sent(done.ID)
	for _, gone := range []bool{true, false} {
		if got := must(s, func(tx *store.Tx) (bool, error) { return tx.DeleteClient(t.Context(), s.org, s.client) }); got != gone {
			t.Errorf("deleted: %v, want %v", got, gone)
		}
	}
	want(t, wa.NotFound, try(s, func(tx *store.Tx) (store.ClientRow, error) { return tx.ClientRow(t.Context(), s.org, s.client) }))
	for _, m := range waiting {
		steps := must(s, func(tx *store.Tx) ([]wa.Step, error) { return tx.Timeline(t.Context(), s.org, m.ID) })
		if got := s.message(m.ID).Status; got != wa.Cancelled || steps[len(steps)-1].Status != wa.Cancelled {
			t.Errorf("a waiting message is %s, %v", got, steps)
		}
	}
	if got := s.message(done.ID).Status; got != wa.Sent {
		t.Errorf("a sent message is %s", got)
	}
}

func TestPairings(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	read := func() store.PairingRow {
		t.Helper()
		return must(s, func(tx *store.Tx) (store.PairingRow, error) { return tx.Pairing(t.Context(), s.org, s.client) })
	}
	do := func(fn func(tx *store.Tx) error) store.PairingRow { t.Helper(); s.in(fn); return read() }
	none := func() {
		t.Helper()
		want(t, wa.NotFound, try(s, func(tx *store.Tx) (store.PairingRow, error) { return tx.Pairing(t.Context(), s.org, s.client) }))
	}
	none()
	expires := time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond)
	p := do(func(tx *store.Tx) error { return tx.StartPairing(t.Context(), s.org, s.client, wa.PairCode, "491") })
	if p.Method != wa.PairCode || p.Phone != "491" || p.Version != 1 {
		t.Errorf("started %+v", p)
	}
	p = do(func(tx *store.Tx) error { return tx.SetPairingCode(t.Context(), s.org, s.client, "ABCD-EFGH", expires) })
	if p.Code != "ABCD-EFGH" || !p.ExpiresAt.Equal(expires) {
		t.Errorf("code %+v", p)
	}
	early := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error { return tx.AnswerPasskey(t.Context(), s.org, s.client, []byte("a"), false) })
	want(t, wa.NotFound, early) // nobody asked
	do(func(tx *store.Tx) error {
		return tx.SetPasskey(t.Context(), s.org, s.client, []byte("sign this"), "", expires)
	})
	do(func(tx *store.Tx) error {
		return tx.AnswerPasskey(t.Context(), s.org, s.client, []byte("signed"), false)
	})
	do(func(tx *store.Tx) error { return tx.SetPasskey(t.Context(), s.org, s.client, nil, "1234", expires) })
	p = do(func(tx *store.Tx) error { return tx.AnswerPasskey(t.Context(), s.org, s.client, nil, true) })
	got := [4]string{string(p.Passkey), string(p.Answer), p.Confirm}
	if diff := cmp.Diff([4]string{"sign this", "signed", "1234"}, got); diff != "" || !p.Confirmed || p.Version != 3 {
		t.Errorf("%s %+v", diff, p)
	}
	p = do(func(tx *store.Tx) error { return tx.FailPairing(t.Context(), s.org, s.client, "nobody scanned") })
	if p.Error != "nobody scanned" || p.Code != "" || p.Passkey != nil || p.Answer != nil {
		t.Errorf("failed %+v", p)
	}
	p = do(func(tx *store.Tx) error { return tx.StartPairing(t.Context(), s.org, s.client, wa.PairQR, "") })
	if p.Error != "" || p.Phone != "" || p.Confirm != "" || p.Confirmed || p.Version != 4 {
		t.Errorf("begun anew %+v", p)
	}
	s.in(func(tx *store.Tx) error { return tx.EndPairing(t.Context(), s.org, s.client) })
	none()
}

func TestOrgsAndKeys(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	org := mustSystem(s, func(tx *store.Tx) (wa.Org, error) { return tx.Org(t.Context(), s.org) })
	byName := mustSystem(s, func(tx *store.Tx) (wa.Org, error) { return tx.OrgByName(t.Context(), org.Name) })
	if byName.ID != s.org {
		t.Errorf("found %v by name", byName)
	}
	user := wa.User{ID: wa.NewUserID(), OrgID: s.org, Email: "a@b.c", Role: wa.Admin}
	insert := func(u wa.User) error {
		return s.db.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertUser(t.Context(), u, "hash") })
	}
	want(t, "", insert(user))
	user.ID = wa.NewUserID()
	want(t, wa.Conflict, insert(user))

	find := func(public string) (k wa.APIKey, err error) {
		err = s.db.InTx(t.Context(), func(tx *store.Tx) (err error) { k, err = tx.KeyByPublicID(t.Context(), public); return err })
		return k, err
	}
	public := func() string {
		testkit.Key(t, s.db, s.org, wa.ReadClients, wa.SendMessages)
		return get[string](s, `SELECT public_id FROM api_keys ORDER BY created_at DESC LIMIT 1`)
	}
	live := public()
	k, err := find(live)
	if err != nil || k.OrgID != s.org || len(k.Scopes) != 2 || k.LastUsedAt != nil {
		t.Errorf("found %+v (%v)", k, err)
	}
	s.system(func(tx *store.Tx) error { return tx.TouchKey(t.Context(), k.ID) })
	s.exec(`UPDATE api_keys SET last_used_at = last_used_at - interval '10 seconds' WHERE id = $1`, k.ID)
	touched, _ := find(live)
	s.system(func(tx *store.Tx) error { return tx.TouchKey(t.Context(), k.ID) })
	if again, _ := find(live); touched.LastUsedAt == nil || !again.LastUsedAt.Equal(*touched.LastUsedAt) {
		t.Errorf("touched at %v, then at %v: once a minute is enough", touched.LastUsedAt, again.LastUsedAt)
	}
	stranger := shopIn(t, s.db)
	if must(stranger, func(tx *store.Tx) (bool, error) { return tx.RevokeKey(t.Context(), stranger.org, k.ID) }) {
		t.Error("another org revoked the key")
	}
	for _, first := range []bool{true, false} {
		if got := must(s, func(tx *store.Tx) (bool, error) { return tx.RevokeKey(t.Context(), s.org, k.ID) }); got != first {
			t.Errorf("revoked: %v, want %v", got, first)
		}
	}
	_, err = find(live)
	want(t, wa.NotFound, err)
	old := public()
	s.exec(`UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE public_id = $1`, old)
	_, err = find(old)
	want(t, wa.NotFound, err)
}
