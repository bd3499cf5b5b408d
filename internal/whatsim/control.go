package whatsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// controlTimeout bounds calls that wait for a companion.
const controlTimeout = 30 * time.Second

var errBody = errors.New("whatsim: a JSON body is needed")

// controlHandler is the control API: what the exported methods of Server do, as JSON over HTTP, and the pocket-phone page.
// Failures answer {"error": "..."}.
func (s *Server) controlHandler() (http.Handler, error) {
	mux := http.NewServeMux()
	if err := s.servePage(mux); err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /view", reply(s.ctlView))
	mux.HandleFunc("GET /camera", reply(s.ctlLook))
	mux.HandleFunc("POST /camera/scan", reply(s.ctlScanShown))
	mux.HandleFunc("POST /phones", reply(s.ctlAddPhone))
	mux.HandleFunc("GET /info", reply(s.ctlInfo))
	mux.HandleFunc("GET /phones", reply(func(*http.Request) (any, error) { return s.Phones(), nil }))
	mux.HandleFunc("GET /phones/{number}", reply(func(r *http.Request) (any, error) { return s.Phone(r.PathValue("number")) }))
	mux.HandleFunc("PUT /phones/{number}", reply(s.ctlBehaviour))
	mux.HandleFunc("GET /waiting", reply(func(*http.Request) (any, error) { return s.Waiting(), nil }))
	mux.HandleFunc("GET /phones/{number}/passkey", reply(func(r *http.Request) (any, error) { return s.Passkey(r.PathValue("number")) }))
	mux.HandleFunc("POST /passkey", reply(s.ctlApprovePasskey))
	mux.HandleFunc("POST /passkey/refuse", reply(s.ctlRefusePasskey))
	mux.HandleFunc("POST /scan", reply(s.ctlScan))
	mux.HandleFunc("POST /code", reply(s.ctlCode))
	mux.HandleFunc("POST /write", reply(s.ctlWrite))
	mux.HandleFunc("POST /receipt", reply(s.ctlReceipt))
	mux.HandleFunc("POST /identity_change", reply(s.ctlIdentity))
	mux.HandleFunc("GET /rules", reply(func(*http.Request) (any, error) { return s.Rules(), nil }))
	mux.HandleFunc("POST /rules", reply(s.ctlAddRule))
	mux.HandleFunc("DELETE /rules", reply(func(*http.Request) (any, error) { s.ClearRules(); return done{}, nil }))
	mux.HandleFunc("DELETE /rules/{id}", reply(s.ctlRemoveRule))
	mux.HandleFunc("POST /drop", reply(s.ctlDrop))
	mux.HandleFunc("POST /stream_error", reply(s.ctlStreamError))
	mux.HandleFunc("POST /logout", reply(s.ctlLogout))
	mux.HandleFunc("POST /ban", reply(s.ctlBan))
	mux.HandleFunc("POST /unban", reply(s.ctlUnban))
	mux.HandleFunc("POST /refuse", reply(s.ctlRefuse))
	mux.HandleFunc("GET /messages", reply(s.ctlMessages))
	mux.HandleFunc("GET /wire", reply(s.ctlWire))
	mux.HandleFunc("GET /events", reply(s.ctlEvents))
	mux.HandleFunc("GET /stats", reply(func(*http.Request) (any, error) { return s.Stats(), nil }))
	mux.HandleFunc("GET /sockets", reply(func(r *http.Request) (any, error) { return s.Sockets(r.FormValue("number")), nil }))
	mux.HandleFunc("GET /overlaps", reply(func(*http.Request) (any, error) { return s.Overlaps(), nil }))
	return mux, nil
}

// done is the answer of calls that have nothing to say.
type done struct{}

// reply turns a function into a handler.
func reply(fn func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := fn(r)
		status := http.StatusOK
		if err != nil {
			status, out = statusOf(err), map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(out) // the caller is gone when this fails
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrUnknownQR), errors.Is(err, ErrNotPaired), errors.Is(err, ErrUnknownRule), errors.Is(err, ErrNoCamera), errors.Is(err, ErrNoPasskey):
		return http.StatusNotFound
	case errors.Is(err, ErrCode), errors.Is(err, ErrPairRefused), errors.Is(err, ErrPasskey):
		return http.StatusConflict
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	default:
		return http.StatusBadRequest
	}
}

// read decodes a JSON body. It insists on the content type, so that no foreign web page can post here.
func read(r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errBody
	}
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", errBody, err)
	}
	return nil
}

func (s *Server) ctlInfo(*http.Request) (any, error) {
	return map[string]string{
		"endpoint": s.Endpoint(), "root_key": s.RootKeyHex(), "ca_pem": string(s.CAPEM()), "ca_file": s.CAFile(),
	}, nil
}

func (s *Server) ctlBehaviour(r *http.Request) (any, error) {
	var b Behaviour
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if err := s.SetBehaviour(r.PathValue("number"), b); err != nil {
		return nil, err
	}
	return s.Phone(r.PathValue("number"))
}

// ctlMessages answers the decrypted inboxes. With wait it waits until that many entries are there, or the time is up.
func (s *Server) ctlMessages(r *http.Request) (any, error) {
	q := Query{To: r.FormValue("to"), From: r.FormValue("from"), ID: r.FormValue("id"), After: int64(intOf(r, "after")), All: intOf(r, "all") != 0}
	ctx, cancel := waitFor(r)
	defer cancel()
	out, err := s.WaitMessages(ctx, q, intOf(r, "wait"))
	return map[string]any{"messages": out, "complete": err == nil}, nil
}

func (s *Server) ctlEvents(r *http.Request) (any, error) {
	q := EventQuery{
		Kind: r.FormValue("kind"), Number: r.FormValue("number"), Peer: r.FormValue("peer"), ID: r.FormValue("id"), After: int64(intOf(r, "after")),
	}
	ctx, cancel := waitFor(r)
	defer cancel()
	out, err := s.WaitEvents(ctx, q, intOf(r, "wait"))
	return map[string]any{"events": out, "complete": err == nil}, nil
}

func (s *Server) ctlWire(r *http.Request) (any, error) {
	return map[string]any{"frames": s.Frames(r.FormValue("number"), int64(intOf(r, "after")))}, nil
}

func intOf(r *http.Request, key string) int {
	n, _ := strconv.Atoi(r.FormValue(key))
	return n
}

// waitFor bounds a waiting call by timeout_ms, ten seconds when it is not given.
func waitFor(r *http.Request) (context.Context, context.CancelFunc) {
	wait := time.Duration(intOf(r, "timeout_ms")) * time.Millisecond
	if wait <= 0 {
		wait = 10 * time.Second
	}
	return context.WithTimeout(r.Context(), wait)
}
