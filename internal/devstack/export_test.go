package devstack

import (
	"context"
	"log/slog"
	"path/filepath"
)

// UpInMemory brings up the Redis that stands in where there is no server.
func UpInMemory(ctx context.Context) (*Stack, error) {
	s := &Stack{exited: make(chan error, 1)}
	return s, s.startRedis(ctx, Options{Log: slog.New(slog.DiscardHandler)}, binaries{}, nil)
}

// ElsewhereFor is where the data of dir goes when the services' user cannot
// enter it.
func ElsewhereFor(dir string) string {
	return filepath.Join("/var/tmp", "chasqui-"+fingerprint(dir))
}
