package api

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"pgregory.net/rapid"

	"chasqui/internal/wa"
)

func newTurns(atOnce int) *turns { return &turns{atOnce: atOnce, of: map[wa.OrgID]*queue{}} }

// crowd begins n pieces of work of an org and tells how many have a turn once
// nothing moves any more.
func crowd(t *testing.T, all *turns, org wa.OrgID, n, work int) (begun *int) {
	t.Helper()
	begun = new(int)
	for range n {
		go func() {
			if all.take(t.Context(), org, work) == nil {
				*begun++
			}
		}()
		synctest.Wait()
	}
	return begun
}

// What an org may do at once depends on who else asks.
func TestTurns(t *testing.T) {
	t.Parallel()
	calm, busy := wa.NewOrgID(), wa.NewOrgID()
	for _, c := range []struct {
		name    string
		company []wa.OrgID
		before  time.Duration // for which the company has been silent
		work, n int
	}{
		{"an org alone is not held back", nil, 0, usualWork, 50},
		{"beside another one it has half", []wa.OrgID{calm}, 0, lightWork, 4},
		{"what is much work has its own turn", []wa.OrgID{calm}, 0, usualWork, 1},
		{"the more company, the smaller the part", []wa.OrgID{calm, wa.NewOrgID(), wa.NewOrgID()}, 0, lightWork, 2},
		{"something is always done", []wa.OrgID{calm, wa.NewOrgID(), wa.NewOrgID(), wa.NewOrgID()}, 0, usualWork, 1},
		{"company that has gone is forgotten", []wa.OrgID{calm}, 2 * lately, usualWork, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				all := newTurns(8)
				for _, other := range c.company {
					if err := all.take(t.Context(), other, lightWork); err != nil {
						t.Fatal(err)
					}
					all.end(other, lightWork)
				}
				time.Sleep(c.before)
				begun := crowd(t, all, busy, 50, c.work)
				if *begun != c.n {
					t.Errorf("%d of 50 have begun, want %d", *begun, c.n)
				}
				for done := 0; done < 50; done++ {
					if *begun <= done {
						t.Fatalf("after %d turns nobody has one", done)
					}
					all.end(busy, c.work)
					synctest.Wait()
				}
			})
		})
	}
}

// Company that arrives is left room for at once: whoever it is waits for no more
// than its own.
func TestCompanyIsLeftRoomForAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, calm, busy := newTurns(8), wa.NewOrgID(), wa.NewOrgID()
		begun := crowd(t, all, busy, 50, usualWork)
		if err := all.take(t.Context(), calm, usualWork); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			all.end(busy, usualWork)
		}
		if crowd(t, all, busy, 10, usualWork); *begun != 50 || all.of[busy].working != usualWork || len(all.of[busy].waiting) != 9 {
			t.Errorf("working %d, waiting %d", all.of[busy].working, len(all.of[busy].waiting))
		}
		for range 10 {
			all.end(busy, usualWork)
			synctest.Wait()
		}
	})
}

// Whoever gives up in line takes no turn along, whenever that is.
func TestGivingUpInLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all, calm, busy := newTurns(4), wa.NewOrgID(), wa.NewOrgID()
		_ = all.join(calm, lightWork) // the first of an org never waits
		type piece struct {
			work int
			wait *turn
		}
		var here []piece
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at := rapid.IntRange(-3, len(here)-1).Draw(t, "which")
			if at < 0 {
				work := rapid.SampledFrom([]int{lightWork, usualWork}).Draw(t, "work")
				here = append(here, piece{work, all.join(busy, work)})
				continue
			}
			p := here[at]
			here = append(here[:at:at], here[at+1:]...)
			if p.wait != nil {
				all.leave(busy, p.wait)
			} else {
				all.end(busy, p.work)
			}
			q, working, waiting := all.of[busy], 0, 0
			for _, p := range here {
				if p.wait == nil || closed(p.wait.come) {
					working += p.work
				} else {
					waiting++
				}
			}
			if q.working != working || len(q.waiting) != waiting || (waiting > 0 && q.room(q.waiting[0].work, all.part)) {
				t.Fatalf("working %d of %d, waiting %d of %d, part %d", q.working, working, len(q.waiting), waiting, all.part)
			}
		}
	})
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// An org whose slow work is over after a while, with more of its own waiting, is
// not forgotten in between.
func TestWhoWaitsIsNotForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, calm, busy := newTurns(8), wa.NewOrgID(), wa.NewOrgID()
		if err := all.take(t.Context(), calm, usualWork); err != nil {
			t.Fatal(err)
		}
		begun := crowd(t, all, busy, 3, usualWork)
		for done := range 3 {
			if *begun != done+1 {
				t.Fatalf("after %d turns %d have begun", done, *begun)
			}
			time.Sleep(2 * lately)
			all.end(busy, usualWork)
			synctest.Wait()
		}
		if q := all.of[busy]; q != nil && q.working != 0 {
			t.Errorf("%d still worked on", q.working)
		}
	})
}

// A caller who goes away while waiting is told why.
func TestWaitingEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	all, calm, busy := newTurns(4), wa.NewOrgID(), wa.NewOrgID()
	for _, org := range []wa.OrgID{calm, busy} {
		if err := all.take(t.Context(), org, usualWork); err != nil {
			t.Fatal(err)
		}
	}
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if err := all.take(ctx, busy, usualWork); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	all.end(busy, usualWork)
	if err := all.take(t.Context(), busy, usualWork); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// The turn is given back with the answer's first byte: whoever reads it slowly
// takes nobody's.
func TestTheTurnEndsWhenTheAnswerBegins(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(gin.ResponseWriter) error{
		"bytes": func(w gin.ResponseWriter) error { _, err := w.Write([]byte("{}")); return err },
		"text":  func(w gin.ResponseWriter) error { _, err := w.WriteString("{}"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := underWay{of: map[wa.OrgID]*orgWay{}, turns: turns{atOnce: 8, of: map[wa.OrgID]*queue{}}}
			request, _ := u.enter(wa.NewOrgID())
			if err := request.begin(t.Context(), usualWork); err != nil {
				t.Fatal(err)
			}
			c, _ := gin.CreateTestContext(httptest.NewRecorder())
			if err := write(&answer{c.Writer, request}); err != nil {
				t.Fatal(err)
			}
			if n := u.turns.of[request.org].working; n != 0 {
				t.Errorf("%d still worked on", n)
			}
			if request.leave(); u.turns.of[request.org].working != 0 {
				t.Error("the turn was given back twice")
			}
		})
	}
}
