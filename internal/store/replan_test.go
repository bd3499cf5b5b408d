package store_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
)

// countDiscards counts how often plans were thrown away.
type countDiscards struct{ atomic.Int64 }

func (c *countDiscards) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(d.SQL, "DISCARD PLANS") {
		c.Add(1)
	}
	return ctx
}

func (c *countDiscards) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A plan that was made while a table was small does not outlive that by much:
// after a second, then after two more, and so on.
func TestPlansAreMadeAnew(t *testing.T) {
	t.Parallel()
	var seen countDiscards
	db, err := store.OpenTraced(t.Context(), store.Options{URL: testkit.DatabaseURL(t), MaxConns: 1}, &seen)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	began, uses := time.Now(), int64(0)
	testkit.Eventually(t, 15*time.Second, "plans made anew twice", func() bool {
		uses++
		if err := db.InTx(t.Context(), func(*store.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		return seen.Load() == 2
	})
	if took := time.Since(began); took < 2500*time.Millisecond || uses < 4 {
		t.Errorf("twice within %v and %d uses", took, uses)
	}
}
