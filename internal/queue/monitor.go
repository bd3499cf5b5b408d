package queue

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"
)

// MonitorPath is where the operator's page lives.
const MonitorPath = "/admin/queues"

// Monitor is asynq's page for operators. It asks nobody for a key: put it
// behind what does. It shows ids, states and reasons; nobody's words or numbers
// are in Redis.
type Monitor struct {
	page *asynqmon.HTTPHandler
	safe http.Handler
}

// NewMonitor makes the page, with connections of its own to rdb's Redis. A
// read-only one answers 405 to whatever would change something.
func NewMonitor(rdb *redis.Client, readOnly bool) *Monitor {
	page := asynqmon.New(asynqmon.Options{
		RootPath:         MonitorPath,
		RedisConnOpt:     sameRedis{rdb.Options()},
		PayloadFormatter: asynqmon.PayloadFormatterFunc(showIDs),
		ResultFormatter:  asynqmon.ResultFormatterFunc(showIDs),
		ReadOnly:         readOnly,
	})
	// The page has no defence of its own against buttons pressed by other sites.
	return &Monitor{page: page, safe: http.NewCrossOriginProtection().Handler(page)}
}

// ServeHTTP serves everything under MonitorPath.
func (m *Monitor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	m.safe.ServeHTTP(w, r)
}

// Close closes the page's connections.
func (m *Monitor) Close() error { return m.page.Close() }

// sameRedis makes clients like one that there is, timeouts included.
type sameRedis struct{ options *redis.Options }

// MakeRedisClient makes one; asynq's type of it says less.
func (s sameRedis) MakeRedisClient() any { return redis.NewClient(s.options) }

// shown are the values that may be shown as they are: our ids, a message's id
// at WhatsApp, and words of our own.
var shown = regexp.MustCompile(`^([a-z]{2,5}_[0-9a-z]{26}|3EB0[0-9A-F]{18}|[a-z_]{1,20})$`)

// showIDs prints a payload or result as "client_id=cli_… v=1". Of anything that
// is no id it prints that it is there, should a payload ever hold more.
func showIDs(_ string, raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return "(hidden)"
	}
	var parts []string
	for name, value := range fields {
		parts = append(parts, name+"="+showValue(value))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func showValue(v any) string {
	switch v := v.(type) {
	case float64:
		if v == float64(int32(v)) { // a phone number is larger
			return strconv.Itoa(int(v))
		}
	case string:
		if shown.MatchString(v) {
			return v
		}
	}
	return "(hidden)"
}
