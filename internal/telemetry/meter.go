package telemetry

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Usage is what this process takes of its machine. What is nil is not known.
type Usage struct {
	CPUPercent  *float64 // of one processor, since the reading before
	MemoryBytes *int64   // resident
	Goroutines  int
}

// Meter reads what this process uses. The zero value is ready; it is not for
// several goroutines at once.
type Meter struct {
	at   time.Time
	used time.Duration
}

// Read measures. The first reading knows of no time before it.
func (m *Meter) Read() Usage {
	return Usage{CPUPercent: m.processor(), MemoryBytes: resident(), Goroutines: runtime.NumGoroutine()}
}

func (m *Meter) processor() *float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return nil
	}
	now, used := time.Now(), time.Duration(u.Utime.Nano()+u.Stime.Nano())
	before := *m
	m.at, m.used = now, used
	if before.at.IsZero() || !now.After(before.at) {
		return nil
	}
	percent := 100 * float64(used-before.used) / float64(now.Sub(before.at))
	return &percent
}

// resident is read where Linux tells it.
func resident() *int64 {
	raw, err := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(raw)
	if err != nil || len(fields) < 2 {
		return nil
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return nil
	}
	n := pages * int64(os.Getpagesize())
	return &n
}
