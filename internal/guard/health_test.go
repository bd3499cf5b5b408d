package guard_test

import (
	"testing"

	"chasqui/internal/guard"
	"chasqui/internal/wa"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	on := wa.ClientConnected
	tests := map[string]struct {
		status  wa.ClientStatus
		conduct wa.Conduct
		score   int
		inputs  int
	}{
		"nothing is known":                  {on, wa.Conduct{}, 100, 4},
		"all is well":                       {on, wa.Conduct{Sent: 100, Delivered: 97, Ended: 100, Failed: 1, Disconnects: 2}, 100, 6},
		"too few messages say nothing":      {on, wa.Conduct{Sent: 19, Ended: 19, Failed: 19}, 100, 4},
		"enough messages do":                {on, wa.Conduct{Sent: 20, Ended: 20, Failed: 20}, 50, 6},
		"half way to a bad share":           {on, wa.Conduct{Sent: 1000, Delivered: 775}, 88, 5},
		"a restriction":                     {wa.ClientRestricted, wa.Conduct{Restrictions: 1}, 45, 4},
		"a restriction that is over":        {on, wa.Conduct{Restrictions: 1}, 75, 4},
		"many restrictions cost their most": {on, wa.Conduct{Restrictions: 40}, 50, 4},
		"refusals":                          {on, wa.Conduct{Refusals: 2}, 90, 4},
		"a line that breaks":                {on, wa.Conduct{Disconnects: 4}, 96, 4},
		"off on purpose":                    {wa.ClientDisconnected, wa.Conduct{}, 100, 4},
		"never linked":                      {wa.ClientNew, wa.Conduct{}, 0, 4},
		"everything at once":                {wa.ClientBanned, wa.Conduct{Restrictions: 9, Refusals: 9, Disconnects: 99, Sent: 50, Ended: 50, Failed: 50}, 0, 6},
	}
	for name, tt := range tests {
		score, inputs := guard.Health(tt.status, tt.conduct)
		if score != tt.score || len(inputs) != tt.inputs {
			t.Errorf("%s: %d of %d inputs, want %d of %d: %+v", name, score, len(inputs), tt.score, tt.inputs, inputs)
		}
		for _, in := range inputs {
			if in.Cost < 0 || in.Cost > in.Weight || in.Note == "" || in.Unit == "" {
				t.Errorf("%s: %+v", name, in)
			}
		}
	}
}

// TestEveryStatusIsJudged: what stops messages on its own costs points, what
// works or is wanted so does not.
func TestEveryStatusIsJudged(t *testing.T) {
	t.Parallel()
	for _, s := range wa.ClientStatuses() {
		score, _ := guard.Health(s, wa.Conduct{})
		free := s == wa.ClientConnected || s == wa.ClientDisconnected
		if free != (score == 100) {
			t.Errorf("%s: %d", s, score)
		}
	}
}
