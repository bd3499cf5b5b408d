package bench_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// The bare part of accepting a message runs the very statements that accepting
// runs: they are listened to on the wire, together with where the round trips
// end. So the bare part follows when the statements change.

// exchange is one round trip: a plain query, or prepared statements up to a
// sync.
type exchange struct {
	Query string      `json:"query,omitempty"`
	Calls []statement `json:"calls,omitempty"`
}

// statement is one prepared statement with its parameters as they go over the wire.
type statement struct {
	Statement string   `json:"statement"`
	Params    [][]byte `json:"params"`
	Formats   []int16  `json:"formats"`
	Results   []int16  `json:"results"`
}

// prepared is a statement's text.
type prepared struct {
	Name string   `json:"name"`
	SQL  string   `json:"sql"`
	OIDs []uint32 `json:"oids"`
}

// template is the recording of one message being accepted, and what in it
// belongs to that message alone.
type template struct {
	Client    wa.ClientID  `json:"client"`
	Message   wa.MessageID `json:"message"`
	Event     string       `json:"event"` // uuid
	Wire      string       `json:"wire"`
	Exchanges []exchange   `json:"exchanges"`
}

// recording is what the bare handler needs.
type recording struct {
	Statements []prepared `json:"statements"`
	Templates  []template `json:"templates"`
}

// wiretap stands between a client and Postgres and notes what the client says.
type wiretap struct {
	backend  string
	network  string
	listener net.Listener

	mu         sync.Mutex
	statements map[string]prepared
	heard      []exchange
	pending    []statement
	err        error
}

// tap gives a URL that leads to the database through a wiretap.
func tap(ctx context.Context, database string) (*wiretap, string, error) {
	cfg, err := pgconn.ParseConfig(database)
	if err != nil {
		return nil, "", err
	}
	network, backend := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	w := &wiretap{backend: backend, network: network, listener: l, statements: map[string]prepared{}}
	go w.serve()
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: l.Addr().String(), Path: "/" + cfg.Database, RawQuery: "sslmode=disable"}
	return w, u.String(), nil
}

func (w *wiretap) serve() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			if err := w.relay(c); err != nil {
				w.mu.Lock()
				w.err = err
				w.mu.Unlock()
			}
		}()
	}
}

// relay passes bytes on, and whole messages of the client only after noting
// them, so that what was answered has been noted.
func (w *wiretap) relay(c net.Conn) error {
	b, err := net.Dial(w.network, w.backend)
	if err != nil {
		return err
	}
	defer b.Close()
	go func() { _, _ = io.Copy(c, b); c.Close() }()
	started := false
	for {
		head := make([]byte, 5)
		if !started {
			head = head[:4]
		}
		if _, err := io.ReadFull(c, head); err != nil {
			return nil //nolint:nilerr // the client has gone
		}
		body := make([]byte, binary.BigEndian.Uint32(head[len(head)-4:])-4)
		if _, err := io.ReadFull(c, body); err != nil {
			return err
		}
		if started {
			if err := w.note(head[0], body); err != nil {
				return err
			}
		}
		started = true
		if _, err := b.Write(append(head, body...)); err != nil {
			return err
		}
	}
}

func (w *wiretap) note(kind byte, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch kind {
	case 'Q':
		w.heard = append(w.heard, exchange{Query: string(bytes.TrimRight(body, "\x00"))})
	case 'P':
		var m pgproto3.Parse
		if err := m.Decode(body); err != nil {
			return err
		}
		w.statements[m.Name] = prepared{m.Name, m.Query, m.ParameterOIDs}
	case 'B':
		var m pgproto3.Bind
		if err := m.Decode(bytes.Clone(body)); err != nil {
			return err
		}
		w.pending = append(w.pending, statement{m.PreparedStatement, m.Parameters, m.ParameterFormatCodes, m.ResultFormatCodes})
	case 'S':
		if len(w.pending) > 0 {
			w.heard = append(w.heard, exchange{Calls: w.pending})
			w.pending = nil
		}
	}
	return nil
}

// take gives what was heard since the last time.
func (w *wiretap) take() []exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := w.heard
	w.heard = nil
	return heard
}

// record accepts a message to each of a client's first recipients and notes
// how; the people are known by then.
func (p *platform) record(ctx context.Context, clients []wa.ClientID, each int) (recording, error) {
	w, through, err := tap(ctx, p.url)
	if err != nil {
		return recording{}, err
	}
	defer w.listener.Close()
	db, err := store.Open(ctx, store.Options{URL: through, MaxConns: 1, Name: "wiretap"})
	if err != nil {
		return recording{}, err
	}
	defer db.Close()
	var out recording
	service := message.New(db, message.Options{})
	for _, client := range clients {
		for i := range each {
			t, err := p.recordOne(ctx, w, service, client, i)
			if err != nil {
				return recording{}, err
			}
			out.Templates = append(out.Templates, t)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.statements {
		out.Statements = append(out.Statements, s)
	}
	return out, w.err
}

func (p *platform) recordOne(ctx context.Context, w *wiretap, service *message.Service, client wa.ClientID, i int) (template, error) {
	by := wa.Actor{Org: p.org, Name: "bench", Scopes: []wa.Permission{wa.Everything}}
	d := wa.Draft{To: "+" + recipient(i), Type: wa.KindText, Text: &wa.Text{Body: body}, Lane: wa.Normal, Origin: wa.FromAPI}
	t := template{Client: client}
	for range 2 { // the first time the conversation is made
		w.take()
		a, err := service.Accept(ctx, by, client, d, wa.IdempotencyKey{})
		if err != nil {
			return t, err
		}
		t.Message, t.Wire, t.Exchanges = a.ID, a.WireID, w.take()
	}
	if len(t.Exchanges) < 3 {
		return t, fmt.Errorf("only %d round trips were heard", len(t.Exchanges))
	}
	return t, p.sql(ctx, func(c *pgx.Conn) error {
		return c.QueryRow(ctx, "SELECT id::text FROM events WHERE type = 'message.queued' AND data->'message'->>'id' = $1", t.Message.String()).Scan(&t.Event)
	})
}

// body is the text of every message whose acceptance is measured.
const body = "Your order 48213 has left our warehouse and will be with you tomorrow."
