package app

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chasqui/internal/cache"
	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
)

// pulseEvery is how often a process tells how it does.
const pulseEvery = 10 * time.Second

// watched is what the monitoring page shows.
type watched struct {
	*pulse
	*vitals
}

// pulse tells the other processes, through Redis, that this one is there and how
// it does.
type pulse struct {
	k           *Kit
	roll        *cache.RollCall
	process     wa.Process // what does not change
	connections func() *int
	traffic     *trafficMeter // nil in programs that answer nobody
	usage       telemetry.Meter
	sayAway     sync.Once

	mu   sync.Mutex
	last wa.Pulse
}

func (k *Kit) newPulse(kind wa.ProgramKind, connections func() *int) (*pulse, error) {
	roll, err := cache.NewRollCall(k.Config.RedisURL.Reveal(), "")
	if err != nil {
		return nil, err
	}
	k.onClose(roll.Close)
	p := &pulse{k: k, roll: roll, connections: connections}
	p.process = wa.Process{
		ID: string(kind) + "-" + strings.ToLower(rand.Text()[:8]), Kind: kind, Version: Version, StartedAt: time.Now().UTC(),
	}
	if kind == wa.RunsAPI {
		p.traffic = &trafficMeter{from: prometheus.DefaultGatherer}
	}
	return p, nil
}

// part tells every few seconds, and says goodbye.
func (p *pulse) part() Part {
	return Part{Name: "pulse", Run: func(ctx context.Context) error {
		tick := time.NewTicker(pulseEvery)
		defer tick.Stop()
		for {
			p.beat(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
				// It is only for people to look at, and forgotten by itself soon.
				_ = p.roll.Leave(context.WithoutCancel(ctx), p.process.ID)
				return nil
			}
		}
	}}
}

// beat measures and publishes. A Redis that is away costs nothing but that
// nobody else sees it.
func (p *pulse) beat(ctx context.Context) {
	now := time.Now().UTC()
	u, v := p.usage.Read(), wa.Pulse{Process: p.process}
	v.Process.CPUPercent, v.Process.MemoryBytes, v.Process.Goroutines, v.Process.SeenAt = u.CPUPercent, u.MemoryBytes, &u.Goroutines, now
	if p.connections != nil {
		v.Process.Connections = p.connections()
	}
	if p.traffic != nil {
		v.Traffic = p.traffic.read(now)
	}
	p.mu.Lock()
	p.last = v
	p.mu.Unlock()
	if err := p.roll.Tell(ctx, v); err != nil && ctx.Err() == nil {
		p.sayAway.Do(func() {
			p.k.Log.WarnContext(ctx, "the monitoring page will not show this process while Redis is away", "error", err)
		})
	}
}

// All lists the processes that are there. While Redis is away that is this one.
func (p *pulse) All(ctx context.Context) ([]wa.Pulse, error) {
	all, err := p.roll.All(ctx)
	if err == nil && len(all) > 0 {
		return all, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.Process.SeenAt.IsZero() {
		return nil, err
	}
	return []wa.Pulse{p.last}, nil
}
