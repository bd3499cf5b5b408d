package bench_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// figure is one result. Bare and Ratio are nil where there is no bare part.
type figure struct {
	Name  string   `json:"name"`
	Ours  float64  `json:"ours"`
	Bare  *float64 `json:"bare"`
	Ratio *float64 `json:"ratio"`
	Unit  string   `json:"unit"`
	N     int      `json:"n"`
	Goal  string   `json:"goal"`
	OK    bool     `json:"ok"`

	how string // circumstances
}

// beside fills in the bare part and ours divided by it.
func (f figure) beside(bare float64) figure {
	ratio := 0.0
	if bare != 0 {
		ratio = f.Ours / bare
	}
	f.Bare, f.Ratio = &bare, &ratio
	return f
}

// atLeast and atMost judge a figure by its ratio.
func (f figure) atLeast(goal float64) figure {
	f.Goal, f.OK = fmt.Sprintf("ratio ≥ %.2f", goal), *f.Ratio >= goal
	return f
}

func (f figure) atMost(goal float64) figure {
	f.Goal, f.OK = fmt.Sprintf("ratio ≤ %.2f", goal), *f.Ratio <= goal
	return f
}

// within judges a figure that has no bare part.
func (f figure) within(goal float64) figure {
	f.Goal, f.OK = fmt.Sprintf("≤ %g", goal), f.Ours <= goal
	return f
}

// least judges a figure that has no bare part.
func (f figure) least(goal float64) figure {
	f.Goal, f.OK = fmt.Sprintf("≥ %g", goal), f.Ours >= goal
	return f
}

// report prints a figure at once and keeps it for the table.
func (b *bench) report(f figure) {
	f.Ours = round(f.Ours)
	for _, v := range []*float64{f.Bare, f.Ratio} {
		if v != nil {
			*v = round(*v)
		}
	}
	f.how = b.how
	b.figures = append(b.figures, f)
	line, err := json.Marshal(f)
	if err != nil { // a figure that is not a number
		line = []byte(fmt.Sprintf("{%q:%q}", "name", f.Name))
	}
	fmt.Println(string(line))
}

// round keeps four digits.
func round(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// table is Markdown that people can read as it is.
func table(all []figure) string {
	var b strings.Builder
	b.WriteString("| measurement | ours | bare | ratio | unit | n | goal | reached |\n|---|---|---|---|---|---|---|---|\n")
	for _, f := range all {
		b.WriteString(row(f) + "\n")
	}
	return b.String()
}

func row(f figure) string {
	reached := "no"
	switch {
	case f.Goal == "":
		reached = ""
	case f.OK:
		reached = "yes"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %d | %s | %s |", f.Name, number(&f.Ours), number(f.Bare), number(f.Ratio), f.Unit, f.N, f.Goal, reached)
}

func number(v *float64) string {
	switch {
	case v == nil:
		return "–"
	case math.Abs(*v) >= 1000:
		return fmt.Sprintf("%.0f", *v)
	}
	return fmt.Sprintf("%.4g", *v)
}

// markers are the lines of the document between which the table stands.
const (
	tableStart = "<!-- figures:start -->\n"
	tableEnd   = "<!-- figures:end -->\n"
)

// write puts the rows into a document's table, between its markers: a row of
// the same name is replaced, the others stay as they were measured.
func (b *bench) write(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(raw), tableStart)
	kept, tail, found := strings.Cut(rest, tableEnd)
	if !ok || !found {
		return fmt.Errorf("%s has no markers for the figures", path)
	}
	return os.WriteFile(path, []byte(head+tableStart+merged(kept, rows(b.figures))+tableEnd+tail), 0o644)
}

// tableHead is of the document's table, which tells of each row how it came
// about.
const tableHead = "| measurement | ours | bare | ratio | unit | n | goal | reached | commit, time (UTC), load average before |\n|---|---|---|---|---|---|---|---|---|\n"

// rows are the document's lines, each with the circumstances.
func rows(all []figure) (lines []string) {
	for _, f := range all {
		lines = append(lines, row(f)+" "+f.how+" |")
	}
	return lines
}

func merged(old string, fresh []string) string {
	var lines []string
	for line := range strings.Lines(strings.TrimPrefix(old, tableHead)) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	for _, line := range fresh {
		same := func(other string) bool { return nameIn(other) == nameIn(line) }
		if i := slices.IndexFunc(lines, same); i >= 0 {
			lines[i] = line
			continue
		}
		lines = append(lines, line)
	}
	return tableHead + strings.Join(lines, "\n") + "\n"
}

// nameIn is the first cell of a line.
func nameIn(line string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
	return name
}

// circumstances are what a reader needs to know of a measurement: the commit,
// the time, and how busy the machine was when it began.
func circumstances() string {
	return fmt.Sprintf("`%s`, %s, %s", commit(), time.Now().UTC().Format("2006-01-02 15:04"), loadAverage())
}

// commit names the code. A checkout with changes that are not committed says so.
func commit() string {
	if *built != "" {
		return *built
	}
	out, err := exec.Command("git", "describe", "--always", "--exclude=*", "--dirty", "--abbrev=10").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(raw))[:3], " ")
}

// percentile gives the value that p (0 to 1) of the values are not above.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(p*float64(len(sorted))))-1)]
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func TestPercentile(t *testing.T) {
	t.Parallel()
	var values []time.Duration
	for i := range 100 {
		values = append(values, time.Duration(100-i))
	}
	for p, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 1: 100} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %v is %d, want %d", p, got, want)
		}
	}
	if percentile(nil, 0.5) != 0 {
		t.Error("the percentile of nothing is not 0")
	}
}

func TestFigure(t *testing.T) {
	t.Parallel()
	f := figure{Name: "x", Ours: 82, Unit: "requests/s", N: 3}.beside(100)
	if !f.atLeast(0.8).OK || f.atLeast(0.83).OK || !f.atMost(0.82).OK || f.within(81).OK || !f.least(82).OK {
		t.Errorf("judged wrongly: %+v", f)
	}
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median is %v", got)
	}
	if got := round(12345.6); got != 12350 {
		t.Errorf("round gives %v", got)
	}
	old := tableHead + "| a | 1 |\n| b | 2 |\n"
	if got := merged(old, []string{"| b | 3 |", "| c | 4 |"}); got != tableHead+"| a | 1 |\n| b | 3 |\n| c | 4 |\n" {
		t.Errorf("merged:\n%s", got)
	}
	if got := table([]figure{f.atLeast(0.8)}); !strings.Contains(got, "| x | 82 | 100 | 0.82 | requests/s | 3 | ratio ≥ 0.80 | yes |") {
		t.Errorf("table:\n%s", got)
	}
}
