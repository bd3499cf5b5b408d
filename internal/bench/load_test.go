package bench_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// hammer posts over kept-alive connections of its own. It is made for this one
// purpose, because it shares the processors with what it measures.
type hammer struct {
	addr string // host:port
	head string // everything of a request's head but its first line and length
	ok   int    // the status that counts
}

func newHammer(base, key string, ok int) (hammer, error) {
	u, err := url.Parse(base)
	if err != nil {
		return hammer{}, err
	}
	return hammer{
		addr: u.Host, ok: ok,
		head: " HTTP/1.1\r\nHost: " + u.Host + "\r\nX-API-Key: " + key + "\r\nContent-Type: application/json\r\nContent-Length: ",
	}, nil
}

// shot is one request: the n-th of all.
type shot func(n int) (path string, body []byte)

// strike is what one or all connections did.
type strike struct {
	took []time.Duration
	err  error
	last time.Time
}

// line is one connection.
type line struct {
	h   hammer
	c   net.Conn
	r   *bufio.Reader
	buf []byte
}

func (h hammer) dial(ctx context.Context) (*line, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", h.addr)
	if err != nil {
		return nil, err
	}
	return &line{h: h, c: c, r: bufio.NewReaderSize(c, 16<<10)}, nil
}

func (l *line) post(path string, body []byte) error {
	l.buf = append(l.buf[:0], "POST "...)
	l.buf = append(append(l.buf, path...), l.h.head...)
	l.buf = append(strconv.AppendInt(l.buf, int64(len(body)), 10), "\r\n\r\n"...)
	if _, err := l.c.Write(append(l.buf, body...)); err != nil {
		return err
	}
	res, err := http.ReadResponse(l.r, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != l.h.ok {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 300)) // the status is what counts
		return fmt.Errorf("%s: %s %s", path, res.Status, said)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// closed keeps a number of connections busy for a time: each posts again as
// soon as it has its answer. It gives requests a second and their times.
func (h hammer) closed(ctx context.Context, conns int, d time.Duration, from int, next shot) (float64, []time.Duration, error) {
	began := time.Now()
	all := h.crew(ctx, conns, func(l *line, i int) (took []time.Duration, err error) {
		for n := from + i; time.Since(began) < d; n += conns {
			path, body := next(n)
			start := time.Now()
			if err := l.post(path, body); err != nil {
				return took, err
			}
			took = append(took, time.Since(start))
		}
		return took, nil
	})
	return float64(len(all.took)) / all.last.Sub(began).Seconds(), all.took, all.err
}

// open posts at a fixed rate, whatever the answers do. A request's time runs
// from when it was due, so that a stall is not hidden by those it held up.
func (h hammer) open(ctx context.Context, conns, rate int, d time.Duration, next shot) ([]time.Duration, error) {
	total, began := int(float64(rate)*d.Seconds()), time.Now().Add(100*time.Millisecond)
	all := h.crew(ctx, conns, func(l *line, i int) (took []time.Duration, err error) {
		for n := i; n < total; n += conns {
			due := began.Add(time.Duration(n) * time.Second / time.Duration(rate))
			time.Sleep(time.Until(due))
			path, body := next(n)
			if err := l.post(path, body); err != nil {
				return took, err
			}
			took = append(took, time.Since(due))
		}
		return took, nil
	})
	return all.took, all.err
}

// crew runs one function on each of some connections.
func (h hammer) crew(ctx context.Context, conns int, fn func(l *line, i int) ([]time.Duration, error)) strike {
	results := make([]strike, conns)
	var crew sync.WaitGroup
	for i := range conns {
		crew.Go(func() {
			l, err := h.dial(ctx)
			if err != nil {
				results[i].err = err
				return
			}
			defer l.c.Close()
			took, err := fn(l, i)
			results[i] = strike{took, err, time.Now()}
		})
	}
	crew.Wait()
	var all strike
	for _, r := range results {
		all.took = append(all.took, r.took...)
		if all.err == nil {
			all.err = r.err
		}
		if r.last.After(all.last) {
			all.last = r.last
		}
	}
	return all
}
