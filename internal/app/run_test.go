package app_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chasqui/internal/app"
)

// diary notes what happened in which order.
type diary struct {
	mu      sync.Mutex
	entries []string
}

func (d *diary) write(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, what)
}

// part runs until it is stopped and takes a while to let go.
func (d *diary) part(name string, letGo time.Duration) app.Part {
	return app.Part{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		d.write("stop " + name)
		time.Sleep(letGo)
		d.write("gone " + name)
		return ctx.Err()
	}}
}

func TestPartsStopInReverseOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := app.Run(ctx, d.part("a", time.Second), d.part("b", 3*time.Second), d.part("c", 2*time.Second)); err != nil {
			t.Error(err)
		}
		want := []string{"stop c", "gone c", "stop b", "gone b", "stop a", "gone a"}
		if !slices.Equal(d.entries, want) {
			t.Errorf("it went %v", d.entries)
		}
	})
}

func TestFailureStopsEverything(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"with an error": {broken, "b: broken"},
		"without one":   {nil, "b: ended by itself"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var d diary
				b := app.Part{Name: "b", Run: func(context.Context) error { return tt.err }}
				err := app.Run(t.Context(), d.part("a", 0), b, d.part("c", 0))
				if err == nil || err.Error() != tt.want || (tt.err != nil && !errors.Is(err, tt.err)) {
					t.Errorf("error is %v, want %s", err, tt.want)
				}
				if want := []string{"stop c", "gone c", "stop a", "gone a"}; !slices.Equal(d.entries, want) {
					t.Errorf("it went %v", d.entries)
				}
			})
		})
	}
}

func TestFailureToStopIsToldWithThePart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		stuck := app.Part{Name: "stuck", Run: func(ctx context.Context) error { <-ctx.Done(); return errors.New("held on") }}
		if err := app.Run(ctx, stuck); err == nil || !strings.Contains(err.Error(), "stop stuck: held on") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestNoParts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := app.Run(ctx); err != nil {
		t.Error(err)
	}
}
