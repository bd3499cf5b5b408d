package store_test

import (
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// A cursor is ours, or it is refused; what is taken leads on.
func FuzzParsePage(f *testing.F) {
	first, err := store.ParsePage("", 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first.Next(1, time.Now(), wa.NewEventID().UUID()), 50)
	for _, s := range []string{"", "x", "e30", "eyJ0IjoiMjAyNi0xMS0yMlQwMDowMDowMFoiLCJpIjoiJzsgRFJPUCBUQUJMRSB4OyAtLSJ9", "bnVsbA", "W10", "eyJ0IjoiMDAwMS0wMS0wMVQwMDowMDowMFoifQ", "\xff\x00"} {
		f.Add(s, -1)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		p, err := store.ParsePage(text, limit)
		if p.Limit < 1 || p.Limit > store.MaxPage {
			t.Fatalf("a page of %d", p.Limit)
		}
		if err != nil {
			if wa.CodeOf(err) != wa.Invalid {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		var id wa.EventID
		if err := id.Scan(p.BeforeID); err != nil {
			t.Fatalf("%q names the row %q: %v", text, p.BeforeID, err)
		}
		if text == "" {
			return
		}
		next := p.Next(p.Limit, p.Before, p.BeforeID)
		again, err := store.ParsePage(next, limit)
		if next != "" && (err != nil || !again.Before.Equal(p.Before) || again.BeforeID != p.BeforeID) {
			t.Fatalf("%q leads to %q: %+v, %v", text, next, again, err)
		}
	})
}
