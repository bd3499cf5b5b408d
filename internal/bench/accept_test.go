package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// acceptConns is how many callers knock at once.
const acceptConns = 32

// acceptStage is a platform with online clients that send at their usual pace
// while messages are handed in.
type acceptStage struct {
	*platform
	clients []wa.ClientID
}

func (b *bench) acceptStage(ctx context.Context) (*acceptStage, error) {
	p, err := b.newPlatform(ctx, "")
	if err != nil {
		return nil, err
	}
	s := &acceptStage{platform: p}
	if err = p.startAll(ctx, "CONNECT_CONCURRENCY=20", "CONNECT_PER_SECOND=100"); err == nil {
		s.clients, err = p.clients(ctx, 0, size(32, 64, 64), nil)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return s, nil
}

// each is how many people every client writes to.
const each = 4

// one is the n-th request: the clients take turns.
func (s *acceptStage) one(n int) (string, []byte) {
	client := s.clients[n%len(s.clients)]
	raw, _ := json.Marshal(text(recipient(n/len(s.clients)%each), body, wa.Normal)) // plain data
	return "/api/v1/clients/" + client.String() + "/messages", raw
}

// measureAccept compares accepting one text with a bare handler that runs the
// same statements, and with one that does a single INSERT, taking turns.
func measureAccept(ctx context.Context, b *bench) error {
	s, err := b.acceptStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	rec, err := s.record(ctx, s.clients, each)
	if err != nil {
		return err
	}
	if err := s.sql(ctx, func(c *pgx.Conn) error { _, err := c.Exec(ctx, bareTable); return err }); err != nil {
		return err
	}
	if err := s.where(ctx, rec); err != nil {
		return err
	}
	bare, err := s.startBare(ctx, rec)
	if err != nil {
		return err
	}
	contestants, err := s.contestants(bare)
	if err != nil {
		return err
	}
	rates, n, err := s.takeTurns(ctx, contestants, size(1, 3, 5), size(500*time.Millisecond, 5*time.Second, 5*time.Second))
	if err != nil {
		return err
	}
	f := figure{Ours: median(rates[0]), Unit: "requests/s", N: n}
	f.Name = "accept one text, 32 connections / the same statements"
	b.report(f.beside(median(rates[1])).atLeast(0.8))
	f.Name = "accept one text, 32 connections / one INSERT"
	b.report(f.beside(median(rates[2])).atLeast(0.35))
	return nil
}

// contestant is one server and what it is asked.
type contestant struct {
	name   string
	pid    int
	hammer hammer
	shot   shot
}

func (s *acceptStage) contestants(bare *process) ([]contestant, error) {
	ours, err := newHammer(s.api, s.key, http.StatusAccepted)
	if err != nil {
		return nil, err
	}
	plain, err := newHammer(bare.metrics, s.key, http.StatusAccepted)
	templates := len(s.clients) * each
	return []contestant{
		{"ours", s.apiProcess.cmd.Process.Pid, ours, s.one},
		{"the same statements", bare.cmd.Process.Pid, plain, func(n int) (string, []byte) {
			_, raw := s.one(n)
			// Recordings stand client by client; requests go round the clients first.
			at := n%len(s.clients)*each + n/len(s.clients)%each
			return fmt.Sprintf("/same/%d", at%templates), raw
		}},
		{"one INSERT", bare.cmd.Process.Pid, plain, func(n int) (string, []byte) { _, raw := s.one(n); return "/insert", raw }},
	}, err
}

// takeTurns gives the rates of each contestant, round by round. Every turn
// begins with the same empty tables and a short warm-up.
func (s *acceptStage) takeTurns(ctx context.Context, all []contestant, rounds int, d time.Duration) ([][]float64, int, error) {
	rates, n := make([][]float64, len(all)), 0
	for round := range rounds {
		for i := range all {
			who := (i + round) % len(all)
			if err := s.forget(ctx); err != nil {
				return nil, 0, err
			}
			c := all[who]
			if _, _, err := c.hammer.closed(ctx, acceptConns, d/10, 0, c.shot); err != nil {
				return nil, 0, err
			}
			server, database := cpu(c.pid), s.databaseCPU()
			rate, took, err := c.hammer.closed(ctx, acceptConns, d, 0, c.shot)
			if err != nil {
				return nil, 0, err
			}
			each := func(d time.Duration) float64 { return ms(d) / float64(len(took)) }
			fmt.Fprintf(os.Stderr, "bench: accept from %s: %.0f/s, p50 %.2f ms, p99 %.2f ms; processor per request: %.3f ms there, %.3f ms in Postgres\n",
				c.name, rate, ms(percentile(took, .5)), ms(percentile(took, .99)), each(cpu(c.pid)-server), each(s.databaseCPU()-database))
			rates[who] = append(rates[who], rate)
			if who == 0 {
				n += len(took)
			}
		}
	}
	return rates, n, nil
}

// measureLatency hands in a steady 500 texts a second.
func measureLatency(ctx context.Context, b *bench) error {
	s, err := b.acceptStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	h, err := newHammer(s.api, s.key, http.StatusAccepted)
	if err != nil {
		return err
	}
	if _, err := h.open(ctx, 64, 500, time.Second, s.one); err != nil {
		return err
	}
	took, err := h.open(ctx, 64, 500, size(2*time.Second, 20*time.Second, 60*time.Second), s.one)
	if err != nil {
		return err
	}
	b.report(figure{Name: "accept at 500/s, p99", Ours: ms(percentile(took, .99)), Unit: "ms", N: len(took)}.within(50))
	b.report(figure{Name: "accept at 500/s, p50", Ours: ms(percentile(took, .5)), Unit: "ms", N: len(took)})
	return nil
}
