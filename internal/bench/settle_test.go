package bench_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// segments of 16 MB are more log than a measurement writes between checkpoints.
const segments = 64

// settle brings a fresh Postgres to where one is that has run for a day: its log
// has files to write into. A young one makes each of them when it is needed, and
// every commit waits for 16 MB to reach the disk, some hundred milliseconds each
// few seconds.
func (b *bench) settle(ctx context.Context) error {
	cfg, err := pgx.ParseConfig(b.services.DatabaseURL)
	if err != nil {
		return err
	}
	cfg.User, cfg.Database = "postgres", "postgres" // of the cluster that we have just made
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	steps := []string{fmt.Sprintf("ALTER SYSTEM SET min_wal_size = '%dMB'", segments*16), "SELECT pg_reload_conf()"}
	for range segments {
		steps = append(steps, "SELECT pg_logical_emit_message(false, 'bench', 'x')", "SELECT pg_switch_wal()")
	}
	for _, sql := range append(steps, "CHECKPOINT") {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("settle the log (%s): %w", sql, err)
		}
	}
	return nil
}
