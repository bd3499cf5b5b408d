//go:build chaos

package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"chasqui/internal/chaos"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// load posts texts over HTTP for every client, one after the other, and lets
// people write. A post is repeated with its Idempotency-Key, at any api, until
// it is answered.
type load struct {
	r       *rig
	http    *http.Client
	stopped context.CancelFunc
	done    sync.WaitGroup

	mu      sync.Mutex
	sent    []chaos.Accepted
	written []chaos.Written
	refused []string // answers that no caller should get
	retries atomic.Int64
	count   atomic.Int64
}

func recipient(i int) string { return fmt.Sprintf("55118%08d", i) }

// start begins the load: every client posts once a pause, tight ones a quarter
// as often.
func (r *rig) start(pause time.Duration) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{r: r, http: &http.Client{Timeout: 5 * time.Second}, stopped: cancel}
	r.t.Cleanup(cancel)
	for i, c := range r.clients {
		every := pause
		if c.Limits.PerHour < 1000 {
			every *= 8
		}
		l.done.Go(func() { l.work(ctx, i, c, every) })
	}
	l.done.Go(func() { l.people(ctx, pause/3) })
	return l
}

func (l *load) work(ctx context.Context, i int, c *client, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
			l.post(i, c, recipient((i*7+n%5)%40), wa.Lanes()[n/5%3], n)
		case <-ctx.Done():
			return
		}
	}
}

// backlog posts n bulk texts for every tight client.
func (l *load) backlog(n int) {
	for i, c := range l.r.clients {
		if c.Limits.PerHour >= 1000 {
			continue
		}
		l.done.Go(func() {
			for k := range n {
				l.post(i, c, recipient(100+k%20), wa.Bulk, 1_000_000+k)
			}
		})
	}
}

// people write to random numbers of ours.
func (l *load) people(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
			l.write(n%40, n%len(l.r.clients), fmt.Sprintf("inbound %d", n))
		case <-ctx.Done():
			return
		}
	}
}

func (l *load) write(from, to int, text string) {
	w := chaos.Written{From: recipient(from), To: l.r.clients[to].Number, Text: text, At: time.Now()}
	var err error
	if w.WireID, err = l.r.sim.Write(context.Background(), whatsim.Draft{From: w.From, To: w.To, Text: text}); err != nil {
		return // it was not written
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = append(l.written, w)
}

// post sends one text until an api takes it, and keeps the answer.
func (l *load) post(i int, c *client, to string, lane wa.Lane, n int) {
	text := fmt.Sprintf("c%02d %s %s %07d", i, to, lane, n)
	body, _ := json.Marshal(map[string]any{"to": "+" + to, "text": map[string]string{"body": text}, "lane": lane.String()})
	for try := 0; try < 600; try++ {
		id, again, err := l.once(c, body, text, try)
		if err == nil {
			l.keep(chaos.Accepted{
				ID: id, Text: text, Org: c.Org, Client: c.Client, Number: c.Number, To: to, Lane: lane, N: n, At: time.Now(),
			})
			return
		}
		l.retries.Add(1)
		if !again {
			l.mu.Lock()
			l.refused = append(l.refused, err.Error())
			l.mu.Unlock()
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (l *load) keep(a chaos.Accepted) {
	l.count.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, a)
}

// once makes one request. again tells whether a caller should repeat it.
func (l *load) once(c *client, body []byte, key string, try int) (id string, again bool, err error) {
	api := l.r.apiURLs[(int(l.count.Load())+try)%len(l.r.apiURLs)]
	return l.at(api, c, body, key)
}

func (l *load) at(api string, c *client, body []byte, key string) (id string, again bool, err error) {
	req, err := http.NewRequest(http.MethodPost, api+"/api/v1/clients/"+c.id.String()+"/messages", bytes.NewReader(body))
	if err != nil {
		return "", false, err
	}
	req.Header.Set("Authorization", "Bearer "+c.org.key.Reveal())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	res, err := l.http.Do(req)
	if err != nil {
		return "", true, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return "", true, err
	}
	if res.StatusCode != http.StatusAccepted {
		again = res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusConflict
		return "", again, fmt.Errorf("%d %s", res.StatusCode, raw)
	}
	var m struct {
		ID wa.MessageID `json:"id"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", false, err
	}
	return m.ID.UUID(), false, nil
}

// stop ends the load and waits until every post has its answer.
func (l *load) stop() {
	l.stopped()
	l.done.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.r.evidence.Accepted, l.r.evidence.Written = l.sent, l.written
	for i, what := range l.refused {
		if i < 5 {
			l.r.t.Errorf("an answer that no caller should get: %s", what)
		}
	}
}
