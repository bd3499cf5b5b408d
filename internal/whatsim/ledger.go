package whatsim

import (
	"context"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
)

// Message is what one phone made of one stanza: an entry of the decrypted inboxes, in the order of arrival.
type Message struct {
	Seq        int64          `json:"seq"`
	To         string         `json:"to"`                  // the phone that received it
	From       string         `json:"from"`                // the number that sent it
	FromDevice uint16         `json:"from_device"`         // the companion that sent it; 0 is the phone
	Chat       string         `json:"chat"`                // the conversation, seen from the receiving phone
	ID         string         `json:"id"`                  // wire id
	Kind       string         `json:"kind"`                // text, image, reaction, ...
	Text       string         `json:"text"`                //
	Quoted     string         `json:"quoted,omitempty"`    // wire id of the message it answers
	Mentions   []string       `json:"mentions,omitempty"`  // addresses
	Time       time.Time      `json:"time"`                // arrival at the server
	Socket     int64          `json:"socket,omitempty"`    // the connection it came on
	Addressed  string         `json:"addressed,omitempty"` // the address the sender used
	Retry      int            `json:"retry,omitempty"`     // the retry that this answers
	Copy       bool           `json:"copy,omitempty"`      // the sender's own phone got it
	Peer       bool           `json:"peer_msg,omitempty"`  // about the account, to the own phone; nobody sees it
	Written    bool           `json:"written,omitempty"`   // a simulated phone wrote it
	Duplicate  bool           `json:"duplicate,omitempty"` // the phone had it already
	Err        string         `json:"err,omitempty"`       // why the phone could not read it
	Proto      *waE2E.Message `json:"-"`
}

// Visible tells whether a person sees this entry as a new message in the inbox.
func (m *Message) Visible() bool {
	return !m.Duplicate && m.Err == "" && !m.Peer && !m.Copy && !m.Written
}

// key identifies a message on the phone that received it.
func (m *Message) key() string { return m.From + "/" + m.ID }

// Frame is one message stanza as it came over the wire, before anybody decrypted it.
type Frame struct {
	Seq    int64     `json:"seq"`
	Number string    `json:"number"` // the account that sent it
	Device uint16    `json:"device"`
	Chat   string    `json:"chat"` // the number it was addressed to
	ID     string    `json:"id"`
	Time   time.Time `json:"time"`
	Socket int64     `json:"socket"`
	Copies int       `json:"copies"` // ciphertexts in it
	Resend bool      `json:"resend,omitempty"`
	Text   string    `json:"text,omitempty"` // what the recipient's phone read, once it did
}

// Query selects messages. Empty fields select everything.
type Query struct {
	To, From, ID string
	After        int64 // entries with a higher Seq
	All          bool  // also duplicates, unreadable ones, own copies and what phones wrote
}

func (q Query) selects(m *Message) bool {
	return m.Seq > q.After && (q.To == "" || m.To == q.To) && (q.From == "" || m.From == q.From) &&
		(q.ID == "" || m.ID == q.ID) && (q.All || m.Visible())
}

// ledger records messages, raw frames and events, in order.
type ledger struct {
	mu       sync.Mutex
	seq      int64
	messages []*Message
	frames   []*Frame
	byID     map[string][]*Frame
	events   []*Event
	grown    chan struct{} // closed and replaced whenever something is added
}

func newLedger() *ledger { return &ledger{grown: make(chan struct{}), byID: map[string][]*Frame{}} }

func (l *ledger) next() int64 {
	l.seq++
	close(l.grown)
	l.grown = make(chan struct{})
	return l.seq
}

func (l *ledger) add(m Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.Seq = l.next()
	l.messages = append(l.messages, &m)
	if m.Copy || m.Err != "" || m.Written {
		return
	}
	for _, f := range l.byID[m.From+"/"+m.ID] {
		if f.Text == "" && f.Chat == m.To {
			f.Text = m.Text
		}
	}
}

func (l *ledger) frame(m envelope) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &Frame{
		Seq: l.next(), Number: m.sender.phone.number, Device: m.sender.id, Chat: m.number, ID: m.id, Time: m.arrived,
		Socket: m.conn.id, Copies: len(m.copies), Resend: m.resend,
	}
	l.frames = append(l.frames, f)
	key := f.Number + "/" + f.ID
	l.byID[key] = append(l.byID[key], f)
}

// Messages returns the selected entries, oldest first.
func (s *Server) Messages(q Query) []Message {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	out, _ := scan(s.ledger.messages, q.selects, 0)
	return out
}

// WaitMessages waits until n entries are selected, and returns all that are. When the context ends first it returns what
// there is, together with the context's error.
func (s *Server) WaitMessages(ctx context.Context, q Query, n int) ([]Message, error) {
	return await(ctx, s.ledger, func() []*Message { return s.ledger.messages }, q.selects, n)
}

// scan selects from the i-th entry on and returns where to go on.
func scan[T any](entries []*T, selects func(*T) bool, i int) ([]T, int) {
	out := []T{}
	for ; i < len(entries); i++ {
		if selects(entries[i]) {
			out = append(out, *entries[i])
		}
	}
	return out, i
}

// await waits until n entries are selected. It reads the list anew, under the ledger's lock, whenever the ledger has grown.
func await[T any](ctx context.Context, l *ledger, entries func() []*T, selects func(*T) bool, n int) ([]T, error) {
	out, at := []T{}, 0
	for {
		l.mu.Lock()
		more, next := scan(entries(), selects, at)
		grown := l.grown
		l.mu.Unlock()
		out, at = append(out, more...), next
		if len(out) >= n {
			return out, nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
}

// Frames returns the raw message stanzas of a number ("" for all) after a sequence number, oldest first.
func (s *Server) Frames(number string, after int64) []Frame {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	out := []Frame{}
	for _, f := range s.ledger.frames {
		if f.Seq > after && (number == "" || f.Number == number) {
			out = append(out, *f)
		}
	}
	return out
}
