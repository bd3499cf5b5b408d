package wa

import "time"

// ProgramKind is which of our programs a process runs.
type ProgramKind string

// The programs.
const (
	RunsAPI       ProgramKind = "api"
	RunsWorker    ProgramKind = "worker"
	RunsScheduler ProgramKind = "scheduler"
)

// Process is one of our programs at work, as it says itself. What is nil it does
// not know.
type Process struct {
	ID          string      `json:"id" doc:"Another one after each start"`
	Kind        ProgramKind `json:"kind" enum:"api,worker,scheduler"`
	Version     string      `json:"version"`
	StartedAt   time.Time   `json:"started_at"`
	CPUPercent  *float64    `json:"cpu_percent" doc:"Of one processor, over the last seconds: 200 is two of them"`
	MemoryBytes *int64      `json:"memory_bytes" doc:"What it occupies"`
	Goroutines  *int        `json:"goroutines"`
	Connections *int        `json:"connections" doc:"Of an api: open HTTP connections. Of a worker: numbers that are online. null for a scheduler"`
	SeenAt      time.Time   `json:"seen_at" doc:"When it said so"`
}

// Traffic is what one api process answered over some time. Within counts the
// answers that took at most so many seconds; streams and long polls are not among
// them.
type Traffic struct {
	Seconds      float64 // how long was measured
	Requests     float64
	Errors       float64 // answered with an error of ours
	Limited      float64 // refused because somebody sent too many
	AuthFailures float64 // refused for want of a good credential
	Timed        float64 // answers whose time was measured
	Within       []Within
}

// Within is a step of a distribution: how many took at most so long. The steps
// rise.
type Within struct {
	Seconds, Count float64
}

// Pulse is what a process publishes about itself.
type Pulse struct {
	Process Process
	Traffic *Traffic // of an api that has measured for a while
}

// DatabaseFigures is how Postgres does, as far as we may see. What is nil is not
// known.
type DatabaseFigures struct {
	Connections      *int     `json:"connections" doc:"Of everybody, to all of its databases"`
	MaxConnections   *int     `json:"max_connections"`
	QueriesPerSecond *float64 `json:"queries_per_second" doc:"In the last minute; of what, tells counted"`
	MeanMS           *float64 `json:"mean_ms" doc:"How long one of them took, in the last minute"`
	Counted          string   `json:"counted" enum:"statements,transactions" doc:"What the two above count: statements, where Postgres has pg_stat_statements, or else transactions"`
	CacheHit         *float64 `json:"cache_hit" doc:"Share of the last minute's reads that needed no disk, 0 to 1"`
	SizeBytes        *int64   `json:"size_bytes" doc:"Of our database, on disk"`
}
