package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// user makes somebody of the org.
func (s shop) user() wa.UserID {
	s.t.Helper()
	u := wa.User{ID: wa.NewUserID(), OrgID: s.org, Email: testkit.Random(8) + "@example.com", Role: wa.Agent, Name: "Somebody"}
	s.system(func(tx *store.Tx) error { return tx.InsertUser(s.t.Context(), u, "x") })
	return u.ID
}

func (s shop) figures(v wa.View, client wa.ClientID, bounds ...time.Time) []wa.MessageCounts {
	s.t.Helper()
	return must(s, func(tx *store.Tx) ([]wa.MessageCounts, error) { return tx.Figures(s.t.Context(), v, client, bounds) })
}

// Everybody sees the figures of what they see: all of the org, some clients, or
// only their own chats, and nobody another org's.
func TestFiguresOfViews(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	elsewhere := shop{t: t, db: s.db, org: s.org, client: s.second()}
	stranger := shopIn(t, s.db)
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour)
	mine, other := newLives(s), newLives(s)
	mine.accepted(noon)
	mine.accepted(noon.Add(time.Hour - time.Microsecond))
	other.accepted(noon.Add(time.Hour))
	newLives(elsewhere).accepted(noon)
	newLives(stranger).accepted(noon)
	s.in(func(tx *store.Tx) error { return mine.happen(tx, "read", mine.all[0]) })
	me := s.user()
	s.exec(`UPDATE chats SET assigned_to = $1 WHERE id = $2`, me, mine.chat)
	s.settle()

	some := wa.View{Org: s.org, Limited: true, Clients: []wa.ClientID{s.client}}
	own, none := some, some
	own.Chats, none.Clients = me, nil
	one := wa.MessageCounts{Accepted: 1}
	read := wa.MessageCounts{Accepted: 1, Sent: 1, Delivered: 1, Read: 1}
	two := read.Plus(one)
	for name, tt := range map[string]struct {
		view   wa.View
		client wa.ClientID
		want   []wa.MessageCounts
	}{
		"all":                   {wa.Whole(s.org), wa.ClientID{}, []wa.MessageCounts{{}, two.Plus(one), one}},
		"all, of one":           {wa.Whole(s.org), elsewhere.client, []wa.MessageCounts{{}, one, {}}},
		"some":                  {some, wa.ClientID{}, []wa.MessageCounts{{}, two, one}},
		"some, of another":      {some, elsewhere.client, []wa.MessageCounts{{}, {}, {}}},
		"none":                  {none, wa.ClientID{}, []wa.MessageCounts{{}, {}, {}}},
		"own chats":             {own, wa.ClientID{}, []wa.MessageCounts{{}, two, {}}},
		"own chats, of one":     {own, s.client, []wa.MessageCounts{{}, two, {}}},
		"own chats, of another": {own, elsewhere.client, []wa.MessageCounts{{}, {}, {}}},
		"another org's":         {wa.Whole(stranger.org), wa.ClientID{}, []wa.MessageCounts{{}, {}, {}}},
	} {
		got := s.figures(tt.view, tt.client, noon.Add(-time.Hour), noon, noon.Add(time.Hour), noon.Add(2*time.Hour))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCountStates(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	others := s.wants(3, wa.WantConnected)
	s.exec(`UPDATE clients SET status = 'connected', jid = id::text WHERE id = ANY ($1)`, []string{others[0].UUID(), others[1].UUID()})
	s.exec(`UPDATE clients SET paused = true WHERE id = $1`, others[1])
	s.exec(`UPDATE clients SET deleted_at = now() WHERE id = $1`, others[2])
	count := func(v wa.View, client wa.ClientID) wa.ClientCounts {
		return must(s, func(tx *store.Tx) (wa.ClientCounts, error) { return tx.CountStates(t.Context(), v, client) })
	}
	if diff := cmp.Diff(wa.ClientCounts{Connected: 1, Paused: 1, Unpaired: 1, Total: 3, Online: 2}, count(wa.Whole(s.org), wa.ClientID{})); diff != "" {
		t.Error(diff)
	}
	some := wa.View{Org: s.org, Limited: true, Clients: others[:1]}
	if diff := cmp.Diff(wa.ClientCounts{Connected: 1, Total: 1, Online: 1}, count(some, wa.ClientID{})); diff != "" {
		t.Error(diff)
	}
	s.in(func(tx *store.Tx) error {
		_, err := tx.Halt(t.Context(), wa.Halt{OrgID: s.org, Scope: wa.HaltOrg, Reason: "x", By: "y"})
		return err
	})
	if diff := cmp.Diff(wa.ClientCounts{Stopped: 1, Total: 1, Online: 1}, count(wa.Whole(s.org), others[1])); diff != "" {
		t.Error(diff)
	}
}

func TestCountLanesAndUnread(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	elsewhere := shop{t: t, db: s.db, org: s.org, client: s.second()}
	normal := s.queued(3)
	s.queued(1, lane(wa.Bulk))
	elsewhere.queued(2)
	s.exec(`UPDATE chats SET unread = 2 WHERE id = ANY ($1)`, []string{normal[0].ChatID.UUID(), normal[1].ChatID.UUID()})
	me := s.user()
	s.exec(`UPDATE chats SET assigned_to = $1 WHERE id = $2`, me, normal[1].ChatID)
	some := wa.View{Org: s.org, Limited: true, Clients: []wa.ClientID{s.client}}
	own := some
	own.Chats = me
	for name, tt := range map[string]struct {
		view   wa.View
		client wa.ClientID
		most   int
		lanes  [3]int
		unread int
		oldest time.Time
	}{
		"all":               {wa.Whole(s.org), wa.ClientID{}, 100, [3]int{0, 5, 1}, 2, normal[0].CreatedAt},
		"all, up to two":    {wa.Whole(s.org), wa.ClientID{}, 2, [3]int{0, 2, 1}, 2, normal[0].CreatedAt},
		"of one":            {wa.Whole(s.org), s.client, 100, [3]int{0, 3, 1}, 2, normal[0].CreatedAt},
		"some":              {some, wa.ClientID{}, 100, [3]int{0, 3, 1}, 2, normal[0].CreatedAt},
		"own chats":         {own, wa.ClientID{}, 100, [3]int{0, 1, 0}, 1, normal[1].CreatedAt},
		"some, of another":  {some, elsewhere.client, 100, [3]int{}, 0, time.Time{}},
		"of another's view": {wa.Whole(wa.NewOrgID()), wa.ClientID{}, 100, [3]int{}, 0, time.Time{}},
	} {
		lanes := must(s, func(tx *store.Tx) ([]wa.LaneLoad, error) {
			return tx.CountLanes(t.Context(), tt.view, tt.client, tt.most)
		})
		unread := must(s, func(tx *store.Tx) (int, error) { return tx.CountUnread(t.Context(), tt.view, tt.client, tt.most) })
		if got := [3]int{lanes[0].Queued, lanes[1].Queued, lanes[2].Queued}; got != tt.lanes || unread != tt.unread {
			t.Errorf("%s: %v wait, %d unread", name, got, unread)
		}
		if oldest := lanes[1].OldestAt; tt.oldest.IsZero() != (oldest == nil) || oldest != nil && !oldest.Equal(tt.oldest) {
			t.Errorf("%s: the oldest is of %v", name, oldest)
		}
	}
}

func TestCountEndpointStates(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	good, failing, off := hook(t, s.db, s.org, nil), hook(t, s.db, s.org, nil), hook(t, s.db, s.org, nil)
	hook(t, s.db, shopIn(t, s.db).org, nil)
	s.in(func(tx *store.Tx) error { return tx.Emit(s.org, s.client, wa.ClientIsConnected, wa.EventClient{}) })
	s.exec(`INSERT INTO webhook_lines (endpoint_id, org_id) SELECT id, org_id FROM webhook_endpoints ON CONFLICT DO NOTHING`)
	s.exec(`UPDATE webhook_lines SET failing_since = now() WHERE endpoint_id = $1`, failing)
	s.exec(`UPDATE webhook_endpoints SET enabled = false, disabled_at = now() WHERE id = $1`, off)
	count := func() wa.EndpointCounts {
		return must(s, func(tx *store.Tx) (wa.EndpointCounts, error) { return tx.CountEndpointStates(t.Context(), s.org, 100) })
	}
	if diff := cmp.Diff(wa.EndpointCounts{Healthy: 1, Failing: 1, Disabled: 1, Pending: 2}, count()); diff != "" {
		t.Error(diff)
	}
	s.exec(`UPDATE webhook_deliveries SET status = 'delivered', next_attempt_at = NULL WHERE endpoint_id = $1`, good)
	if got := count(); got.Pending != 1 {
		t.Errorf("%d wait", got.Pending)
	}
}

func TestSendTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	read := func() *time.Duration {
		return must(s, func(tx *store.Tx) (*time.Duration, error) { return tx.SendTime(t.Context(), s.org, time.Hour, 100) })
	}
	if took := read(); took != nil {
		t.Errorf("nothing was sent, and took %s", *took)
	}
	for i, m := range s.queued(20) {
		s.exec(`UPDATE messages SET status = 'sent', sent_at = now(), claimed_at = now() - $2::interval WHERE id = $1`, m.ID, time.Duration(i+1)*time.Second)
	}
	if took := read(); took == nil || *took != 19*time.Second {
		t.Errorf("95 of 100 took %v, want 19s", took)
	}
}

func TestVitals(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	v := mustSystem(s, func(tx *store.Tx) (store.Vitals, error) { return tx.Vitals(t.Context()) })
	if v.At.IsZero() || v.Connections < 1 || v.MaxConnections < v.Connections || v.Bytes < 1<<20 || v.Hits+v.Reads == 0 {
		t.Errorf("%+v", v)
	}
	var calls int64
	err := s.db.InTx(t.Context(), func(tx *store.Tx) (err error) {
		calls, _, err = tx.Statements(t.Context())
		return err
	})
	if wa.CodeOf(err) != wa.NotFound { // the tests' Postgres has no such extension
		t.Errorf("%d statements, %v", calls, err)
	}
}
