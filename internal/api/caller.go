package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"chasqui/internal/wa"
)

// noteActor is where the actor of a request is noted in gin's context.
const noteActor = "actor"

// countRefused notes requests of somebody known that were refused or led
// nowhere: many in a short time look like a key in wrong hands.
func (a *api) countRefused(c *gin.Context, status int) {
	if status != http.StatusForbidden && status != http.StatusNotFound {
		return
	}
	if by, ok := c.Get(noteActor); ok {
		if actor, ok := by.(wa.Actor); ok {
			a.Audit.Refused(actor)
		}
	}
}

// countSent notes what was accepted: far more than usual looks like a key in
// wrong hands, too. An answer that was given before counts for nothing.
func (a *api) countSent(by wa.Actor, client wa.ClientID, n int, replayed bool) {
	if !replayed {
		a.Audit.Sent(by, client, n)
	}
}

// originOf says who makes a message: somebody in the dashboard, or a program.
func originOf(by wa.Actor) wa.Origin {
	if by.Session.IsZero() {
		return wa.FromAPI
	}
	return wa.FromDashboard
}
