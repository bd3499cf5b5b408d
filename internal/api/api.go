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
	"chasqui/internal/audit"
	"chasqui/internal/fleet"
	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// Deps is what the API stands on.
type Deps struct {
	DB       *store.DB
	Accounts *account.Service
	Messages *message.Service
	Fleet    *fleet.Service
	Webhooks *webhook.Service
	Audit    *audit.Service // nil makes one that tells nobody and anchors nothing

	// Queues is the page that shows the queues; nil leaves it out. It is
	// mounted at QueuesPath, for operators.
	Queues         http.Handler
	QueuesWritable bool

	PublicURL      string // shown in the OpenAPI document; "" leaves it out
	Version        string
	Log            *slog.Logger                    // nil discards
	Trace          *telemetry.Tracer               // nil traces nothing
	Ready          func(ctx context.Context) error // nil means always ready
	TrustedProxies []string                        // addresses whose X-Forwarded-For is believed
	Origins        []string                        // whose pages may read answers; without cookies
	Limits         Limits

	Watched Watched // nil knows nothing of the platform

	// Closing ends the streams and long polls when it is closed, so that a
	// server which shuts down need not wait for them. nil means never.
	Closing <-chan struct{}
}

// QueuesPath is where Deps.Queues is mounted.
const QueuesPath = "/admin/queues"

// The longest request bodies, in bytes: of operations that say nothing else, of
// messages, of batches.
const (
	MaxSmallBody = 64 << 10
	MaxBody      = 1 << 20
	MaxBatchBody = 4 << 20
)

// api holds what the handlers need.
type api struct {
	Deps
	edge    *edge
	under   underWay
	lingers chan struct{}
	feed    *feed
	huma    huma.API
	now     func() time.Time
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
	d.Audit = d.newAudit()
	a := &api{Deps: d, now: time.Now, feed: newFeed(d.DB), edge: newEdge(d.PublicURL, d.Origins), lingers: make(chan struct{}, lingering)}
	a.under = underWay{
		requests: d.Limits.Requests, streams: d.Limits.Streams, of: map[wa.OrgID]*orgWay{},
		turns: turns{atOnce: usualTurns(), of: map[wa.OrgID]*queue{}},
	}
	engine := a.engine()
	a.huma = humagin.New(engine, a.document())
	describeWords(a.huma.OpenAPI().Components.Schemas)
	a.routes()
	a.finishDocument()
	a.mountQueues(engine)
	a.mountDocs(engine)
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
	e.RemoteIPHeaders = []string{"X-Forwarded-For"} // a proxy that sets no X-Real-IP passes the caller's on
	e.Use(a.observe, a.recoverPanic, a.guard, a.countDocument)
	e.NoRoute(func(c *gin.Context) {
		a.refuse(c, problemOf(http.StatusNotFound, "there is nothing at this address"))
	})
	e.NoMethod(func(c *gin.Context) {
		a.refuse(c, problemOf(http.StatusMethodNotAllowed, "this address does not take "+methodLabel(c.Request.Method)))
	})
	return e
}
