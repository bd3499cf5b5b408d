package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"chasqui/internal/cache"
	"chasqui/internal/wa"
)

// Limits bound what comes in. The zero value bounds nothing.
type Limits struct {
	Counter  Counter // nil counts nothing
	Stranger wa.Rate // requests of one address that nobody vouches for
	Caller   wa.Rate // of one key or person, unless the key has a rate of its own
	Org      wa.Rate

	// Of what is worth abusing.
	SignIn      wa.Rate // of one address, and proofs of one person
	Refresh     wa.Rate // of one address
	Reset       wa.Rate // of one address
	Invitations wa.Rate // of one org
	Pairing     wa.Rate // of one org
	Batches     wa.Rate // of one org

	// Of one org, under way in this process at once; 0 is no bound. Streams and
	// answers that are held back on purpose count apart.
	Requests, Streams int

	Linger time.Duration // for which the answer is held back of who asks for too much
}

// Counter counts requests.
type Counter interface {
	Take(ctx context.Context, limit cache.Limit, who string) cache.Verdict
}

// whose says by whom a flow is counted.
type whose int

const (
	byAddress whose = iota
	byCaller
	byOrg
)

// flow is an operation that has a limit of its own.
type flow struct {
	name   string
	by     whose
	closed bool
	rate   func(Limits) wa.Rate
}

// The flows. Those that are closed stay so while Redis is away.
var (
	signIn     = flow{"sign_in", byAddress, true, func(l Limits) wa.Rate { return l.SignIn }}
	stepUp     = flow{"step_up", byCaller, true, func(l Limits) wa.Rate { return l.SignIn }}
	refreshing = flow{"refresh", byAddress, false, func(l Limits) wa.Rate { return l.Refresh }}
	resetting  = flow{"password_reset", byAddress, true, func(l Limits) wa.Rate { return l.Reset }}
	inviting   = flow{"invitations", byOrg, true, func(l Limits) wa.Rate { return l.Invitations }}
	pairing    = flow{"pairing", byOrg, false, func(l Limits) wa.Rate { return l.Pairing }}
	batches    = flow{"batches", byOrg, false, func(l Limits) wa.Rate { return l.Batches }}
	strangers  = flow{"unauthenticated", byAddress, false, func(l Limits) wa.Rate { return l.Stranger }}
	supervised = flow{name: "none"}
)

// lookUps is the limit on looking for keys; lookUpsEach is how many unknown keys of one address are looked for while one
// request of it may be refused: each costs a transaction, but the good ones
// among them, each unknown once to every process, must get through.
const (
	lookUps     = "unknown_keys"
	lookUpsEach = 10
)

// flows lists which operations have limits of their own. Every other one counts
// against its caller and the caller's org, or, where nobody is asked who they
// are, against the address.
var flows = map[string]flow{
	"POST " + authPath + "sign-in":                    signIn,
	"POST " + authPath + "second-factor":              signIn,
	"POST " + authPath + "otp/send":                   signIn,
	"GET " + authPath + "oidc/{org}/start":            signIn,
	"GET " + authPath + "oidc/{org}/callback":         signIn,
	"POST " + setUpPath:                               signIn,
	"POST " + authPath + "refresh":                    refreshing,
	"POST " + authPath + "sign-out":                   refreshing,
	"POST " + authPath + "password/forgot":            resetting,
	"POST " + authPath + "password/reset":             resetting,
	"POST " + authPath + "unlock":                     resetting,
	"POST " + authPath + "step-up":                    stepUp,
	"POST " + v1 + "/me/password":                     stepUp,
	"POST " + v1 + "/me/totp/confirm":                 stepUp,
	"POST " + v1 + "/me/phone":                        stepUp,
	"POST " + v1 + "/me/phone/confirm":                stepUp,
	"POST " + v1 + "/invitations":                     inviting,
	"POST " + v1 + "/clients/{client}/pair":           pairing,
	"POST " + v1 + "/clients/{client}/messages/batch": batches,

	"GET /health": supervised,
	"GET /livez":  supervised,
	"GET /readyz": supervised,
}

// ask takes one from a limit.
func (a *api) ask(c *gin.Context, f flow, rate wa.Rate, who string, leased bool) *Problem {
	if a.Limits.Counter == nil || rate.IsZero() {
		return nil
	}
	limit := cache.Limit{Name: f.name, Rate: rate, Closed: f.closed, Leased: leased}
	v := a.Limits.Counter.Take(c.Request.Context(), limit, who)
	show(c, v)
	if v.OK {
		return nil
	}
	return tooMany(f.name, rate, v.RetryAfter)
}

func tooMany(name string, rate wa.Rate, after time.Duration) *Problem {
	p := problemOf(http.StatusTooManyRequests, fmt.Sprintf("%s: more than %d within %s", strings.ReplaceAll(name, "_", " "), rate.Count, rate.Per))
	p.retryAfter, p.Retryable = max(after, time.Second), true
	return p
}

// countLookUp counts, before it is done, the look-up of a key that this process
// does not know. It is no part of what callers are told about their limits.
func (a *api) countLookUp(c *gin.Context, key wa.Secret) *Problem {
	rate := a.Limits.Stranger
	if a.Limits.Counter == nil || rate.IsZero() || a.Accounts.Remembers(key) {
		return nil
	}
	rate.Count *= lookUpsEach
	for _, who := range []string{address(c), wideNetwork(c)} {
		if who == "" {
			continue
		}
		v := a.Limits.Counter.Take(c.Request.Context(), cache.Limit{Name: lookUps, Rate: rate}, who)
		if !v.OK {
			return tooMany(lookUps, rate, v.RetryAfter)
		}
		rate.Count *= wideTimes
	}
	return nil
}

// show tells the caller how much is left of the tightest limit that was asked.
func show(c *gin.Context, v cache.Verdict) {
	h := c.Writer.Header()
	if before, err := strconv.Atoi(h.Get("RateLimit-Remaining")); err == nil && before <= v.Remaining {
		return
	}
	h.Set("RateLimit-Limit", strconv.Itoa(v.Limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(v.Remaining))
	h.Set("RateLimit-Reset", strconv.Itoa(int((v.Reset+time.Second-1)/time.Second)))
}

// metered counts a request that somebody is known for, and bounds how many of
// one org are under way.
func (a *api) metered(f flow, work int) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humagin.Unwrap(ctx)
		by := actorOf(ctx.Context())
		if p := a.countCaller(c, by, f); p != nil {
			a.refuse(c, p)
			return
		}
		t, ok := a.under.enter(by.Org)
		if !ok {
			a.refuse(c, crowded("requests"))
			return
		}
		defer t.leave()
		collect(ctx, c.Request)
		if err := t.begin(ctx.Context(), work); err != nil { // the caller has gone
			a.refuse(c, problemOf(http.StatusServiceUnavailable, "the request was given up before it was its turn"))
			return
		}
		c.Writer = &answer{c.Writer, t}
		c.Set(noteTicket, t)
		next(ctx)
	}
}

func (a *api) countCaller(c *gin.Context, by wa.Actor, f flow) *Problem {
	l, org, who := a.Limits, by.Org.String(), callerName(by)
	if p := a.ask(c, flow{name: "caller"}, callerRate(by, l.Caller), who, true); p != nil {
		return p
	}
	if p := a.ask(c, flow{name: "org"}, l.Org, org, true); p != nil {
		return p
	}
	switch {
	case f.rate == nil:
		return nil
	case f.by == byCaller:
		return a.ask(c, f, f.rate(l), who, false)
	case f.by == byOrg:
		return a.ask(c, f, f.rate(l), org, false)
	}
	return a.askAddress(c, f, f.rate(l))
}

// callerName names the key or person who asks; what has neither counts as its
// org.
func callerName(by wa.Actor) string {
	switch {
	case !by.Key.IsZero():
		return by.Key.String()
	case !by.User.IsZero():
		return by.User.String()
	}
	return by.Org.String()
}

// callerRate is the key's own rate, or the usual one.
func callerRate(by wa.Actor, usual wa.Rate) wa.Rate {
	if by.Rate > 0 {
		return wa.Rate{Count: by.Rate, Per: time.Minute}
	}
	return usual
}

// counted counts a request that nobody is known for.
func (a *api) counted(f flow) func(huma.Context, func(huma.Context)) {
	if f.rate == nil {
		f = strangers
	}
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humagin.Unwrap(ctx)
		if p := a.askAddress(c, f, f.rate(a.Limits)); p != nil {
			a.refuse(c, p)
			return
		}
		next(ctx)
	}
}

// weigh counts what was refused before any operation counted it: without
// a valid credential, or at an address where there is nothing. Who asks for too
// much of that is told so instead.
func (a *api) weigh(c *gin.Context, p *Problem) *Problem {
	nowhere := c.FullPath() == "" && (p.Status == http.StatusNotFound || p.Status == http.StatusMethodNotAllowed)
	var over *Problem
	switch {
	case p.Status == http.StatusUnauthorized || nowhere:
		over = a.askAddress(c, strangers, a.Limits.Stranger)
	case p.Status == http.StatusForbidden && c.GetString(noteOrg) != "":
		over = a.ask(c, flow{name: "org"}, a.Limits.Org, c.GetString(noteOrg), true)
	}
	if over != nil {
		return over
	}
	return p
}

// countDocument counts what huma serves by itself.
func (a *api) countDocument(c *gin.Context) {
	if !strings.HasPrefix(c.FullPath(), "/api/openapi") {
		return
	}
	if p := a.askAddress(c, strangers, a.Limits.Stranger); p != nil {
		a.refuse(c, p)
	}
}
