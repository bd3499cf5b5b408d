package wa_test

import (
	"encoding/json"
	"testing"

	"chasqui/internal/wa"
)

func TestLanesReadAndWriteTheirNames(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"urgent", "normal", "bulk"} {
		lane := wa.Lanes()[i]
		if int(lane) != i || lane.String() != name {
			t.Errorf("lane %d is %d, %q", i, lane, lane)
		}
		raw, err := json.Marshal(lane)
		if err != nil || string(raw) != `"`+name+`"` {
			t.Errorf("%s as JSON: %s, %v", name, raw, err)
		}
		back := wa.Lane(9)
		if err := json.Unmarshal(raw, &back); err != nil || back != lane {
			t.Errorf("%s read back: %v, %v", raw, back, err)
		}
	}
	lane := wa.Bulk
	if err := lane.UnmarshalText(nil); err != nil || lane != wa.Normal {
		t.Errorf("empty is %s, %v, want normal", lane, err)
	}
	for _, bad := range []string{"Urgent", "high", "0", " bulk", "bulk\x00"} {
		err := lane.UnmarshalText([]byte(bad))
		if wa.CodeOf(err) != wa.Invalid || fields(err)[0] != "lane" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
