package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// Lists of messages say what their chats are called, as the list of chats does,
// to those who may read that.
func TestMessagesNameTheirChats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hear(t, "+5511987654321", "José", "Olá")
	w.hear(t, "+5511987654321", "José", "ainda?")
	w.send(t, "+4917612345678", "Guten Tag")
	type page struct {
		Data  []wa.Message
		Names map[string]string
	}
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	want := map[string]string{}
	for _, c := range get[chatPage](t, w, boss, "/api/v1/chats").Data {
		want[c.ID.String()] = c.Name
	}
	got := get[page](t, w, boss, "/api/v1/messages")
	if diff := cmp.Diff(want, got.Names); diff != "" || len(got.Data) != 3 || len(want) != 2 {
		t.Errorf("names (-chats +messages):\n%s", diff)
	}
	middle := got.Data[1]
	around := get[page](t, w, boss, "/api/v1/messages?limit=1&around="+middle.ID.String())
	if name := around.Names[middle.ChatID.String()]; name != "José" || len(around.Names) != 1 {
		t.Errorf("around one of them: %v", around.Names)
	}
	blind := testkit.Key(t, w.db, w.org.ID, wa.ReadMessages)
	if p := get[page](t, w, blind, "/api/v1/messages"); len(p.Data) != 3 || p.Names == nil || len(p.Names) != 0 {
		t.Errorf("who may not read contacts: %v", p.Names)
	}
	if p := get[page](t, w, boss, "/api/v1/messages?status=failed"); p.Names == nil || len(p.Names) != 0 {
		t.Errorf("of no messages: %v", p.Names)
	}
}
