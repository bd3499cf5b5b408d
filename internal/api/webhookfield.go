package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// clearable is a field of a change that null takes away: absent leaves what
// there is, null means what a new resource has when nothing is said.
type clearable[T any] struct {
	named bool
	value T
}

// UnmarshalJSON is called for null too, which leaves the zero value.
func (c *clearable[T]) UnmarshalJSON(raw []byte) error {
	c.named = true
	return json.Unmarshal(raw, &c.value)
}

// Schema is that of the value, or null.
func (clearable[T]) Schema(r huma.Registry) *huma.Schema {
	s := r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = true
	return s
}

// put changes what is at a place if there was anything said of it.
func (c clearable[T]) put(at *T) {
	if c.named {
		*at = c.value
	}
}
