package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// own and recipient are the numbers of clients and of the people they write to.
func own(i int) string       { return fmt.Sprintf("55119%08d", 1000+i) }
func recipient(i int) string { return fmt.Sprintf("55118%08d", i) }

// call asks once, as JSON. Statuses from 300 on are errors.
func call(ctx context.Context, method, address, key string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("X-API-Key", key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %.300s", method, address, res.Status, raw)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

func (p *platform) call(ctx context.Context, method, path string, in, out any) error {
	return call(ctx, method, p.api+"/api/v1"+path, p.key, in, out)
}

func (p *platform) simCall(ctx context.Context, method, path string, in, out any) error {
	return call(ctx, method, p.sim.Control+path, "", in, out)
}

// draft is one text as callers write it.
type draft struct {
	To   string  `json:"to"`
	Type string  `json:"type"`
	Text wa.Text `json:"text"`
	Lane string  `json:"lane,omitempty"`
}

func text(to, body string, lane wa.Lane) draft {
	return draft{To: "+" + to, Type: wa.KindText, Text: wa.Text{Body: body}, Lane: lane.String()}
}

func (p *platform) send(ctx context.Context, client wa.ClientID, m draft) (id wa.MessageID, err error) {
	var out struct {
		ID wa.MessageID `json:"id"`
	}
	err = p.call(ctx, http.MethodPost, "/clients/"+client.String()+"/messages", m, &out)
	return out.ID, err
}

// sendMany hands messages in, up to a thousand in one request.
func (p *platform) sendMany(ctx context.Context, client wa.ClientID, messages []draft) error {
	for len(messages) > 0 {
		n := min(len(messages), wa.MaxBatch)
		var out struct{ Accepted, Rejected int }
		err := p.call(ctx, http.MethodPost, "/clients/"+client.String()+"/messages/batch", map[string]any{"messages": messages[:n]}, &out)
		if err != nil {
			return err
		}
		if out.Rejected > 0 {
			return fmt.Errorf("%d of %d messages were refused", out.Rejected, n)
		}
		messages = messages[n:]
	}
	return nil
}

// clients makes and pairs n clients, some at a time. limits are merged into
// the defaults; nil leaves them.
func (p *platform) clients(ctx context.Context, from, n int, limits map[string]any) ([]wa.ClientID, error) {
	ids, errs := make([]wa.ClientID, n), make([]error, n)
	var crew sync.WaitGroup
	places := make(chan struct{}, 8)
	for i := range n {
		crew.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			ids[i], errs[i] = p.client(ctx, own(from+i), limits)
		})
	}
	crew.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return ids, p.quiet(ctx)
}

// quiet waits until the database has little to do. Numbers that were just
// linked store hundreds of keys each, and that is not what is measured.
func (p *platform) quiet(ctx context.Context) error {
	const often = 500 * time.Millisecond
	return p.sql(ctx, func(c *pgx.Conn) error {
		last, calm := 0, 0
		return eventually(ctx, 5*time.Minute, "the database is quiet", func() (bool, error) {
			if err := rest(ctx, often); err != nil {
				return false, err
			}
			var now int
			if err := c.QueryRow(ctx, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()").Scan(&now); err != nil {
				return false, err
			}
			calm++
			if now-last > 60 {
				calm = 0
			}
			last = now
			return calm >= 4, nil
		})
	})
}

// client makes a client, links it with a phone and waits until it is online.
func (p *platform) client(ctx context.Context, phone string, limits map[string]any) (wa.ClientID, error) {
	var c struct {
		ID wa.ClientID `json:"id"`
	}
	if err := p.call(ctx, http.MethodPost, "/clients", map[string]any{"name": phone}, &c); err != nil {
		return c.ID, err
	}
	path := "/clients/" + c.ID.String()
	if limits != nil {
		if err := p.limit(ctx, c.ID, limits); err != nil {
			return c.ID, err
		}
	}
	if err := p.call(ctx, http.MethodPost, path+"/pair", map[string]any{"method": "qr"}, nil); err != nil {
		return c.ID, err
	}
	if err := p.scan(ctx, path, phone); err != nil {
		return c.ID, err
	}
	return c.ID, eventually(ctx, upWithin, "client online", func() (bool, error) {
		var now struct {
			Status wa.ClientStatus `json:"status"`
		}
		err := p.call(ctx, http.MethodGet, path, nil, &now)
		return now.Status == wa.ClientConnected, err
	})
}

// limit changes what a client may send, beyond what a key may allow it.
func (p *platform) limit(ctx context.Context, id wa.ClientID, limits map[string]any) error {
	return p.sql(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "UPDATE clients SET limits = limits || $2, version = version + 1 WHERE id = $1", id.UUID(), limits)
		return err
	})
}

func (p *platform) scan(ctx context.Context, path, phone string) error {
	var code struct {
		QR string `json:"qr"`
	}
	err := eventually(ctx, upWithin, "a pairing code", func() (bool, error) {
		err := p.call(ctx, http.MethodGet, path+"/qr", nil, &code)
		return err == nil && code.QR != "", nil
	})
	if err != nil {
		return err
	}
	return p.simCall(ctx, http.MethodPost, "/scan", map[string]any{"qr": code.QR, "phone": phone}, nil)
}

// frames are the message stanzas that a number sent, as the simulator took them.
func (p *platform) frames(ctx context.Context, number string) ([]whatsim.Frame, error) {
	var out struct {
		Frames []whatsim.Frame `json:"frames"`
	}
	err := p.simCall(ctx, http.MethodGet, "/wire?number="+number, nil, &out)
	return out.Frames, err
}

// messages are what phones made of what they were sent.
func (p *platform) messages(ctx context.Context, query url.Values) ([]whatsim.Message, error) {
	var out struct {
		Messages []whatsim.Message `json:"messages"`
	}
	err := p.simCall(ctx, http.MethodGet, "/messages?"+query.Encode(), nil, &out)
	return out.Messages, err
}

// sql works on the database as the system, which sees every org.
func (p *platform) sql(ctx context.Context, fn func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, p.url)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "SET app.system = 'on'"); err != nil {
		return err
	}
	return fn(c)
}

// forget removes all messages and what hangs on them.
func (p *platform) forget(ctx context.Context) error {
	return p.sql(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "TRUNCATE messages, message_events, events, webhook_deliveries CASCADE")
		return err
	})
}
