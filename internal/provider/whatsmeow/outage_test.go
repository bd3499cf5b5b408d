package whatsmeow_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"chasqui/internal/chaos"
	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/whatsim"
)

// behindProxy opens the database a second time, through a proxy that can take it
// away.
func (w *world) behindProxy() (*store.DB, *chaos.Proxy) {
	w.t.Helper()
	cfg, err := config()
	if err != nil {
		w.t.Fatal(err)
	}
	network, addr := "tcp", fmt.Sprintf("%s:%d", cfg.Host, cfg.Port)
	if strings.HasPrefix(cfg.Host, "/") {
		network, addr = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", cfg.Host, cfg.Port)
	}
	p, err := chaos.NewProxy(network, addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = p.Close() })
	u := url.URL{Scheme: "postgres", Host: p.Addr(), Path: keeping.name, User: url.UserPassword(cfg.User, cfg.Password), RawQuery: "sslmode=disable"}
	return testkit.OpenDB(w.t, u.String()), p
}

// What comes while the database is away cannot be stored, and the network
// repeats it only to a new connection. To hang up for it before anybody could
// store it would cost the line for the whole outage.
func TestALineOutlivesAnOutageOfTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db, proxy := w.behindProxy()
	w.p = w.provider(func(o *whatsmeow.Options) { o.DB = db })
	n := w.pair("15550180001")
	const phone = "15550180002"
	n.write(phone, "before")
	await[provider.Received](t, n.sink, 0, nil)
	n.supervise()

	proxy.Refuse()
	n.sink.setFail(func(provider.Update) error { return errTest })
	all := w.sim.Events(whatsim.EventQuery{})
	lost := n.write(phone, "during")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the line was given up within a hundredth of it
	defer cancel()
	if down, err := w.sim.WaitEvents(ctx, whatsim.EventQuery{Kind: whatsim.EventClosed, Number: n.phone, After: all[len(all)-1].Seq}, 1); err == nil {
		t.Fatalf("the line was given up during the outage: %+v", down)
	}

	n.sink.setFail(nil)
	proxy.Pass()
	if r := await(t, n.sink, 0, func(r provider.Received) bool { return r.WireID == lost }); r.Content == nil {
		t.Errorf("what came during the outage cannot be read: %+v", r)
	}
}
