package api_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// contact makes somebody an org knows by their number.
func (w *world) contactOf(t *testing.T, org wa.OrgID, phone wa.Phone) (id wa.ContactID) {
	t.Helper()
	err := w.db.InOrg(t.Context(), org, func(tx *store.Tx) error {
		c, _, err := tx.Person(t.Context(), org, phone, "")
		id = c.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (w *world) contact(t *testing.T, phone wa.Phone) wa.ContactID {
	t.Helper()
	return w.contactOf(t, w.org.ID, phone)
}

// erased is an erasure of somebody of an org.
func (w *world) erased(t *testing.T, org wa.OrgID) wa.Erasure {
	t.Helper()
	e, err := message.New(w.db, message.Options{}).Erase(t.Context(), wa.Actor{Org: org}, w.contactOf(t, org, "+5511955554444"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestErasingAPerson does it as an admin, and tries it as everybody else.
func TestErasingAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, u := w.person(t, w.org.ID, wa.Admin)
	w.hear(t, "+5511987654321", "Ana", "hello")
	w.hear(t, "+5511987650000", "Bob", "good day")
	page := get[struct{ Data []wa.Contact }](t, w, w.admin, "/api/v1/contacts")
	ana := page.Data[slices.IndexFunc(page.Data, func(c wa.Contact) bool { return c.PushName == "Ana" })].ID
	path := "/api/v1/contacts/" + ana.String()
	manager, _ := w.person(t, w.org.ID, wa.Manager)
	agent, _ := w.person(t, w.org.ID, wa.Agent)
	for name, key := range map[string]wa.Secret{"a manager": manager, "an agent": agent, "a key": w.admin} {
		if r := w.do(t, call{method: "DELETE", path: path, key: key}); r.status != http.StatusForbidden {
			t.Errorf("%s erases: %d %s", name, r.status, r.body)
		}
	}
	r := w.do(t, call{method: "DELETE", path: path, key: boss})
	e := decode[wa.Erasure](t, r.body)
	if r.status != http.StatusOK || e.Status != wa.ErasureDone || e.ContactID != ana || e.AskedBy != u.ID || e.Removed.Messages != 1 || e.Removed.Chats != 1 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if kept := get[wa.Erasure](t, w, boss, "/api/v1/erasures/"+e.ID.String()); kept.ID != e.ID || kept.Removed != e.Removed {
		t.Errorf("the receipt: %+v", kept)
	}
	w.later.Add(int64(11 * time.Minute)) // receipts are read without another proof
	if list := get[struct{ Data []wa.Erasure }](t, w, boss, "/api/v1/erasures"); len(list.Data) != 1 || list.Data[0].ID != e.ID {
		t.Errorf("the receipts: %+v", list)
	}
	if r := w.do(t, call{method: "DELETE", path: path, key: boss}); r.status != http.StatusForbidden {
		t.Errorf("once more, by an old proof: %d %s", r.status, r.body)
	}
	boss, _ = w.person(t, w.org.ID, wa.Admin)
	for _, gone := range []call{{method: "GET", path: path, key: boss}, {method: "DELETE", path: path, key: boss}} {
		if r := w.do(t, gone); r.status != http.StatusNotFound {
			t.Errorf("%s afterwards: %d", gone.method, r.status)
		}
	}
	for _, list := range []string{"/api/v1/contacts", "/api/v1/chats", "/api/v1/messages"} {
		if left := get[struct{ Data []any }](t, w, w.admin, list); len(left.Data) != 1 {
			t.Errorf("%s: %d are left", list, len(left.Data))
		}
	}
	if line := w.lastLine(t, wa.AuditContactErased); line.Target != ana.String() || strings.Contains(fmt.Sprint(line.After), "5511987654321") {
		t.Errorf("%+v", line)
	}
	told := get[struct{ Data []wa.Event }](t, w, w.admin, "/api/v1/events?types=contact.erased&wait=20")
	if len(told.Data) != 1 || !strings.Contains(string(told.Data[0].Data), e.ID.String()) || !strings.Contains(string(told.Data[0].Data), ana.String()) {
		t.Errorf("others were told %+v", told)
	}
	w.later.Add(int64(time.Hour))
	if r := w.do(t, call{method: "DELETE", path: path, key: boss}); r.status < 400 || r.status == http.StatusNotFound {
		t.Errorf("without a recent proof: %d", r.status)
	}
}

// TestExportOfContacts reads the file as a spreadsheet would.
func TestExportOfContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	manager, _ := w.person(t, w.org.ID, wa.Manager)
	agent, _ := w.person(t, w.org.ID, wa.Agent)
	for i := range 250 {
		w.contact(t, wa.Phone(fmt.Sprintf("+5511%09d", 900000000+i)))
	}
	w.hear(t, "+5511987654321", "=1+1", "hello")
	w.erased(t, w.org.ID)
	r := w.do(t, call{method: "GET", path: "/api/v1/contacts/export", key: manager})
	text, marked := strings.CutPrefix(r.body, "\uFEFF")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || !marked || r.status != http.StatusOK || r.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(r.header.Get("Content-Disposition"), "contacts.csv") {
		t.Fatalf("%d %v, %v, mark %v: %s", r.status, r.header, err, marked, r.body)
	}
	cell := func(row int, name string) string { return rows[row][slices.Index(rows[0], name)] }
	if len(rows) != 252 || cell(1, "phone") != "'+5511987654321" || cell(1, "own_name") != "'=1+1" || cell(1, "chats") != "1" || cell(1, "last_inbound_at") == "" || cell(2, "last_message_at") != "" {
		t.Errorf("%d rows: %q", len(rows), rows[:3])
	}
	if line := w.lastLine(t, wa.AuditExported); line.Target != "contacts" {
		t.Errorf("%+v", line)
	}
	for name, key := range map[string]wa.Secret{"a key": w.admin, "an agent": agent} {
		if r := w.do(t, call{method: "GET", path: "/api/v1/contacts/export", key: key}); r.status != http.StatusForbidden {
			t.Errorf("%s exports: %d", name, r.status)
		}
	}
	w.later.Add(int64(time.Hour))
	if r := w.do(t, call{method: "GET", path: "/api/v1/contacts/export", key: manager}); r.status < 400 {
		t.Errorf("without a recent proof: %d", r.status)
	}
}
