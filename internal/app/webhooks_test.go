package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/app"
	"chasqui/internal/testkit"
)

// TestWebhooksWithAndWithoutRedis adds an endpoint, tests it, breaks it, and
// recovers: over the API of one process, delivered by another.
func TestWebhooksWithAndWithoutRedis(t *testing.T) {
	t.Parallel()
	for name, redis := range map[string]string{"with Redis": "", "without Redis": "unix://" + filepath.Join(t.TempDir(), "nobody.sock")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard atomic.Int32
			var broken atomic.Bool
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if broken.Load() {
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				heard.Add(1)
			}))
			defer receiver.Close()
			more := []string{"CHASQUI_MASTER_KEY=" + masterKey(), "EGRESS_ALLOW_CIDRS=127.0.0.0/8"}
			if redis != "" {
				more = append(more, "REDIS_URL="+redis)
			}
			database := migrated(t)
			api, _ := serve(t, "api", load(t, settings(t, database, more...)), app.API)
			serve(t, "worker", load(t, settings(t, database, more...)), app.Worker)
			made, err := api.Accounts.Bootstrap(t.Context(), "Acme", "a@example.com")
			if err != nil {
				t.Fatal(err)
			}
			base, key := "http://"+api.Addr("http")+"/api/v1/webhooks", made.APIKey.Reveal()
			status, body := do(t, "POST", base, key, fmt.Sprintf(`{"url":%q,"schedule":[0,3600]}`, receiver.URL))
			var hook struct{ ID, Secret string }
			if err := json.Unmarshal([]byte(body), &hook); status != http.StatusCreated || err != nil || hook.Secret == "" {
				t.Fatalf("create: %d %s", status, body)
			}
			if status, body := do(t, "POST", base+"/"+hook.ID+"/test", key, ""); status != http.StatusAccepted {
				t.Fatalf("test: %d %s", status, body)
			}
			testkit.Eventually(t, patience, "the test event arrives", func() bool { return heard.Load() == 1 })
			broken.Store(true)
			status, body = do(t, "POST", "http://"+api.Addr("http")+"/api/v1/clients", key, `{"name":"Sales"}`)
			if status != http.StatusCreated {
				t.Fatalf("create a client: %d %s", status, body)
			}
			testkit.Eventually(t, patience, "the event fails", func() bool {
				_, body := do(t, "GET", base+"/"+hook.ID+"/deliveries?last_status=500", key, "")
				var list struct{ Data []struct{ Attempts int } }
				return json.Unmarshal([]byte(body), &list) == nil && len(list.Data) == 1 && list.Data[0].Attempts == 1
			})
			broken.Store(false)
			if status, body := do(t, "POST", base+"/"+hook.ID+"/recover", key, `{"since":"`+yesterday()+`"}`); status != http.StatusAccepted {
				t.Fatalf("recover: %d %s", status, body)
			}
			testkit.Eventually(t, patience, "what was missed arrives", func() bool { return heard.Load() == 2 })
		})
	}
}

func yesterday() string { return time.Now().Add(-24 * time.Hour).UTC().Format(time.RFC3339) }
