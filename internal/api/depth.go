package api

import "errors"

// How deep a body may be nested, and how many values it may hold: reading one
// costs many times its size when it is made for that.
const (
	maxDepth  = 32
	maxValues = 100_000
)

var (
	errTooDeep = errors.New("it is nested deeper than 32 levels")
	errTooMany = errors.New("it holds more than 100,000 values")
)

// shallow refuses JSON that is deep or full, by its brackets and commas, before
// anybody reads it.
func shallow(data []byte) error {
	depth, values, quoted := 0, 1, false
	for i := 0; i < len(data); i++ {
		switch b := data[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			depth++
			values++
		case b == '}' || b == ']':
			depth--
		case b == ',':
			values++
		}
		if depth > maxDepth {
			return errTooDeep
		}
		if values > maxValues {
			return errTooMany
		}
	}
	return nil
}
