//go:build chaos

package chaos_test

import (
	"net"
	"net/http"
	"time"
)

// Ways in which a receiver fails.
var (
	erring = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	busy   = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	hanging = func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-req.Context().Done():
		case <-time.After(5 * time.Second):
		}
	}
	// dripping refuses, a byte at a time, and never comes to an end in time.
	dripping = func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusInternalServerError)
		for n := 0; n < 50 && req.Context().Err() == nil; n++ {
			_, _ = w.Write([]byte{'.'})
			_ = http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	}
	breaking = func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if t, ok := c.(*net.TCPConn); ok {
				_ = t.SetLinger(0)
			}
			_ = c.Close()
		}
	}
)

func redirecting(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// endpointsDown is F19: one org's receiver is gone and comes back, another's
// fails in every way in turn, and the third's notices nothing.
func endpointsDown(r *rig, _ *load) {
	healthy, gone, sick := r.hooked[0], r.hooked[1], r.hooked[2]
	before, _ := healthy.count()
	bait := &sink{addr: freeAddr(r.t)} // inside: nothing may come here
	r.must(bait.open())
	defer bait.shut()
	bait.answers(erring)
	gone.shut()
	for _, way := range []http.HandlerFunc{erring, breaking, redirecting("http://" + bait.addr + "/"), dripping, busy, hanging} {
		_, had := sick.count()
		sick.answers(way)
		time.Sleep(2 * time.Second)
		r.soon(2*time.Second, func() bool { _, has := sick.count(); return has > had }) // none comes while the circuit is open
	}
	r.eventually("the healthy endpoint goes on", func() bool { now, _ := healthy.count(); return now > before+20 })
	sick.answers(nil)
	r.must(gone.open())
	bait.shut()
	if _, n := bait.count(); n > 0 {
		r.t.Errorf("F19: %d requests followed a redirect", n)
	}
	r.recover(gone)
}
