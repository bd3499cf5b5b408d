package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// batchConns is how many batches are handed in at once.
const batchConns = 4

// copied are the tables that accepting writes, and how to read in them the rows
// of one batch, which is one client's.
var copied = []struct{ table, rows string }{
	{"messages", "SELECT * FROM messages WHERE client_id = '%s' AND wire_id = ANY ('{%s}')"},
	{"events", "SELECT * FROM events WHERE client_id = '%s' AND data->'message'->>'provider_message_id' = ANY ('{%s}')"},
}

// measureBatch compares batches of a thousand with copying the same rows into
// the same tables, which there have indexes but neither policies nor foreign
// keys.
func measureBatch(ctx context.Context, b *bench) error {
	s, err := b.acceptStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	h, err := newHammer(s.api, s.key, http.StatusAccepted)
	if err != nil {
		return err
	}
	rounds, batches := size(1, 3, 3), size(4, 32, 64)
	strangers, err := s.batches(ctx, h, batches) // makes the conversations that the others find
	if err != nil {
		return err
	}
	var ours, all, alone []float64
	for range rounds {
		if err := s.forget(ctx); err != nil {
			return err
		}
		rate, err := s.batches(ctx, h, batches)
		if err != nil {
			return err
		}
		blobs, err := s.blobs(ctx, batches)
		if err != nil {
			return err
		}
		everything, err := s.copyRate(ctx, blobs, len(copied))
		if err != nil {
			return err
		}
		messages, err := s.copyRate(ctx, blobs, 1)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "bench: batch: %.0f messages/s, COPY of all rows %.0f, of messages alone %.0f\n", rate, everything, messages)
		ours, all, alone = append(ours, rate), append(all, everything), append(alone, messages)
	}
	f := figure{Ours: median(ours), Unit: "messages/s", N: rounds * batches * wa.MaxBatch}
	f.Name = "batch accept / COPY of all rows it writes"
	b.report(f.beside(median(all)).atLeast(0.5))
	f.Name = "batch accept / COPY of the messages alone"
	b.report(f.beside(median(alone)))
	f = figure{Name: "batch accept", Ours: median(ours), Unit: "messages/s", N: f.N}
	b.report(f.least(20_000))
	b.report(figure{Name: "batch accept, to people never written to", Ours: strangers, Unit: "messages/s", N: batches * wa.MaxBatch})
	return nil
}

// batches hands in batches of a thousand and gives messages a second.
func (s *acceptStage) batches(ctx context.Context, h hammer, n int) (float64, error) {
	bodies := make([][]byte, batchConns)
	for i := range bodies {
		var list []draft
		for k := range wa.MaxBatch {
			list = append(list, text(recipient(i*wa.MaxBatch+k), body, wa.Bulk))
		}
		bodies[i], _ = json.Marshal(map[string]any{"messages": list}) // plain data
	}
	began := time.Now()
	all := h.crew(ctx, batchConns, func(l *line, i int) (took []time.Duration, err error) {
		for k := i; k < n; k += batchConns {
			path := "/api/v1/clients/" + s.clients[k%len(s.clients)].String() + "/messages/batch"
			if err := l.post(path, bodies[i]); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	return float64(n*wa.MaxBatch) / all.last.Sub(began).Seconds(), all.err
}

// blob is one batch's rows of each table, in the format of COPY.
type blob [2][]byte

// blobs reads back what was accepted, a thousand at a time.
func (s *acceptStage) blobs(ctx context.Context, n int) (out []blob, err error) {
	err = s.sql(ctx, func(c *pgx.Conn) error {
		rows, err := c.Query(ctx, "SELECT client_id::text, array_agg(wire_id ORDER BY seq) FROM messages GROUP BY 1")
		if err != nil {
			return err
		}
		type group struct {
			Client string
			Wires  []string
		}
		groups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[group])
		if err != nil {
			return err
		}
		for _, g := range groups {
			for at := 0; at+wa.MaxBatch <= len(g.Wires) && len(out) < n; at += wa.MaxBatch {
				var one blob
				for i, t := range copied {
					var buf bytes.Buffer
					query := fmt.Sprintf(t.rows, g.Client, strings.Join(g.Wires[at:at+wa.MaxBatch], ","))
					tag, err := c.PgConn().CopyTo(ctx, &buf, "COPY ("+query+") TO STDOUT (FORMAT binary)")
					if err != nil {
						return err
					}
					if got := tag.RowsAffected(); got < wa.MaxBatch {
						return fmt.Errorf("only %d rows of %s", got, t.table)
					}
					one[i] = buf.Bytes()
				}
				out = append(out, one)
			}
		}
		return nil
	})
	return out, err
}

// copyRate copies the blobs of the first tables over as many connections as
// the batches had, one transaction a batch, and gives messages a second.
func (s *acceptStage) copyRate(ctx context.Context, blobs []blob, tables int) (float64, error) {
	err := s.sql(ctx, func(c *pgx.Conn) error {
		for _, t := range copied {
			sql := fmt.Sprintf("DROP TABLE IF EXISTS bare_%[1]s; CREATE TABLE bare_%[1]s (LIKE %[1]s INCLUDING ALL)", t.table)
			if _, err := c.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	errs := make([]error, batchConns)
	var crew sync.WaitGroup
	began := time.Now()
	for i := range batchConns {
		crew.Go(func() {
			errs[i] = s.sql(ctx, func(c *pgx.Conn) error {
				for k := i; k < len(blobs); k += batchConns {
					if err := copyBlob(ctx, c, blobs[k], tables); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	crew.Wait()
	rate := float64(len(blobs)*wa.MaxBatch) / time.Since(began).Seconds()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return rate, nil
}

func copyBlob(ctx context.Context, c *pgx.Conn, b blob, tables int) error {
	return pgx.BeginFunc(ctx, c, func(pgx.Tx) error {
		for i := range tables {
			sql := "COPY bare_" + copied[i].table + " FROM STDIN (FORMAT binary)"
			if _, err := c.PgConn().CopyFrom(ctx, bytes.NewReader(b[i]), sql); err != nil {
				return err
			}
		}
		return nil
	})
}
