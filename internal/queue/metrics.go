package queue

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	ringTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_ring_total",
		Help: "Bells, by result: ok, conflict (it rings already), failed, skipped (Redis had failed before), dropped (too many at once).",
	}, []string{"result"})
	generationChanges = promauto.NewCounter(prometheus.CounterOpts{
		Name: "chasqui_redis_generation_changes_total", Help: "Times that Redis was found wiped.",
	})
	redisUp = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_redis_up", Help: "Whether Redis answered this process when last asked.",
	})
	queueTasks = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_asynq_tasks", Help: "Tasks in asynq, by queue and state; told by the leading scheduler.",
	}, []string{"queue", "state"})
	queueLatency = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chasqui_asynq_queue_latency_seconds", Help: "Age of a queue's oldest pending task; told by the leading scheduler.",
	}, []string{"queue"})
)

func noteRedis(err error) {
	if err != nil {
		redisUp.Set(0)
		return
	}
	redisUp.Set(1)
}
