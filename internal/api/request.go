package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	requestsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_http_requests_total", Help: "Requests answered, by method, route and status.",
	}, []string{"method", "route", "code"})
	requestSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "chasqui_http_request_seconds", Help: "From a request's head to the end of its answer. Streams and long polls are left out.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"route"})
)

const (
	headerRequestID      = "X-Request-Id"
	headerIdempotencyKey = "Idempotency-Key"
)

// What the handlers leave in gin's context for the log.
const (
	noteOrg     = "org"
	noteFailure = "failure"
	noteWaited  = "waited"
)

var wellFormedID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// observe names, times, counts and logs every request: one line each, without
// query strings, bodies or addresses.
func (a *api) observe(c *gin.Context) {
	began := time.Now()
	id := c.GetHeader(headerRequestID)
	if !wellFormedID.MatchString(id) {
		id = "req_" + strings.ToLower(rand.Text())
	}
	h := c.Writer.Header()
	h.Set(headerRequestID, id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	c.Request.Body = wholeBody{c.Request.Body}
	span := a.trace(c)
	c.Next()

	route, took := c.FullPath(), time.Since(began)
	if route == "" {
		route = "none"
	}
	method, status := methodLabel(c.Request.Method), c.Writer.Status()
	requestsTotal.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	a.countRefused(c, status)
	if !c.GetBool(noteWaited) {
		requestSeconds.WithLabelValues(route).Observe(took.Seconds())
	}
	a.log(c, method, route, status, took)
	ended(span, method, route, status)
}

func (a *api) log(c *gin.Context, method, route string, status int, took time.Duration) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("request", c.Writer.Header().Get(headerRequestID)), slog.String("method", method), slog.String("route", route),
		slog.Int("status", status), slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	if org := c.GetString(noteOrg); org != "" {
		attrs = append(attrs, slog.String("org", org))
	}
	if failure, ok := c.Get(noteFailure); ok {
		level = slog.LevelWarn
		if status == http.StatusInternalServerError {
			level = slog.LevelError
		}
		attrs = append(attrs, slog.String("error", fmt.Sprint(failure)))
	}
	a.Log.LogAttrs(context.WithoutCancel(c.Request.Context()), level, "request", attrs...)
}

// recoverPanic answers a panic like any other failure of ours.
func (a *api) recoverPanic(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		if c.Request.Context().Err() != nil {
			c.Abort() // the caller has gone; writing to nobody is what failed
			return
		}
		c.Set(noteFailure, fmt.Sprintf("panic: %v\n%s", v, debug.Stack()))
		if !c.Writer.Written() {
			a.refuse(c, problemFrom(fmt.Errorf("panic: %v", v), "body"))
		}
		c.Abort()
	}()
	c.Next()
}

// refuse answers with a problem, outside huma.
func (a *api) refuse(c *gin.Context, p *Problem) {
	p = a.weigh(c, p)
	if p.Status == http.StatusTooManyRequests {
		a.linger(c)
	}
	a.prepare(c, p)
	for name, values := range p.GetHeaders() {
		c.Writer.Header()[name] = values
	}
	c.Data(p.Status, p.ContentType(""), p.encode())
	c.Abort()
}

// prepare completes a problem and notes its cause for the log, once.
func (a *api) prepare(c *gin.Context, p *Problem) {
	p.finish(c.Writer.Header().Get(headerRequestID), a.now())
	if tag := p.translate(c.GetHeader("Accept-Language")); tag != "" {
		c.Header("Content-Language", tag)
	}
	if _, noted := c.Get(noteFailure); !noted && p.cause != nil && p.Status >= http.StatusInternalServerError {
		c.Set(noteFailure, p.cause)
	}
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// methodLabel keeps what callers invent out of labels and logs.
func methodLabel(method string) string {
	if slices.Contains(methods, method) {
		return method
	}
	return "other"
}

// wholeBody tells huma of every body that breaks off as of one that did not
// arrive in time, because that answer is right and "internal" is not.
type wholeBody struct{ io.ReadCloser }

func (b wholeBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = brokenOff{err}
	}
	return n, err
}

// brokenOff is a net.Error.
type brokenOff struct{ error }

func (brokenOff) Timeout() bool   { return true }
func (brokenOff) Temporary() bool { return false }
