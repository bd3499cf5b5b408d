package webhook_test

import (
	"testing"
	"time"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestARecoveryTellsWhatItMoves begins recoveries side by side of what waits
// behind an open circuit: some of it was never tried, some failed once, some was
// given up. What fails while they work is not counted twice.
func TestARecoveryTellsWhatItMoves(t *testing.T) {
	t.Parallel()
	const all = 26
	for name, tt := range map[string]struct{ before, meanwhile string }{
		"never tried": {},
		"failed":      {before: `UPDATE webhook_deliveries SET attempts = 1, next_attempt_at = now() + interval '1 hour'`},
		"given up":    {before: `UPDATE webhook_deliveries SET attempts = 8, status = 'exhausted', next_attempt_at = NULL`},
		"of each": {before: `UPDATE webhook_deliveries d SET attempts = 1, status = CASE WHEN n % 3 = 0 THEN 'pending' ELSE 'exhausted' END,
			next_attempt_at = CASE WHEN n % 3 = 0 THEN now() + interval '1 hour' END
			FROM (SELECT id, row_number() OVER () AS n FROM webhook_deliveries) r WHERE r.id = d.id AND n % 3 < 2`},
		"fails meanwhile":   {meanwhile: `UPDATE webhook_deliveries SET attempts = 1, next_attempt_at = now() + interval '1 hour'`},
		"arrives meanwhile": {meanwhile: `UPDATE webhook_deliveries SET attempts = 1, status = 'delivered', next_attempt_at = NULL`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			made := w.endpoint("http://127.0.0.1:9009/hook", func(e *wa.Endpoint) { e.Events = []string{"client.connected"} })
			w.emitMany(testkit.Client(t, w.db, w.org.ID), all)
			w.exec(`UPDATE webhook_lines SET open_until = now() + interval '30 seconds'`)
			if tt.before != "" {
				w.exec(tt.before)
			}
			var begun []wa.RecoveryID
			for range 2 {
				r, err := w.hooks.Recover(t.Context(), w.by, made.ID, time.Now().Add(-time.Hour), time.Time{})
				if err != nil || r.Total == nil || *r.Total != all || r.Moved > all {
					t.Fatalf("begun %+v, %v", r, err)
				}
				begun = append(begun, r.ID)
			}
			if tt.meanwhile != "" {
				w.exec(tt.meanwhile)
			}
			for more := true; more; {
				var err error
				if more, err = w.hooks.RecoverStep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for _, id := range begun {
				r, err := w.hooks.Recovery(t.Context(), w.by, made.ID, id)
				if err != nil || *r.Total != all || r.Moved != all || r.FinishedAt == nil {
					t.Errorf("in the end %d of %d moved, %v", r.Moved, *r.Total, err)
				}
			}
		})
	}
}
