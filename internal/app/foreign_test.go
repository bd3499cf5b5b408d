package app

import (
	"reflect"
	"testing"
	"time"

	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// A ticket that was tampered with names one org's message beside another's
// client: it is told nothing, at once.
func TestATicketOfTwoOrgsIsToldNothing(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	messages := message.New(db, message.Options{})
	org, _ := testkit.Org(t, db)
	theirs, _ := testkit.Org(t, db)
	mine, other := testkit.Client(t, db, org.ID), testkit.Client(t, db, theirs.ID)
	m, err := messages.Accept(t.Context(), testkit.Actor(theirs.ID), other.ID,
		wa.Draft{To: "+5511987654321", Type: wa.KindText, Text: &wa.Text{Body: "x"}, Lane: wa.Normal}, wa.IdempotencyKey{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := messages.Cancel(t.Context(), testkit.Actor(theirs.ID), m.ID); err != nil {
		t.Fatal(err)
	}
	b := board{db: db, messages: messages}
	if status, _, _, ok := b.Await(t.Context(), other.ID, m.ID); !ok || status != wa.Cancelled {
		t.Errorf("its own client is told %s, %v", status, ok)
	}
	began := time.Now()
	if status, code, wire, ok := b.Await(t.Context(), mine.ID, m.ID); ok || status != "" || code != "" || wire != "" {
		t.Errorf("another org's client is told %s, %s, %s", status, code, wire)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it waited %v for what is not its own", took)
	}
	var known bool
	err = db.InOrg(t.Context(), org.ID, func(tx *store.Tx) error {
		_, err := tx.Message(t.Context(), org.ID, m.ID)
		known = err == nil
		return nil
	})
	if err != nil || known {
		t.Errorf("one org reads another's message: %v, %v", known, err)
	}
}

// What stands in Redis says nothing of whose it is, so nothing of it can be
// believed about that.
func TestTicketsNameNoOrg(t *testing.T) {
	t.Parallel()
	for _, j := range []wa.Job{wa.SendTicket{}, wa.DrainTicket{}, wa.ControlTicket{}, wa.AssignTicket{}, wa.DeliverTicket{}} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(j)) {
			if f.Type == reflect.TypeFor[wa.OrgID]() {
				t.Errorf("%s names an org in %s", j.Kind(), f.Name)
			}
		}
	}
}
