package api

import (
	"encoding"
	"time"

	"chasqui/internal/store"
)

// ref is an id in an address. Ids are opaque: one that cannot be read is the
// zero id, which names nothing, so that it is not found like any other.
type ref[T any] struct{ ID T }

// UnmarshalText never fails.
func (r *ref[T]) UnmarshalText(b []byte) error {
	var id T
	if read, ok := any(&id).(encoding.TextUnmarshaler); ok && read.UnmarshalText(b) == nil {
		r.ID = id
	}
	return nil
}

// Paged is what every list can be asked.
type Paged struct {
	Cursor string `query:"cursor" maxLength:"200" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (p Paged) page() (store.Page, error) { return store.ParsePage(p.Cursor, p.Limit) }

// list is the body of every list.
type list[T any] struct {
	Data []T     `json:"data" nullable:"false"`
	Next *string `json:"next" doc:"Cursor of the next page; null on the last"`
}

type listOut[T any] struct{ Body list[T] }

// listed makes a list of the rows of a page. key gives what the list is ordered
// by.
func listed[T any](p store.Page, rows []T, key func(T) (time.Time, string)) *listOut[T] {
	out := &listOut[T]{Body: list[T]{Data: rows}}
	if out.Body.Data == nil {
		out.Body.Data = []T{}
	}
	if n := len(rows); n > 0 {
		at, id := key(rows[n-1])
		if next := p.Next(n, at, id); next != "" {
			out.Body.Next = &next
		}
	}
	return out
}
