package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"chasqui/internal/wa"
)

// mountQueues puts the queues page behind a key with the admin scope. A browser
// is asked for it as a password. The page itself defends nothing, so nobody may
// frame it, other sites may not post to it, and it only shows unless told
// otherwise.
func (a *api) mountQueues(e *gin.Engine) {
	if a.Queues == nil {
		return
	}
	sameSite := http.NewCrossOriginProtection()
	page := func(c *gin.Context) {
		if _, p := a.identify(c, wa.Everything, anyCredential(c.Request)); p != nil {
			if p.challenge != "" {
				p.challenge = `Basic realm="chasqui queues; the password is an API key", charset="UTF-8"`
			}
			a.refuse(c, p)
			return
		}
		if err := sameSite.Check(c.Request); err != nil {
			a.refuse(c, problemOf(http.StatusForbidden, "this request came from another site"))
			return
		}
		h := c.Writer.Header()
		h.Set("Content-Security-Policy", "frame-ancestors 'none'")
		h.Set("X-Frame-Options", "DENY")
		a.Queues.ServeHTTP(c.Writer, c.Request)
	}
	reading := []string{http.MethodGet, http.MethodHead}
	writing := []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	e.Match(reading, QueuesPath, page)
	e.Match(reading, QueuesPath+"/*any", page)
	if a.QueuesWritable {
		e.Match(writing, QueuesPath+"/*any", page)
	}
}
