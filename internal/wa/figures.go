package wa

import "time"

// MessageCounts counts messages by what became of them so far. A message counts
// in each that it has passed: what was read was also delivered and sent.
type MessageCounts struct {
	Accepted  int64 `json:"accepted" doc:"Taken to be sent. What people write on the phone itself is not among them"`
	Sent      int64 `json:"sent" doc:"Of those, how many WhatsApp's server took"`
	Delivered int64 `json:"delivered" doc:"Of those, how many reached a phone"`
	Read      int64 `json:"read" doc:"Of those, how many were opened"`
	Failed    int64 `json:"failed" doc:"Of the accepted, how many were given up"`
	Received  int64 `json:"received" doc:"Messages that came in"`
}

// Plus is both together.
func (c MessageCounts) Plus(o MessageCounts) MessageCounts {
	return MessageCounts{
		Accepted: c.Accepted + o.Accepted, Sent: c.Sent + o.Sent, Delivered: c.Delivered + o.Delivered, Read: c.Read + o.Read,
		Failed: c.Failed + o.Failed, Received: c.Received + o.Received,
	}
}

// ClientCounts counts clients, each once, under the first that applies of:
// unpaired, banned, stopped, paused, restricted, connected, connecting, offline.
type ClientCounts struct {
	Connected  int `json:"connected" doc:"Online"`
	Connecting int `json:"connecting" doc:"On their way"`
	Offline    int `json:"offline" doc:"Off, because somebody wants it or their keys are used elsewhere"`
	Paused     int `json:"paused" doc:"Their lines are paused"`
	Unpaired   int `json:"unpaired" doc:"Without a phone: new, pairing or logged out"`
	Restricted int `json:"restricted" doc:"Online, and may not begin new chats for a time"`
	Banned     int `json:"banned" doc:"For a time or for good"`
	Stopped    int `json:"stopped" doc:"Held by the kill switch, or WhatsApp refused them for good"`
	Total      int `json:"total"`

	Online int `json:"-"` // however they are held
}

// Add counts n clients that are alike. held says that the kill switch holds
// them.
func (c *ClientCounts) Add(s ClientStatus, paused, held bool, n int) {
	c.Total += n
	if s.Online() {
		c.Online += n
	}
	*c.of(s, paused, held) += n
}

func (c *ClientCounts) of(s ClientStatus, paused, held bool) *int {
	switch {
	case s == ClientBanned || s == ClientTempBanned:
		return &c.Banned
	case s.Unpaired():
		return &c.Unpaired
	case held || s == ClientStopped || s == ClientOutdated:
		return &c.Stopped
	case paused:
		return &c.Paused
	case s == ClientRestricted:
		return &c.Restricted
	case s.Online():
		return &c.Connected
	case s == ClientConnecting:
		return &c.Connecting
	}
	return &c.Offline
}

// EndpointCounts counts an org's webhooks and what waits for them.
type EndpointCounts struct {
	Healthy  int `json:"healthy" doc:"On, and the last attempt arrived"`
	Failing  int `json:"failing" doc:"On, and the last attempts did not arrive"`
	Disabled int `json:"disabled" doc:"Switched off"`
	Pending  int `json:"pending" doc:"Deliveries that are still to be made, counted up to 100,000"`
}

// FigureStep is how wide the bars of a chart are.
type FigureStep string

// The steps.
const (
	ByHour FigureStep = "hour"
	ByDay  FigureStep = "day"
)

// MostFigures bounds how many bars one question may ask for.
const MostFigures = 1000

// Bounds gives where bars of this width begin, in a zone, from the one that holds
// from to the one that holds the moment before to, and at last where that one
// ends. It gives at most one more than most beginnings. Days are as long as the
// zone has them.
func (s FigureStep) Bounds(from, to time.Time, zone *time.Location, most int) []time.Time {
	at := s.begin(from.In(zone))
	bounds := []time.Time{at.UTC()}
	for at.Before(to) && len(bounds) <= most+1 {
		at = s.next(at)
		bounds = append(bounds, at.UTC())
	}
	return bounds
}

func (s FigureStep) begin(t time.Time) time.Time {
	if s == ByDay {
		return midnight(t.Year(), t.Month(), t.Day(), t.Location())
	}
	// Not by the wall clock: where it is set back, an hour is there twice.
	return t.Add(-time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second - time.Duration(t.Nanosecond()))
}

func (s FigureStep) next(t time.Time) time.Time {
	if s == ByDay {
		return midnight(t.Year(), t.Month(), t.Day()+1, t.Location())
	}
	return t.Add(time.Hour)
}

// midnight is when a day begins: where clocks are set forward at midnight, that
// is an hour later.
func midnight(year int, month time.Month, day int, zone *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, zone)
	if noon := time.Date(year, month, day, 12, 0, 0, 0, zone); t.Day() != noon.Day() {
		return t.Add(time.Duration(24-t.Hour())*time.Hour - time.Duration(t.Minute())*time.Minute)
	}
	return t
}
