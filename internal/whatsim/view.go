package whatsim

import (
	"context"
	"net/http"
	"slices"
	"sort"
	"time"
)

// Bounds of what the pocket phone shows.
const (
	viewMessages = 300                    // of the phone that is open, the latest
	viewEvents   = 40                     // of what happened, the latest
	viewWait     = 25 * time.Second       // how long a call waits for news
	viewGather   = 100 * time.Millisecond // how long news gather before they are told
)

// View is what the pocket phone's page draws, for one phone that is open.
type View struct {
	Seq      int64             `json:"seq"`      // ask for what is after it
	Refusing bool              `json:"refusing"` // every connection is refused
	Rules    []Rule            `json:"rules"`
	Waiting  []WaitingView     `json:"waiting"`
	Passkeys []AskedPasskey    `json:"passkeys"` // wanted by companions that wait
	Phones   []PhoneView       `json:"phones"`
	Messages []Message         `json:"messages"` // of the open phone, oldest first
	Ticks    map[string]string `json:"ticks"`    // of what the open phone wrote: delivered or read, by wire id
	Happened []Event           `json:"happened"` // oldest first
}

// WaitingView is a companion that waits for a phone.
type WaitingView struct {
	Socket int64     `json:"socket"`
	Phone  string    `json:"phone,omitempty"` // set when it waits for a code to be entered on this phone
	Since  time.Time `json:"since"`
}

// PhoneView is a phone as the list of phones shows it.
type PhoneView struct {
	PhoneInfo
	Name string   `json:"name"`
	Last *Message `json:"last,omitempty"` // the latest message it saw
	// Got are the numbers in the ledger of its latest incoming messages, so that the
	// page can count what was not looked at.
	Got []int64 `json:"got"`
}

// gotLimit is how many unseen messages of one phone are worth counting.
const gotLimit = 100

// ctlView answers the view. It waits for news when the caller has seen everything there is.
func (s *Server) ctlView(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), viewWait)
	defer cancel()
	s.ledger.awaitNews(ctx, int64(intOf(r, "after")))
	return s.view(r.FormValue("phone")), nil
}

// awaitNews waits until the ledger has moved from after, and a little longer for what comes along.
func (l *ledger) awaitNews(ctx context.Context, after int64) {
	l.mu.Lock()
	grown, same := l.grown, l.seq == after
	l.mu.Unlock()
	if !same {
		return
	}
	select {
	case <-grown:
		sleep(ctx, viewGather)
	case <-ctx.Done():
	}
}

// stir wakes whoever waits for news about something that leaves no entry.
func (l *ledger) stir() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next()
}

func (s *Server) view(number string) View {
	v := View{Refusing: s.refusing.Load(), Rules: s.Rules(), Waiting: s.waitingViews(), Passkeys: s.AskedPasskeys(), Messages: []Message{}, Ticks: map[string]string{}, Happened: []Event{}}
	phones := s.Phones()
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	v.Seq = s.ledger.seq
	v.Phones = phoneViews(phones, s.ledger.messages)
	for _, m := range s.ledger.messages {
		if m.shown() && (m.To == number || m.From == number) {
			v.Messages = append(v.Messages, *m)
		}
	}
	v.Messages = v.Messages[max(0, len(v.Messages)-viewMessages):]
	for _, e := range s.ledger.events {
		v.note(e, number)
	}
	v.Happened = v.Happened[max(0, len(v.Happened)-viewEvents):]
	return v
}

// shown tells whether a person sees the entry on the phone that sent or received it.
func (m *Message) shown() bool { return !m.Copy && !m.Peer && !m.Duplicate }

// note takes what an event says about the open phone, or about what happened.
func (v *View) note(e *Event, number string) {
	switch e.Kind {
	case EventReceipt:
		if e.Peer != number || e.Detail == "retry" {
			return
		}
		if e.Detail == "read" || e.Detail == "played" {
			v.Ticks[e.ID] = "read"
		} else if v.Ticks[e.ID] == "" {
			v.Ticks[e.ID] = "delivered"
		}
	case EventPresence, EventChatState, EventUnknownIQ, EventStrayHTTP:
	default:
		v.Happened = append(v.Happened, *e)
	}
}

func phoneViews(phones []PhoneInfo, messages []*Message) []PhoneView {
	all := make([]PhoneView, len(phones))
	at := make(map[string]*PhoneView, len(phones))
	for i, p := range phones {
		all[i] = PhoneView{PhoneInfo: p, Name: p.Behaviour.name(p.Number), Got: []int64{}}
		at[p.Number] = &all[i]
	}
	for _, m := range messages {
		if !m.shown() {
			continue
		}
		if p := at[m.From]; p != nil {
			p.Last = m
		}
		if p := at[m.To]; p != nil {
			p.Last = m
			p.Got = append(p.Got, m.Seq)
			p.Got = p.Got[max(0, len(p.Got)-gotLimit):]
		}
	}
	// Whoever heard something last comes first.
	sort.SliceStable(all, func(i, j int) bool { return all[i].lastSeq() > all[j].lastSeq() })
	return all
}

func (p PhoneView) lastSeq() int64 {
	if p.Last == nil {
		return 0
	}
	return p.Last.Seq
}

func (s *Server) waitingViews() []WaitingView {
	all := []WaitingView{}
	for _, w := range s.Waiting() {
		all = append(all, WaitingView{Socket: w.Socket, Phone: w.Phone, Since: w.Since})
	}
	slices.SortFunc(all, func(a, b WaitingView) int { return a.Since.Compare(b.Since) })
	return all
}
