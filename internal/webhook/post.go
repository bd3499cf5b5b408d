package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"chasqui/internal/egress"
	"chasqui/internal/store"
	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
)

// maxAnswer is how much of an answer is read and kept.
const maxAnswer = 16 << 10

// target is an endpoint with everything that a request to it takes.
type target struct {
	wa.Endpoint
	headers map[string]string
	keys    []key
}

// answer is what came of one request.
type answer struct {
	wa.Attempt
	asked   time.Duration // Retry-After
	control string        // webhook-delivery
}

// good reports whether the receiver took it.
func (a answer) good() bool { return a.Error == wa.AttemptOK }

// post makes one attempt. It takes as long as the endpoint's timeout at most,
// whatever the receiver does.
func (s *Service) post(ctx context.Context, to target, d store.Due, made *bodies) (out answer) {
	at := s.now()
	out = answer{Attempt: wa.Attempt{Delivery: d.ID, OrgID: d.OrgID, Number: d.Attempts + 1, Trigger: d.Trigger, At: at}}
	began := time.Now()
	defer func() { out.DurationMS = int(time.Since(began).Milliseconds()) }()
	if d.Gone {
		out.Error, out.Detail = wa.AttemptUnreadable, "the event is not kept any more"
		return out
	}
	to, err := to.of(d)
	if err != nil {
		out.Error, out.Detail = wa.AttemptUnreadable, "the message names no address"
		return out
	}
	id, text, err := made.request(d, to)
	if err != nil {
		out.Error, out.Detail = wa.AttemptUnreadable, "the event cannot be read"
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(to.TimeoutMS)*time.Millisecond)
	defer cancel()
	from := &peer{}
	req, err := s.request(httptrace.WithClientTrace(ctx, from.trace()), to, id, at, text)
	if err != nil {
		out.Error, out.Detail = wa.AttemptProtocol, "the address cannot be called"
		return out
	}
	out.Signature = req.Header.Get("Webhook-Signature")
	res, err := s.http.Do(req)
	out.IP = from.get()
	if err != nil {
		out.Error, out.Detail = explain(err)
		return out
	}
	defer res.Body.Close()
	out.read(res, to, at)
	return out
}

func (s *Service) request(ctx context.Context, to target, id string, at time.Time, text []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for name, value := range to.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "chasqui-webhooks/"+s.opt.Version)
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	req.Header.Set("Webhook-Signature", sign(to.keys, id, at, text))
	if link := telemetry.Link(ctx); link != "" {
		req.Header.Set("Traceparent", link)
	}
	return req, nil
}

// read takes in an answer, as much of it as is kept.
func (a *answer) read(res *http.Response, to target, now time.Time) {
	a.Status = res.StatusCode
	a.asked = retryAfter(res.Header, now)
	a.control = strings.ToLower(strings.TrimSpace(res.Header.Get("Webhook-Delivery")))
	raw, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // what arrived is kept, whole or not
	a.Body = to.redact(strings.ToValidUTF8(string(raw), "\uFFFD"))
	a.Headers = to.redactHeaders(res.Header)
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
	case res.StatusCode >= 300 && res.StatusCode < 400:
		a.Error, a.Detail = wa.AttemptRedirect, "Location: "+to.redact(short(res.Header.Get("Location")))
	default:
		a.Error = wa.AttemptStatus
	}
}

// unkept are the answer's headers whose values are not kept.
var unkept = map[string]bool{"Set-Cookie": true, "Authorization": true, "Www-Authenticate": true, "Proxy-Authenticate": true}

func (t target) redactHeaders(h http.Header) map[string][]string {
	out := map[string][]string{}
	for name, values := range h {
		if unkept[name] {
			out[name] = []string{hidden}
			continue
		}
		for _, v := range values {
			out[name] = append(out[name], t.redact(v))
		}
	}
	return out
}

// redact takes out what a receiver may have sent back of our own credentials.
func (t target) redact(s string) string {
	for _, value := range t.headers {
		if len(value) >= 6 {
			s = strings.ReplaceAll(s, value, hidden)
		}
	}
	for _, k := range t.keys {
		s = strings.ReplaceAll(s, encodeSecret(k.raw), hidden)
	}
	return s
}

// explain gives the kind of a failed request, in our words: the error itself
// would tell what is inside our network.
func explain(err error) (wa.AttemptError, string) {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.Is(err, egress.ErrForbidden):
		return wa.AttemptForbidden, "the address leads to a network that may not be reached"
	case errors.As(err, &dns):
		return wa.AttemptDNS, "the host name could not be resolved"
	case errors.As(err, &cert):
		return wa.AttemptTLS, "the certificate is not trusted: " + short(cert.Err.Error())
	case errors.As(err, &alert), errors.As(err, &record):
		return wa.AttemptTLS, "the TLS handshake failed"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return wa.AttemptTimeout, "no answer in time"
	case errors.As(err, &op) && op.Op == "dial":
		return wa.AttemptConnect, "the connection was refused or could not be made"
	case errors.As(err, &op), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return wa.AttemptConnect, "the connection broke off"
	}
	return wa.AttemptProtocol, "the answer is not HTTP"
}

// short cuts what strangers say to what fits into a line.
func short(s string) string {
	if len(s) > 300 {
		return clip(s, 300)
	}
	return s
}

// peer notes the address that was connected to.
type peer struct {
	mu sync.Mutex
	ip string
}

func (p *peer) get() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ip
}

func (p *peer) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		at, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String())
		if err != nil {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ip = at.Addr().Unmap().String()
	}}
}
