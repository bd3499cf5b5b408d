package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"chasqui/internal/wa"
)

// ticket is one request under way. It has its org's turn from when all of it has
// come until its answer begins to go, so that nobody's slow line takes a turn;
// one that is held takes a turn for every piece of its work.
type ticket struct {
	all  *underWay
	org  wa.OrgID
	held bool // it counts as a stream
	work int  // of the turn that it has
}

// begin waits for the org's turn; it fails when ctx ends first.
func (t *ticket) begin(ctx context.Context, work int) error {
	if err := t.all.turns.take(ctx, t.org, work); err != nil {
		return err
	}
	t.work = work
	return nil
}

// rest gives the turn back.
func (t *ticket) rest() {
	if work := t.work; work > 0 {
		t.work = 0
		t.all.turns.end(t.org, work)
	}
}

// answer is a response whose first byte gives the turn back.
type answer struct {
	gin.ResponseWriter
	t *ticket
}

func (w *answer) Write(b []byte) (int, error) {
	w.t.rest()
	return w.ResponseWriter.Write(b)
}

func (w *answer) WriteString(s string) (int, error) {
	w.t.rest()
	return w.ResponseWriter.WriteString(s)
}

// Unwrap is for whoever sets deadlines.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// bodyWithin is how long a body may take to come.
const bodyWithin = 5 * time.Second

// collect reads a request's body, as far as the operation may want it. Whatever
// goes wrong is what reading it gives later on, too.
func collect(ctx huma.Context, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	_ = ctx.SetReadDeadline(time.Now().Add(bodyWithin)) // a server that cannot has other bounds
	var come bytes.Buffer
	_, err := io.Copy(&come, io.LimitReader(r.Body, ctx.Operation().MaxBodyBytes+1))
	rest := io.Reader(r.Body)
	switch {
	case err != nil:
		rest = failing{err}
	case int64(come.Len()) <= ctx.Operation().MaxBodyBytes: // it is all there
		_ = ctx.SetReadDeadline(time.Time{}) // or the request ends with it
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&come, rest), r.Body}
}

// failing is a body that broke off.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
