package app

import (
	"net"
	"net/http"
	"sync/atomic"
)

// openConns is a listener that knows how many of its connections are open.
type openConns struct {
	net.Listener
	n atomic.Int64
}

// state is a server's ConnState hook.
func (o *openConns) state(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		o.n.Add(1)
	case http.StateClosed, http.StateHijacked:
		o.n.Add(-1)
	case http.StateActive, http.StateIdle: // it stays open
	}
}

// count is how many are open.
func (o *openConns) count() *int {
	n := int(o.n.Load())
	return &n
}
