package bench_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// measureMemory compares what a worker needs for each idle number that is
// online with what the library alone needs for the same devices on the same
// tables. What counts is memory in use after a collection, less what the
// program needs without any number.
func measureMemory(ctx context.Context, b *bench) error {
	n := size(10, 200, 500)
	s, err := b.sendStage(ctx, n, nil, "")
	if err != nil {
		return err
	}
	defer s.close()
	// Pairing leaves its traces; what a restarted worker needs is what counts.
	var bareEmpty, bareFull bareReport
	s.worker, err = s.without(ctx, s.worker, func() error {
		if bareEmpty, err = s.weighBare(ctx, 0); err != nil {
			return err
		}
		bareFull, err = s.weighBare(ctx, n)
		return err
	}, quickly...)
	if err != nil {
		return err
	}
	full, err := s.weighWorker(ctx, s.worker, n)
	if err != nil {
		return err
	}
	empty, err := b.weighEmptyWorker(ctx)
	if err != nil {
		return err
	}
	per := func(full, empty float64) float64 { return (full - empty) / float64(n) / 1024 }
	f := figure{Name: fmt.Sprintf("memory in use per idle session, %d sessions", n), Ours: per(full.Bytes, empty.Bytes), Unit: "KiB", N: n}
	b.report(f.beside(per(bareFull.Bytes, bareEmpty.Bytes)).atMost(1.3))
	f = figure{Name: fmt.Sprintf("resident memory per idle session, %d sessions", n), Ours: per(full.RSS, empty.RSS), Unit: "KiB", N: n}
	b.report(f.beside(per(bareFull.RSS, bareEmpty.RSS)))
	return nil
}

// settle is how long numbers idle before they are weighed.
func settle() time.Duration { return size(2*time.Second, 10*time.Second, 15*time.Second) }

// collections are made before anything is weighed: the first wakes up what
// finalizers hold, and each halves the stacks that connecting has grown. A number
// that idles has them all within a quarter of an hour.
const collections = 7

func (s *sendStage) weighBare(ctx context.Context, n int) (bareReport, error) {
	var numbers []string
	for i := range n {
		numbers = append(numbers, bareNumber(i))
	}
	// Linking leaves its traces as well.
	link, err := s.startBareWA(bareJob{Kind: "idle", Numbers: numbers})
	if err != nil {
		return bareReport{}, err
	}
	link.kill()
	proc, err := s.startBareWA(bareJob{Kind: "idle", Numbers: numbers})
	if err != nil {
		return bareReport{}, err
	}
	defer proc.kill()
	if err := rest(ctx, settle()); err != nil {
		return bareReport{}, err
	}
	for range collections - 1 {
		if _, err := io.WriteString(proc.in, "\n"); err != nil {
			return bareReport{}, err
		}
		if _, err = proc.hear(); err != nil {
			return bareReport{}, err
		}
	}
	if _, err := io.WriteString(proc.in, "\n"); err != nil {
		return bareReport{}, err
	}
	return proc.hear()
}

// weighEmptyWorker weighs a worker of a platform without numbers.
func (b *bench) weighEmptyWorker(ctx context.Context) (bareReport, error) {
	s, err := b.sendStage(ctx, 0, nil, "")
	if err != nil {
		return bareReport{}, err
	}
	defer s.close()
	return s.weighWorker(ctx, s.worker, 0)
}

// weighWorker waits until all numbers are online and idle, makes the worker
// collect, and reads its own figures.
func (s *sendStage) weighWorker(ctx context.Context, worker *process, n int) (bareReport, error) {
	err := eventually(ctx, 5*time.Minute, "all numbers online", func() (bool, error) {
		sockets, err := s.online(ctx)
		return sockets >= n, err
	})
	if err != nil {
		return bareReport{}, err
	}
	if err := rest(ctx, settle()); err != nil {
		return bareReport{}, err
	}
	for range collections {
		if _, err := get(ctx, worker.metrics+"/debug/pprof/heap?gc=1"); err != nil {
			return bareReport{}, err
		}
	}
	text, err := get(ctx, worker.metrics+"/metrics")
	if err != nil {
		return bareReport{}, err
	}
	bytes := metric(text, "go_memstats_heap_alloc_bytes") + metric(text, "go_memstats_stack_inuse_bytes")
	return bareReport{Bytes: bytes, RSS: rss(worker.cmd.Process.Pid)}, nil
}

// online counts the connections that are logged in, as the simulator sees it.
func (p *platform) online(ctx context.Context) (n int, err error) {
	var out struct{ Connections int }
	err = p.simCall(ctx, http.MethodGet, "/stats", nil, &out)
	return out.Connections, err
}

func get(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", address, res.Status)
	}
	return string(raw), err
}

// metric reads a series without labels.
func metric(text, name string) float64 {
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
			}
			return v
		}
	}
	return 0
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
