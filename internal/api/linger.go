package api

import (
	"time"

	"github.com/gin-gonic/gin"
)

// lingering is how many refusals a process holds back at once. More than that
// are answered at once: held connections cost something, too.
const lingering = 256

// linger holds the answer back of somebody who asks for too much: whoever asks
// again at once, without a look at Retry-After, would keep the process busy with
// nothing but refusing.
func (a *api) linger(c *gin.Context) {
	if a.Limits.Linger == 0 {
		return
	}
	select {
	case a.lingers <- struct{}{}:
		defer func() { <-a.lingers }()
	default:
		return
	}
	c.Set(noteWaited, true)
	wait := time.NewTimer(a.Limits.Linger)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-a.Closing:
	case <-c.Request.Context().Done():
	}
}
