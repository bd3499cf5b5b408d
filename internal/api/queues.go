package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// mountQueues puts the queues page behind an operator's key: it shows the work
// of all orgs, which no org's key opens. A browser is asked for it as a
// password. The page itself defends nothing, so nobody may frame it, other sites
// may not post to it, and it only shows unless told otherwise.
func (a *api) mountQueues(e *gin.Engine) {
	if a.Queues == nil {
		return
	}
	sameSite := http.NewCrossOriginProtection()
	page := func(c *gin.Context) {
		by, err := a.Accounts.AuthenticateOperator(c.Request.Context(), anyCredential(c.Request))
		if err != nil {
			p := problemFrom(err, "header")
			if p.Status == http.StatusUnauthorized {
				p.challenge = `Basic realm="chasqui queues; the password is an operator's key", charset="UTF-8"`
			}
			a.refuse(c, p)
			return
		}
		if err := sameSite.Check(c.Request); err != nil {
			a.refuse(c, problemOf(http.StatusForbidden, "this request came from another site"))
			return
		}
		if err := a.auditQueues(c, by); err != nil {
			a.refuse(c, problemFrom(err, "header"))
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

// auditQueues notes what an operator is about to change. What cannot be noted
// is not done.
func (a *api) auditQueues(c *gin.Context, o wa.Operator) error {
	if c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead {
		return nil
	}
	ctx, by := c.Request.Context(), wa.Actor{Name: o.Name, Operator: o.ID, From: callerOf(c)}
	return a.DB.InTx(ctx, func(tx *store.Tx) error {
		return tx.Audit(by, wa.AuditQueuesChanged, c.Request.Method+" "+c.Request.URL.Path, nil, nil)
	})
}
