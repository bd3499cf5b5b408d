package bench_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"chasqui/internal/wa"
)

// measurePacing lets many numbers send as much as their limits allow, over
// three workers of which one is killed in the middle. The clock of pacing runs
// faster, so that hours pass in minutes; a worker's death does not, so what it
// costs is made up for within the hour, as it would be in a day.
func measurePacing(ctx context.Context, b *bench) error {
	factor, hours, n := size(240, 60, 60), size(1, 3, 3), size(4, 40, 100)
	setting := fmt.Sprintf("PACE_FACTOR=%d", factor)
	s, err := b.sendStage(ctx, 0, nil, "", setting)
	if err != nil {
		return err
	}
	defer s.close()
	for range 2 {
		if _, err := s.start(ctx, "worker", append([]string{setting}, quickly...)...); err != nil {
			return err
		}
	}
	clients, err := s.platform.clients(ctx, 0, n, nil)
	if err != nil {
		return err
	}
	limits, hour := wa.DefaultLimits(), time.Hour/time.Duration(factor)
	for _, c := range clients {
		var list []draft
		for i := range limits.PerHour*hours + limits.PerHour/2 {
			list = append(list, text(recipient(i%20), fmt.Sprint("paced ", i), wa.Normal))
		}
		if err := s.sendMany(ctx, c, list); err != nil {
			return err
		}
	}
	// The first numbers began while the last ones were handed their texts.
	whole := time.Duration(hours) * hour
	if err := rest(ctx, whole/2); err != nil {
		return err
	}
	s.worker.kill()
	if err := rest(ctx, whole/2+hour/2); err != nil {
		return err
	}
	return s.judgePacing(ctx, b, n, limits, hour, hours)
}

func (s *sendStage) judgePacing(ctx context.Context, b *bench, n int, limits wa.Limits, hour time.Duration, hours int) error {
	worst, sent := 0.0, 0
	for i := range n {
		frames, err := s.frames(ctx, own(i))
		if err != nil {
			return err
		}
		var times []time.Time
		for _, f := range frames {
			times = append(times, f.Time)
		}
		slices.SortFunc(times, time.Time.Compare)
		minute, inHour := most(times, hour/60), most(times, hour)
		worst = max(worst, float64(minute)/float64(limits.PerMinute), float64(inHour)/float64(limits.PerHour))
		if minute > limits.PerMinute || inHour > limits.PerHour {
			fmt.Fprintf(os.Stderr, "bench: pacing: a number sent %d in a minute, %d in an hour\n", minute, inHour)
		}
		for _, at := range times {
			if at.Before(times[0].Add(time.Duration(hours) * hour)) {
				sent++
			}
		}
	}
	b.report(figure{Name: fmt.Sprintf("pacing, %d numbers, 3 workers, one killed: most of a limit in any window", n), Ours: worst, Unit: "of the limit", N: sent}.within(1))
	used := float64(sent) / float64(n*limits.PerHour*hours)
	b.report(figure{Name: "pacing, the same: used of what is allowed", Ours: used, Unit: "of the limit", N: sent}.least(0.98))
	return nil
}

// most is the largest number of moments within any window.
func most(times []time.Time, window time.Duration) int {
	most, from := 0, 0
	for i := range times {
		for times[i].Sub(times[from]) >= window {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

func TestMost(t *testing.T) {
	t.Parallel()
	var times []time.Time
	for _, s := range []int{0, 1, 2, 10, 11, 12, 13, 20} {
		times = append(times, time.Unix(int64(s), 0))
	}
	for window, want := range map[time.Duration]int{time.Second: 1, 3 * time.Second: 3, 4 * time.Second: 4, 21 * time.Second: 8} {
		if got := most(times, window); got != want {
			t.Errorf("most within %s is %d, want %d", window, got, want)
		}
	}
}
