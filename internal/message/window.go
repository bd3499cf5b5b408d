package message

// noteUse measures how full the number's windows are when a message starts, the
// message included: a histogram over all numbers, because a series for each
// would be too many. It never goes above 1 while pacing does what it promises.
func (l *line) noteUse() {
	if !l.limits.Enabled {
		return
	}
	used := l.pace.Used(l.s.opt.Now())
	for _, w := range []struct {
		name        string
		used, limit int
	}{
		{"minute", used.Minute, l.limits.PerMinute}, {"hour", used.Hour, l.limits.PerHour}, {"day", used.Day, l.limits.PerDay},
	} {
		windowUsed.WithLabelValues(w.name).Observe(float64(w.used) / float64(max(1, w.limit)))
	}
}
