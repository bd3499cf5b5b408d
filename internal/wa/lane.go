package wa

import "fmt"

// Lane is a message's priority on its client's road. Urgent goes before all
// else; normal and bulk share 3:1; bulk leaves part of every limit unused.
type Lane int16

// The lanes, most urgent first; the numbers are their order in Postgres.
const (
	Urgent Lane = 0
	Normal Lane = 1
	Bulk   Lane = 2
)

// Lanes lists every lane, most urgent first.
func Lanes() []Lane { return []Lane{Urgent, Normal, Bulk} }

var laneNames = map[Lane]string{Urgent: "urgent", Normal: "normal", Bulk: "bulk"}

// String is the lane's name in the API.
func (l Lane) String() string { return laneNames[l] }

// MarshalText writes the name.
func (l Lane) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the name; empty means normal.
func (l *Lane) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*l = Normal
		return nil
	}
	for lane, name := range laneNames {
		if name == string(b) {
			*l = lane
			return nil
		}
	}
	return InvalidField("lane", "is one of urgent, normal, bulk, not %q", fmt.Sprintf("%.20s", b))
}
