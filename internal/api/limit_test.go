package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"chasqui/internal/api"
	"chasqui/internal/cache"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// limited is a world whose requests are counted in Redis.
func limited(t *testing.T, l api.Limits, more ...func(*api.Deps)) *world {
	t.Helper()
	counter, err := cache.NewLimiter(cache.Options{URL: testkit.Env(t, "REDIS_URL"), Prefix: "t" + testkit.Random(6)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = counter.Close() })
	l.Counter = counter
	return newWorld(t, append(more, func(d *api.Deps) { d.Limits = l })...)
}

// times sends a request so often and tells how many were answered with which
// status; the last reply is given too.
func (w *world) times(t *testing.T, n int, c call) (map[int]int, reply) {
	t.Helper()
	got := map[int]int{}
	var last reply
	for range n {
		last = w.do(t, c)
		got[last.status]++
	}
	return got, last
}

// checkTooMany holds an answer to a refused request against what is promised.
func checkTooMany(t *testing.T, r reply) {
	t.Helper()
	p := checkProblem(t, r)
	after, err := strconv.Atoi(r.header.Get("Retry-After"))
	if r.status != http.StatusTooManyRequests || p.Code != "rate_limited" || !p.Retryable || err != nil || after < 1 {
		t.Errorf("%d, Retry-After %q: %s", r.status, r.header.Get("Retry-After"), r.body)
	}
}

var slow = 24 * time.Hour // nothing grows back while a test runs

func TestStrangersAreCounted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]call{
		"without a key":    {method: "GET", path: "/api/v1/clients"},
		"with a wrong key": {method: "GET", path: "/api/v1/clients", key: wrongKey()},
		"nowhere":          {method: "GET", path: "/nowhere"},
		"by another verb":  {method: "DELETE", path: "/api/v1/clients"},
		"the document":     {method: "GET", path: "/api/openapi.json", key: wrongKey()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := limited(t, api.Limits{Stranger: wa.Rate{Count: 5, Per: slow}})
			got, last := w.times(t, 8, c)
			if got[http.StatusTooManyRequests] != 3 {
				t.Errorf("answers by status: %v", got)
			}
			checkTooMany(t, last)
			if r := w.do(t, call{method: "GET", path: "/api/v1/clients", key: w.admin}); r.status != http.StatusOK {
				t.Errorf("who has a key is refused with the others of its address: %d", r.status)
			}
			if got, _ := w.times(t, 20, call{method: "GET", path: "/readyz"}); got[http.StatusOK] != 20 {
				t.Errorf("supervisors are counted: %v", got)
			}
		})
	}
}

// Keys that nobody knows are looked for only so often; who is known gets in
// all the same.
func TestLookUpsAreCounted(t *testing.T) {
	t.Parallel()
	w := limited(t, api.Limits{Stranger: wa.Rate{Count: 2, Per: slow}})
	read := func(key wa.Secret) int { return w.do(t, call{method: "GET", path: "/api/v1/clients", key: key}).status }
	if got := read(w.admin); got != http.StatusOK {
		t.Fatalf("a good key: %d", got)
	}
	for range 20 {
		read(wrongKey())
	}
	if got := read(w.viewer); got != http.StatusTooManyRequests {
		t.Errorf("after many guesses an unknown key is looked for: %d", got)
	}
	if got := read(w.admin); got != http.StatusOK {
		t.Errorf("a known key: %d", got)
	}
}

func wrongKey() wa.Secret {
	text, _ := wa.NewKeyText()
	return text
}

func TestCallersAndOrgsAreCounted(t *testing.T) {
	t.Parallel()
	w := limited(t, api.Limits{Caller: wa.Rate{Count: 6, Per: slow}, Org: wa.Rate{Count: 10, Per: slow}})
	read := func(key wa.Secret) call { return call{method: "GET", path: "/api/v1/event-types", key: key} }
	first := w.do(t, read(w.admin))
	for name, want := range map[string]string{"RateLimit-Limit": "6", "RateLimit-Remaining": "5"} {
		if got := first.header.Get(name); got != want {
			t.Errorf("%s: %q, want %s", name, got, want)
		}
	}
	if reset, err := strconv.Atoi(first.header.Get("RateLimit-Reset")); err != nil || reset < 1 {
		t.Errorf("RateLimit-Reset: %v", first.header)
	}
	got, last := w.times(t, 7, read(w.admin))
	if got[http.StatusOK] != 5 {
		t.Errorf("one key's answers: %v", got)
	}
	checkTooMany(t, last)
	if got, _ := w.times(t, 8, read(w.viewer)); got[http.StatusOK] > 4 || got[http.StatusOK] < 2 { // what the first key asked for in vain may count for the org
		t.Errorf("another key of the org: %v", got)
	}
	if r := w.do(t, read(w.stranger.key)); r.status != http.StatusOK {
		t.Errorf("another org is refused: %d", r.status)
	}
}

func TestFlowsAreCounted(t *testing.T) {
	t.Parallel()
	rate := wa.Rate{Count: 2, Per: slow}
	for name, tt := range map[string]struct {
		limits api.Limits
		call   call
	}{
		"sign in":    {api.Limits{SignIn: rate}, call{method: "POST", path: "/api/v1/auth/sign-in", body: `{"email":"a@b.example","password":"x"}`}},
		"set up":     {api.Limits{SignIn: rate}, call{method: "POST", path: "/api/v1/setup", body: `{"token":"x","organisation":"x","name":"x","email":"a@b.example","password":"x"}`}},
		"reset":      {api.Limits{Reset: rate}, call{method: "POST", path: "/api/v1/auth/password/forgot", body: `{"email":"a@b.example"}`}},
		"refresh":    {api.Limits{Refresh: rate}, call{method: "POST", path: "/api/v1/auth/refresh"}},
		"a batch":    {api.Limits{Batches: rate}, call{method: "POST", path: batchPath, body: `{"messages":[]}`}},
		"pair":       {api.Limits{Pairing: rate}, call{method: "POST", path: "/api/v1/clients/{client}/pair", body: `{"method":"qr"}`}},
		"invite":     {api.Limits{Invitations: rate}, call{method: "POST", path: "/api/v1/invitations", body: `{}`}},
		"step up":    {api.Limits{SignIn: rate}, call{method: "POST", path: "/api/v1/auth/step-up", body: `{"password":"x"}`}},
		"everything": {api.Limits{Stranger: rate}, call{method: "GET", path: "/nowhere"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := limited(t, tt.limits)
			switch {
			case strings.HasPrefix(tt.call.path, "/api/v1/clients"):
				tt.call.key = w.admin
			case name == "invite" || name == "step up": // for people only
				tt.call.key, _ = w.person(t, w.org.ID, wa.Admin)
			}
			got, last := w.times(t, 4, tt.call)
			if got[http.StatusTooManyRequests] != 2 {
				t.Errorf("answers: %v %s", got, last.body)
			}
			checkTooMany(t, last)
		})
	}
}

// Whoever writes the client's address into a header of their own is still
// counted by where they come from; behind a proxy that is trusted the address
// that it saw counts.
func TestAddressesAreNotTakenAtTheirWord(t *testing.T) {
	t.Parallel()
	limits := api.Limits{Stranger: wa.Rate{Count: 3, Per: slow}}
	behind := func(d *api.Deps) { d.TrustedProxies = []string{"127.0.0.1", "10.0.0.0/8"} }
	for name, tt := range map[string]struct {
		trusted bool
		headers func(i string) map[string]string
		apart   bool // each counts for itself
	}{
		"forwarded, nobody trusted": {false, func(i string) map[string]string { return map[string]string{"X-Forwarded-For": "203.0.113." + i} }, false},
		"real ip, nobody trusted":   {false, func(i string) map[string]string { return map[string]string{"X-Real-Ip": "203.0.113." + i} }, false},
		"real ip past a proxy":      {true, func(i string) map[string]string { return map[string]string{"X-Real-Ip": "203.0.113." + i} }, false},
		"forwarded by a proxy":      {true, func(i string) map[string]string { return map[string]string{"X-Forwarded-For": "203.0.113." + i} }, true},
		"by two proxies": {true, func(i string) map[string]string {
			return map[string]string{"X-Forwarded-For": "203.0.113." + i + ", 10.1.1.1"}
		}, true},
		"invented before the proxy": {true, func(i string) map[string]string {
			return map[string]string{"X-Forwarded-For": "198.51.100." + i + ", 203.0.113.7"}
		}, false},
		"nonsense": {true, func(i string) map[string]string { return map[string]string{"X-Forwarded-For": "me" + i} }, false},
		"other headers of the trade": {true, func(i string) map[string]string {
			return map[string]string{"Forwarded": "for=203.0.113." + i, "True-Client-Ip": "203.0.113." + i, "Cf-Connecting-Ip": "203.0.113." + i}
		}, false},
		"one network of IPv6": {true, func(i string) map[string]string { return map[string]string{"X-Forwarded-For": "2001:db8:1:2::" + i} }, false},
		"networks of IPv6": {true, func(i string) map[string]string {
			return map[string]string{"X-Forwarded-For": "2001:db8:1:" + i + "::1"}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var more []func(*api.Deps)
			if tt.trusted {
				more = append(more, behind)
			}
			w := limited(t, limits, more...)
			refused := 0
			for i := range 6 {
				r := w.do(t, call{method: "GET", path: "/nowhere", header: tt.headers(strconv.Itoa(i + 1))})
				if r.status == http.StatusTooManyRequests {
					refused++
				}
			}
			if want := map[bool]int{true: 0, false: 3}[tt.apart]; refused != want {
				t.Errorf("%d of 6 were refused, want %d", refused, want)
			}
		})
	}
}

// Whoever has many networks of IPv6 next to each other has so many times as much
// and no more; the neighbours beyond are not concerned.
func TestWideNetworksAreCounted(t *testing.T) {
	t.Parallel()
	w := limited(t, api.Limits{Stranger: wa.Rate{Count: 2, Per: slow}}, func(d *api.Deps) { d.TrustedProxies = []string{"127.0.0.1"} })
	ask := func(from string) int {
		return w.do(t, call{method: "GET", path: "/nowhere", header: map[string]string{"X-Forwarded-For": from}}).status
	}
	through := 0
	for i := range 40 {
		if ask("2001:db8:1:"+strconv.FormatInt(int64(i), 16)+"::1") == http.StatusNotFound {
			through++
		}
	}
	if through != 2*16 {
		t.Errorf("%d of 40 networks got through, want %d", through, 2*16)
	}
	if got := ask("2001:db8:2:1::1"); got != http.StatusNotFound {
		t.Errorf("another provider's customer: %d", got)
	}
	if got := ask("203.0.113.1"); got != http.StatusNotFound {
		t.Errorf("an address of IPv4: %d", got)
	}
}

// One org's requests wait for nobody but themselves: beyond the bound they are
// refused, streams count apart, and another org is not concerned.
func TestAnOrgsRequestsUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	w := limited(t, api.Limits{Requests: 2, Streams: 1})
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free) // also when the test fails: somebody waits for it
	locked := make(chan struct{})
	done := make(chan struct{})
	go func() { // accepting waits for the client's row
		defer close(done)
		_ = w.db.InTx(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.SetStatus(t.Context(), w.org.ID, w.client.ID, 0, wa.Standing{Status: wa.ClientNew, Reason: "locked by a test"}); err != nil {
				return err
			}
			if err := tx.RenameClient(t.Context(), w.org.ID, w.client.ID, "locked"); err != nil {
				return err
			}
			close(locked)
			<-release
			return nil
		})
	}()
	<-locked
	rename := call{method: "PATCH", path: "/api/v1/clients/{client}", body: `{"name":"x"}`, key: w.admin}
	slow := make(chan int, 2)
	for range 2 {
		go func() {
			status := http.StatusTooManyRequests
			for status == http.StatusTooManyRequests { // while the test itself asks
				status = w.do(t, rename).status
			}
			slow <- status
		}()
	}
	me := call{method: "GET", path: "/api/v1/event-types", key: w.admin}
	var refused reply
	testkit.Eventually(t, patience, "two requests are under way", func() bool {
		refused = w.do(t, me)
		return refused.status == http.StatusTooManyRequests
	})
	checkTooMany(t, refused)
	if r := w.do(t, call{method: "GET", path: "/api/v1/event-types", key: w.stranger.key}); r.status != http.StatusOK {
		t.Errorf("another org is refused: %d", r.status)
	}
	free()
	<-done
	for range 2 {
		if status := <-slow; status != http.StatusOK {
			t.Errorf("a request under way was answered with %d", status)
		}
	}
	if r := w.do(t, me); r.status != http.StatusOK {
		t.Errorf("afterwards: %d", r.status)
	}
	stream := call{method: "GET", path: "/api/v1/events/stream", key: w.admin}
	first := w.open(t, t.Context(), stream)
	defer first.Body.Close()
	if first.StatusCode != http.StatusOK {
		t.Fatalf("the first stream: %d", first.StatusCode)
	}
	checkTooMany(t, w.do(t, stream))
	checkTooMany(t, w.do(t, call{method: "GET", path: "/api/v1/events?wait=1&types=webhook.test", key: w.admin}))
	if got, _ := w.times(t, 5, me); got[http.StatusOK] != 5 {
		t.Errorf("beside a stream: %v", got)
	}
}
