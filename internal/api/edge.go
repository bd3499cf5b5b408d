package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// What browsers may do with what we serve. Answers of the API are data; pages
// run only scripts that came with them as files. Styles may be inline, because
// component libraries set them.
const (
	dataPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	PagePolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; " +
		"connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

// Secure sets the headers that tell browsers what not to do, for data. A page
// replaces Content-Security-Policy by PagePolicy. publicURL is the address under
// which browsers come: over https they are told to keep to it.
func Secure(h http.Header, publicURL string) {
	h.Set("Content-Security-Policy", dataPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if strings.HasPrefix(publicURL, "https://") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// maxHeader is how many bytes all headers of a request may have. The server's
// own limit is higher, and its answer is no problem of ours.
const maxHeader = 32 << 10

// edge is what every request passes before anybody looks at what it asks.
type edge struct {
	publicURL string
	origins   []string // whose pages may read answers
	suffix    string   // of our cookies' names

	// Cookies and remembered passwords travel with whatever page asks. Who sends
	// one must come from our own pages; who wants one may also come from the
	// origins.
	own, known *http.CrossOriginProtection
}

func newEdge(publicURL string, origins []string) *edge {
	e := &edge{publicURL: publicURL, origins: origins, suffix: cookieSuffix(publicURL), own: http.NewCrossOriginProtection(), known: http.NewCrossOriginProtection()}
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		trust(e.own, u.Scheme+"://"+u.Host)
		trust(e.known, u.Scheme+"://"+u.Host)
	}
	for _, o := range origins {
		trust(e.known, o)
	}
	return e
}

// trust adds an origin; one that is none trusts nobody.
func trust(p *http.CrossOriginProtection, origin string) { _ = p.AddTrustedOrigin(origin) }

// guard answers what needs no handler: too many headers, questions of browsers
// before they ask, and requests that another site's page makes in somebody's
// name.
func (a *api) guard(c *gin.Context) {
	Secure(c.Writer.Header(), a.edge.publicURL)
	if size(c.Request.Header) > maxHeader {
		a.refuse(c, problemOf(http.StatusRequestHeaderFieldsTooLarge, "the headers are too large"))
		return
	}
	if a.edge.cors(c) {
		c.AbortWithStatus(http.StatusNoContent)
		return
	}
	if err := a.edge.sameSite(c.Request); err != nil {
		a.refuse(c, problemOf(http.StatusForbidden, "this request came from another site"))
		return
	}
	a.edge.ownCookies(c.Request)
}

func size(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

// cors lets the pages of known origins read answers, never with cookies. It
// reports whether the request was only a browser's question.
func (e *edge) cors(c *gin.Context) bool {
	origin := c.GetHeader("Origin")
	if origin == "" || len(e.origins) == 0 {
		return false
	}
	h := c.Writer.Header()
	h.Add("Vary", "Origin")
	if !slices.Contains(e.origins, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Expose-Headers",
		"X-Request-Id, Location, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Idempotent-Replayed, Preference-Applied")
	if c.Request.Method != http.MethodOptions || c.GetHeader("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer, X-API-Key, X-Request-Id, traceparent")
	h.Set("Access-Control-Max-Age", "600")
	return true
}

// authPath is below which people get in.
const authPath = v1 + "/auth/"

// setUpPath is where the first org is made, and its admin gets in.
const setUpPath = v1 + "/setup"

// sameSite refuses what changes something, is asked by another site's page, and
// carries, or is to get, what browsers send along by themselves.
func (e *edge) sameSite(r *http.Request) error {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case r.Header.Get("Cookie") != "" || strings.EqualFold(scheme, "Basic"):
		return e.own.Check(r)
	case strings.HasPrefix(r.URL.Path, authPath), r.URL.Path == setUpPath:
		return e.known.Check(r)
	}
	return nil
}
