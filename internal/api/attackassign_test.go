package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// What only we may set cannot be set by naming it: a body that has it is
// refused, and told so.
func TestMassAssignment(t *testing.T) {
	t.Parallel()
	a, s := newAttacker(t)
	tried := 0
	for _, o := range a.all {
		x := s.plain(o.body)
		if x.kind() != "object" {
			continue
		}
		for _, name := range []string{"org_id", "id", "role", "created_at", "is_admin", "scopes", "verified", "status", "user_id", "session_version", "__proto__"} {
			if _, own := x.properties()[name]; own {
				continue
			}
			body, _ := s.harmless(o.body).(map[string]any)
			body[name] = "admin"
			shot := a.shot(t, s, o, "body."+name, param{}, nil, "")
			raw, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			shot.body = string(raw)
			r := a.fire(t, shot)
			tried++
			if r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"body.`+name+`"`) {
				t.Errorf("%s %s with %s: %d %s", o.method, o.path, name, r.status, r.body)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d tried", tried)
	}
}
