package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"chasqui/internal/api"
)

// depth is how deep a decoded value is.
func depth(v any) (deepest int) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			deepest = max(deepest, depth(one))
		}
		return deepest + 1
	case map[string]any:
		for _, one := range v {
			deepest = max(deepest, depth(one))
		}
		return deepest + 1
	}
	return 0
}

// No JSON slips through that is deeper than it looks, and none that is shallow
// and small is refused.
func FuzzShallow(f *testing.F) {
	for _, s := range []string{
		`{}`, `[[[["]]]]"]]]]`, `{"a":"\\\"[[[["}`, strings.Repeat("[", 33) + strings.Repeat("]", 33), strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), `"`, `\`, "[\"\\",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := api.Shallow(data)
		var v any
		if json.Unmarshal(data, &v) != nil {
			return
		}
		if deep := depth(v) > 32; deep != (err != nil) && len(data) < 10_000 {
			t.Errorf("%q is %d deep: %v", data, depth(v), err)
		}
	})
}
