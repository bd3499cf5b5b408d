package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// How long a connection's plans are good for: from the first to the longest,
// doubling. Postgres keeps a plan until the table is next analysed, a minute or
// more. On a small table all indexes cost the same, so a plan that was made
// there may look through everything that a client has ever sent; it must not
// outlive the table's being small by much.
const (
	plansFirst   = time.Second
	plansLongest = time.Minute
)

const planNote = "chasqui plans"

// plans is when a connection's plans were made, and how long they are good for.
type plans struct {
	made time.Time
	good time.Duration
}

// freshPlans has a connection make its plans anew when they are old. To make them
// all takes some milliseconds.
func freshPlans(ctx context.Context, c *pgx.Conn) (bool, error) {
	notes, now := c.PgConn().CustomData(), time.Now()
	p, known := notes[planNote].(plans)
	switch {
	case !known:
		p = plans{now, plansFirst}
	case now.Sub(p.made) < p.good:
		return true, nil
	default:
		if _, err := c.Exec(ctx, "DISCARD PLANS"); err != nil {
			return false, err
		}
		p = plans{now, min(2*p.good, plansLongest)}
	}
	notes[planNote] = p
	return true, nil
}
