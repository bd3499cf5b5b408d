// Package api is the HTTP face of chasqui: it decodes requests, asks the store
// (to read) or a verb (to change something), and encodes what came of it.
// routes.go is its table of contents. Decisions belong to the verbs.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"chasqui/internal/account"
	"chasqui/internal/fleet"
	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/telemetry"
	"chasqui/internal/webhook"
)

// Deps is what the API stands on.
type Deps struct {
	DB       *store.DB
	Accounts *account.Service
	Messages *message.Service
	Fleet    *fleet.Service
	Webhooks *webhook.Service

	// Queues is the page that shows the queues; nil leaves it out. It is
	// mounted at QueuesPath, for keys with the admin scope.
	Queues         http.Handler
	QueuesWritable bool

	PublicURL      string // shown in the OpenAPI document; "" leaves it out
	Version        string
	Log            *slog.Logger                    // nil discards
	Trace          *telemetry.Tracer               // nil traces nothing
	Ready          func(ctx context.Context) error // nil means always ready
	TrustedProxies []string                        // addresses whose X-Forwarded-For is believed

	// Closing ends the streams and long polls when it is closed, so that a
	// server which shuts down need not wait for them. nil means never.
	Closing <-chan struct{}
}

// QueuesPath is where Deps.Queues is mounted.
const QueuesPath = "/admin/queues"

// MaxBody and MaxBatchBody are the longest request bodies, in bytes.
const (
	MaxBody      = 1 << 20
	MaxBatchBody = 4 << 20
)

// api holds what the handlers need.
type api struct {
	Deps
	feed *feed
	huma huma.API
	now  func() time.Time
}

// New wires the handlers. The server that runs them sets the timeouts; streams
// lift the write timeout for themselves.
func New(d Deps) http.Handler {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Ready == nil {
		d.Ready = func(context.Context) error { return nil }
	}
	a := &api{Deps: d, now: time.Now, feed: newFeed(d.DB)}
	engine := a.engine()
	a.huma = humagin.New(engine, a.document())
	a.routes()
	a.finishDocument()
	a.mountQueues(engine)
	return engine
}

func (a *api) engine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false
	if err := e.SetTrustedProxies(a.TrustedProxies); err != nil {
		a.Log.Error("no proxy is trusted: the list of trusted proxies cannot be read", "error", err)
		_ = e.SetTrustedProxies(nil) // an empty list cannot be malformed
	}
	e.Use(a.observe, a.recoverPanic)
	e.NoRoute(func(c *gin.Context) {
		a.refuse(c, problemOf(http.StatusNotFound, "there is nothing at this address"))
	})
	e.NoMethod(func(c *gin.Context) {
		a.refuse(c, problemOf(http.StatusMethodNotAllowed, "this address does not take "+methodLabel(c.Request.Method)))
	})
	return e
}
