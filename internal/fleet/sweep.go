package fleet

import (
	"context"
	"time"

	"chasqui/internal/store"
)

// How long a client's history is kept, and how much of it is forgotten at once.
const (
	historyAge   = 90 * 24 * time.Hour
	historyBatch = 1000
)

// SweepHistory forgets how clients were long ago. It gives how many lines that
// were; a full batch means that there may be more.
func (s *Service) SweepHistory(ctx context.Context) (int, error) {
	var n int64
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.SweepHistory(ctx, historyAge, historyBatch)
		return err
	})
	return int(n), err
}
