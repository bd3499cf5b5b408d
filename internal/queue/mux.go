package queue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hibiken/asynq"

	"chasqui/internal/wa"
)

// mux finds the handler of a task by its exact type. asynq's own falls back to
// prefixes: a kind that nobody handles would reach another's handler.
type mux map[string]asynq.HandlerFunc

// on registers the handler of one kind of job.
func on[J wa.Job](m mux, handle func(context.Context, *asynq.Task, J) error) {
	var kind J
	m[kind.Kind()] = func(ctx context.Context, t *asynq.Task) error {
		var head struct {
			Version int `json:"v"`
		}
		var job J
		if json.Unmarshal(t.Payload(), &head) != nil {
			return never("unreadable")
		}
		if head.Version != version {
			return fmt.Errorf("version %d of %s is not ours to read: %w", head.Version, t.Type(), asynq.RevokeTask)
		}
		if json.Unmarshal(t.Payload(), &job) != nil {
			return never("unreadable")
		}
		return handle(ctx, t, job)
	}
}

// ProcessTask handles a task. One of an unknown kind is tried again: a newer
// worker may take it.
func (m mux) ProcessTask(ctx context.Context, t *asynq.Task) error {
	handle, ok := m[t.Type()]
	if !ok {
		return fmt.Errorf("no handler for %q", t.Type())
	}
	return handle(ctx, t)
}
