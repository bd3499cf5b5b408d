package bench_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// where runs one recorded accept again and again on a connection of its own and
// tells, statement by statement, where its time goes. Nothing else competes, so
// this is what one accept costs when it is alone.
func (p *platform) where(ctx context.Context, rec recording) error {
	for _, mode := range []string{"auto", "force_generic_plan"} {
		if err := p.whereUnder(ctx, rec, mode); err != nil {
			return err
		}
	}
	return nil
}

// whereUnder does so with a way of planning prepared statements.
func (p *platform) whereUnder(ctx context.Context, rec recording, mode string) error {
	return p.sql(ctx, func(c *pgx.Conn) error {
		if _, err := c.Exec(ctx, "SET plan_cache_mode = "+mode); err != nil {
			return err
		}
		texts := map[string]string{}
		for _, s := range rec.Statements {
			texts[s.Name] = s.SQL
			if _, err := c.PgConn().Prepare(ctx, s.Name, s.SQL, s.OIDs); err != nil {
				return err
			}
		}
		var names []string
		took := map[string]time.Duration{}
		const rounds, warm = 120, 20
		for i := range rounds + warm {
			r := newReplay(rec.Templates[i%len(rec.Templates)])
			id := wa.NewMessageID()
			f := fresh{message: id.Bytes(), text: id.String(), uuid: id.UUID(), wire: wa.WireID(r.Client, id), event: uuid.Must(uuid.NewV7())}
			note := func(name string, began time.Time) {
				if i == 0 {
					names = append(names, name)
				}
				if i >= warm {
					took[name] += time.Since(began)
				}
			}
			for x, e := range r.Exchanges {
				began := time.Now()
				if e.Query != "" {
					if _, err := c.PgConn().Exec(ctx, e.Query).ReadAll(); err != nil {
						return err
					}
					note(e.Query, began)
				}
				for k, s := range e.Calls {
					began := time.Now()
					if _, err := drain(c.PgConn().ExecPrepared(ctx, s.Statement, f.params(s.Params, r.ids[x][k]), s.Formats, s.Results)); err != nil {
						return err
					}
					note(texts[s.Statement], began)
				}
			}
		}
		for _, name := range names {
			fmt.Fprintf(os.Stderr, "bench: accept alone, plans %s: %7.3f ms  %.90s\n", mode, ms(took[name])/rounds, strings.Join(strings.Fields(name), " "))
		}
		return nil
	})
}
