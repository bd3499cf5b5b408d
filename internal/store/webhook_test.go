package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// hook makes an endpoint; tune changes what it is subscribed to.
func hook(t testing.TB, db *store.DB, org wa.OrgID, tune func(*wa.Endpoint)) wa.EndpointID {
	t.Helper()
	e := wa.Endpoint{ID: wa.NewEndpointID(), OrgID: org, URL: "https://example.com/hook"}
	if tune != nil {
		tune(&e)
	}
	e.Normalize()
	err := db.InOrg(t.Context(), org, func(tx *store.Tx) error {
		return tx.InsertEndpoint(t.Context(), store.EndpointRow{Endpoint: e}, store.SealedSecret{ID: wa.NewSecretID(), Sealed: []byte("x")})
	})
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

func due(t testing.TB, db *store.DB, org wa.OrgID, id wa.EndpointID) []wa.EventType {
	t.Helper()
	types := []wa.EventType{}
	err := db.InOrg(t.Context(), org, func(tx *store.Tx) error {
		rows, err := tx.DueDeliveries(t.Context(), org, id, 0, nil, 1000)
		for _, d := range rows {
			types = append(types, d.Event.Type)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func TestEmitWritesADeliveryForEverySubscription(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	org, _ := testkit.Org(t, db)
	other, _ := testkit.Org(t, db)
	c, d := testkit.Client(t, db, org.ID), testkit.Client(t, db, org.ID)
	tests := []struct {
		name string
		tune func(*wa.Endpoint)
		want []wa.EventType
	}{
		{"everything", nil, []wa.EventType{wa.MessageSent, wa.MessageReceived, wa.ClientIsConnected, wa.EndpointFailing}},
		{"a group", func(e *wa.Endpoint) { e.Events = []string{"message.*"} }, []wa.EventType{wa.MessageSent, wa.MessageReceived}},
		{"by name", func(e *wa.Endpoint) { e.Events = []string{"message.queued", "client.connected"} }, []wa.EventType{wa.MessageQueued, wa.ClientIsConnected}},
		{"of a client", func(e *wa.Endpoint) { e.Clients = []wa.ClientID{d.ID} }, []wa.EventType{wa.ClientIsConnected}},
		{"inbound", func(e *wa.Endpoint) {
			e.Events, e.Directions = []string{"message.*"}, []wa.Direction{wa.Inbound}
		}, []wa.EventType{wa.MessageReceived}},
		{"of groups", func(e *wa.Endpoint) { e.Events, e.ChatKinds = []string{"message.*"}, []wa.ChatKind{wa.Group} }, []wa.EventType{}},
	}
	ids := make([]wa.EndpointID, len(tests))
	for i, tt := range tests {
		ids[i] = hook(t, db, org.ID, tt.tune)
	}
	stranger := hook(t, db, other.ID, nil)
	var chat wa.Chat
	rung := map[wa.EndpointID]bool{}
	var mu sync.Mutex
	db.OnRing(func(_ context.Context, jobs []wa.Job) {
		mu.Lock()
		defer mu.Unlock()
		for _, j := range jobs {
			if ticket, ok := j.(wa.DeliverTicket); ok {
				rung[ticket.Endpoint] = true
			}
		}
	})
	err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		p, _, err := tx.Person(t.Context(), org.ID, "+5511987654321", "")
		if err != nil {
			return err
		}
		if chat.ID, err = tx.DirectChat(t.Context(), org.ID, c.ID, p.ID); err != nil {
			return err
		}
		about := func(dir wa.Direction) wa.EventMessage {
			return wa.EventMessage{Message: wa.Message{ID: wa.NewMessageID(), ChatID: chat.ID, ClientID: c.ID, Direction: dir}}
		}
		for _, e := range []struct {
			client wa.ClientID
			kind   wa.EventType
			data   any
		}{
			{c.ID, wa.MessageQueued, about(wa.Outbound)},
			{c.ID, wa.MessageSent, about(wa.Outbound)},
			{c.ID, wa.MessageReceived, about(wa.Inbound)},
			{d.ID, wa.ClientIsConnected, wa.EventClient{Client: d}},
			{wa.ClientID{}, wa.EndpointFailing, wa.EventEndpoint{EndpointID: stranger}},
		} {
			if err := tx.Emit(org.ID, e.client, e.kind, e.data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range tests {
		if diff := cmp.Diff(tt.want, due(t, db, org.ID, ids[i])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if rung[ids[i]] != (len(tt.want) > 0) {
			t.Errorf("%s: rung = %v", tt.name, rung[ids[i]])
		}
	}
	if got := due(t, db, other.ID, stranger); len(got) != 0 {
		t.Errorf("another org's endpoint gets %v", got)
	}
}

func TestEmitLeavesOutTheEndpointItIsAbout(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	org, _ := testkit.Org(t, db)
	about, other := hook(t, db, org.ID, nil), hook(t, db, org.ID, nil)
	err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		return tx.Emit(org.ID, wa.ClientID{}, wa.EndpointFailing, wa.EventEndpoint{EndpointID: about})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := due(t, db, org.ID, about); len(got) != 0 {
		t.Errorf("it gets %v", got)
	}
	if got := due(t, db, org.ID, other); len(got) != 1 {
		t.Errorf("the other gets %v", got)
	}
}

func TestEmitForAClientThatIsNotThereFails(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	org, _ := testkit.Org(t, db)
	err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		return tx.Emit(org.ID, wa.NewClientID(), wa.ClientIsConnected, struct{}{})
	})
	if err == nil {
		t.Error("the event is lost without a word")
	}
}

func TestDeliveryRowsAreSmall(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	db := testkit.OpenDB(t, url)
	org, _ := testkit.Org(t, db)
	c := testkit.Client(t, db, org.ID)
	for range 10 {
		hook(t, db, org.ID, func(e *wa.Endpoint) { e.Ordered = true })
	}
	err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		return tx.Emit(org.ID, c.ID, wa.ClientIsConnected, wa.EventClient{Client: c})
	})
	if err != nil {
		t.Fatal(err)
	}
	sql, err := testkit.OpenSQL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer sql.Close()
	var rows, events, bytes int
	err = sql.QueryRowContext(t.Context(), `SELECT set_config('app.system', 'on', false)`).Scan(new(string))
	if err == nil {
		err = sql.QueryRowContext(t.Context(), `
			SELECT count(*), count(DISTINCT event_id), max(pg_column_size(d.*)) FROM webhook_deliveries d`).Scan(&rows, &events, &bytes)
	}
	if err != nil {
		t.Fatal(err)
	}
	if rows != 10 || events != 1 || bytes > 200 {
		t.Errorf("%d rows of %d events, the largest with %d bytes", rows, events, bytes)
	}
}

func TestOneHolderOfAHookLine(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	org, _ := testkit.Org(t, db)
	id := hook(t, db, org.ID, nil)
	a, b := uuid.New(), uuid.New()
	take := func(who uuid.UUID) error {
		return db.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.TakeHookLine(t.Context(), id, who, time.Minute)
			return err
		})
	}
	if err := take(a); err != nil {
		t.Fatal(err)
	}
	if err := take(b); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("a second holder got %v", err)
	}
	err := db.InTx(t.Context(), func(tx *store.Tx) error { return tx.LeaveHookLine(t.Context(), id, a) })
	if err != nil {
		t.Fatal(err)
	}
	if err := take(b); err != nil {
		t.Errorf("after it was left: %v", err)
	}
}
